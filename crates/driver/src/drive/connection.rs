//! One connection of the driver: one buffer for its whole lifetime, and a deadline for every wait.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};

use protocol::{Framing, Next};

use crate::drive::run::{Observer, Route, Run, as_ns};
use crate::history::{EventKind, Failure, FailureKind};
use crate::moves::{MoveResult, Slot};
use crate::shortage::is_shortage;

/// The size of the input buffer, in bytes. Replies are short; only a misbehaving target fills it.
const INPUT_BYTES: usize = 4096;

/// The time that a target may take to close its half after the client has shut down its sending half, …
const LINGER_TIMEOUT: Duration = Duration::from_millis(250);

/// … and once it has not done so for this number of connections.
const SHORT_LINGER_TIMEOUT: Duration = Duration::from_millis(50);
const LATE_ENDS_MAX: u32 = 4;

/// The number of reads during a lingering close. The first byte already is a violation, so a sample is enough.
const LINGER_READS_MAX: usize = 16;

/// When a flood ends before all its bytes are sent.
struct FloodLimits {
    /// The target has not read for this time, and for [`PAUSE_FACTOR`] times longer than ever before.
    stall: Duration,
    /// The flood lasts for this time; a slow target need not be filled completely.
    duration: Duration,
}

/// The limits of a flood that fills the buffers of a connection.
const FLOOD: FloodLimits =
    FloodLimits { stall: Duration::from_millis(500), duration: Duration::from_secs(5) };

/// The limits of a flood that fills the memory of the target. A busy machine pauses a target that reads for some hundred
/// milliseconds, and a flood that ends too early shows nothing.
const LARGE_FLOOD: FloodLimits =
    FloodLimits { stall: Duration::from_secs(1), duration: Duration::from_secs(15) };

/// A target that is not blocked may pause too, on a busy machine repeatedly. Only a pause that is this many times longer than those
/// before it ends a flood.
const PAUSE_FACTOR: u32 = 4;

/// The number of bytes from which a flood is to fill memory.
const LARGE_FLOOD_BYTES: usize = 100 << 20;

/// The number of bytes of a flood that are passed to the operating system at once.
const FLOOD_CHUNK_BYTES: usize = 64 * 1024;

/// The number of replies to a flood that are kept at once, and the time after which the duration of reading all is estimated.
const FLOOD_REPLIES_AT_ONCE: usize = 50;
const FLOOD_ESTIMATED_AFTER: Duration = Duration::from_secs(1);

/// A target that has written this many times while nothing was left to read, or for which the client has waited that long, no longer
/// empties a buffer: it has continued to write.
const FLOOD_WAITS_MIN: u32 = 20;
const FLOOD_WAITED_MIN: Duration = Duration::from_secs(3);

/// The connection ended, and the event was emitted; whether the client has waited for a reply in vain.
pub(super) struct Closed(pub(super) bool);

pub(super) struct Connection<F> {
    number: u32,
    client: u32,
    stream: TcpStream,
    framing: F,
    input: Box<[u8]>,
    /// The part of `input` that was read and not yet cut into replies.
    unread: std::ops::Range<usize>,
    /// The replies to the last wait.
    replies: Vec<Vec<u8>>,
    opened_at: Instant,
    /// The time at which the wait for the next reply began: the last send, or the previous reply.
    due_since: Instant,
    has_received: bool,
    /// The bytes that the last flood has repeated, and the number of bytes sent.
    flooded: (Vec<u8>, usize),
    timer: Pin<Box<Sleep>>,
}

impl<F: Framing> Connection<F> {
    /// Opens a connection; on failure emits the event and returns `None`.
    pub(super) async fn open<O: Observer>(
        run: &Run<O>,
        client: u32,
        slot: Slot,
        route: Route,
        framing: F,
    ) -> Option<Self> {
        let stream = match run.connect(route).await {
            Ok(connected) => connected,
            Err(error) => {
                run.emit(run.now_ns(), client, 0, EventKind::NotOpened(failure(&error)));
                return None;
            }
        };
        // Each send is a whole request. Delaying it would only increase the latency of its reply.
        let _ = stream.set_nodelay(true);
        let number = run.connection_count.get() + 1;
        run.connection_count.set(number);
        run.emit(run.now_ns(), client, number, EventKind::Opened(slot));
        Some(Self {
            number,
            client,
            stream,
            framing,
            input: vec![0; INPUT_BYTES].into_boxed_slice(),
            unread: 0..0,
            replies: Vec::new(),
            opened_at: Instant::now(),
            due_since: Instant::now(),
            has_received: false,
            flooded: (Vec::new(), 0),
            timer: Box::pin(sleep(run.reply_timeout.get())),
        })
    }

    /// Returns the replies of the last [`Connection::read_replies`].
    pub(super) fn result(&self) -> MoveResult<'_> {
        MoveResult::Replies(&self.replies)
    }

    /// Sends all of `bytes`. The timestamp is taken before the first byte can have any effect.
    pub(super) async fn send<O: Observer>(&mut self, run: &Run<O>, bytes: &[u8]) -> Result<(), Closed> {
        self.read_unsolicited(run);
        self.due_since = Instant::now();
        let at_ns = as_ns(self.due_since.duration_since(run.begun));
        run.emit(at_ns, self.client, self.number, EventKind::Sent(Cow::Borrowed(bytes)));
        let limit = run.reply_timeout.get();
        let deadline = self.due_since + limit;
        match until(deadline, &mut self.timer, self.stream.write_all(bytes)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.lost(run, &error)),
            None => Err(self.timed_out(run, deadline.elapsed(), limit)),
        }
    }

    /// Sends `bytes` repeatedly until the target stops reading; reads no replies.
    pub(super) async fn flood<O: Observer>(
        &mut self,
        run: &Run<O>,
        bytes: &[u8],
        bytes_max: usize,
    ) -> Result<(), Closed> {
        let at_ns = run.now_ns();
        let mut chunk = bytes.repeat((FLOOD_CHUNK_BYTES / bytes.len().max(1)).max(1));
        chunk.truncate(bytes_max);
        let begun = Instant::now();
        let limits = if bytes_max >= LARGE_FLOOD_BYTES { LARGE_FLOOD } else { FLOOD };
        let (mut sent, mut has_stalled, mut pause_max) = (0, false, Duration::ZERO);
        while sent < bytes_max && begun.elapsed() < limits.duration {
            // A write can end within a line; the next one continues there.
            let rest = &chunk[sent % chunk.len()..];
            let stall = limits.stall.max(pause_max * PAUSE_FACTOR).min(limits.duration);
            let waiting_since = Instant::now();
            match timeout(stall, self.stream.write(rest)).await {
                Ok(Ok(written @ 1..)) => {
                    sent += written;
                    pause_max = pause_max.max(waiting_since.elapsed());
                }
                Ok(Ok(0)) | Err(_) => {
                    has_stalled = true;
                    break;
                }
                Ok(Err(error)) => return Err(self.lost(run, &error)),
            }
        }
        run.emit(at_ns, self.client, self.number, EventKind::Flooded { bytes: sent as u64, has_stalled });
        self.flooded = (bytes.to_vec(), sent);
        Ok(())
    }

    /// Completes the last request of the last flood and reads all replies; `framing` cuts the requests. Stops early if the target
    /// would need longer than `limit`, once it has continued to write; if it has not done so within `limit`, that is an event.
    pub(super) async fn await_flood<O: Observer>(
        &mut self,
        run: &Run<O>,
        mut framing: F,
        limit: Duration,
    ) -> Result<(), Closed> {
        let (bytes, sent) = mem::take(&mut self.flooded);
        let length = bytes.len().max(1);
        let mut missing = if sent % length == 0 { &[][..] } else { &bytes[sent % length..] };
        // A flood repeats complete requests.
        let count = sent.div_ceil(length) * frames(&mut framing, &bytes);
        let begun = Instant::now();
        self.due_since = begun;
        let (mut read, mut waits, mut waited) = (0, 0, Duration::ZERO);
        while read < count {
            let next = FLOOD_REPLIES_AT_ONCE.min(count - read);
            let waiting_since = (!self.may_have_received(next)).then(Instant::now);
            self.read_replies(run, next).await?;
            read += next;
            waits += u32::from(waiting_since.is_some());
            waited += waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
            // The target has read enough by now, or will have when the next replies have arrived.
            if !missing.is_empty()
                && let Ok(written) = self.stream.try_write(missing)
            {
                let bytes = Cow::Borrowed(&missing[..written]);
                run.emit(run.now_ns(), self.client, self.number, EventKind::Sent(bytes));
                missing = &missing[written..];
            }
            let elapsed = begun.elapsed();
            let is_too_long =
                elapsed > FLOOD_ESTIMATED_AFTER && as_ns(elapsed) / read as u64 * count as u64 > as_ns(limit);
            if is_too_long && (waits >= FLOOD_WAITS_MIN || waited >= FLOOD_WAITED_MIN) {
                break;
            }
            if elapsed > limit {
                run.emit(run.now_ns(), self.client, self.number, EventKind::StoppedReading);
                break;
            }
        }
        Ok(())
    }

    /// Returns whether this number of replies may be complete, or bytes can be read now. The beginning of a reply is not enough.
    fn may_have_received(&self, replies: usize) -> bool {
        // Nobody is woken, because the next read asks again. A reply has at least one byte.
        let mut context = Context::from_waker(Waker::noop());
        self.unread.len() >= replies || self.stream.poll_read_ready(&mut context).is_ready()
    }

    /// Reads at most `bytes_max` bytes that are already available; does not wait.
    pub(super) fn read_available<O: Observer>(
        &mut self,
        run: &Run<O>,
        bytes_max: usize,
    ) -> Result<(), Closed> {
        let most = bytes_max.min(self.input.len());
        match self.stream.try_read(&mut self.input[..most]) {
            Ok(0) => {
                run.emit(run.now_ns(), self.client, self.number, EventKind::Ended);
                Err(Closed(false))
            }
            Ok(read) => {
                self.received(run, read);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(self.lost(run, &error)),
        }
    }

    /// Reads until the target closes the connection.
    pub(super) async fn await_end<O: Observer>(
        &mut self,
        run: &Run<O>,
        limit: Duration,
    ) -> Result<(), Closed> {
        let deadline = Instant::now() + limit;
        loop {
            match until(deadline, &mut self.timer, self.stream.read(&mut self.input)).await {
                Some(Ok(read @ 1..)) => self.received(run, read),
                Some(Ok(0)) => {
                    run.emit(run.now_ns(), self.client, self.number, EventKind::Ended);
                    return Err(Closed(false));
                }
                Some(Err(error)) => return Err(self.lost(run, &error)),
                None => {
                    let waited_ns = as_ns(limit);
                    run.emit(run.now_ns(), self.client, self.number, EventKind::StayedOpen { waited_ns });
                    return Ok(());
                }
            }
        }
    }

    /// Shuts down the sending half. If the target is already gone, the next read detects it.
    pub(super) async fn end_sending<O: Observer>(&mut self, run: &Run<O>) -> Result<(), Closed> {
        run.emit(run.now_ns(), self.client, self.number, EventKind::EndedSending);
        let _ = self.stream.shutdown().await;
        Ok(())
    }

    /// Resets the connection and discards bytes that were not read.
    pub(super) fn reset<O: Observer>(self, run: &Run<O>) {
        // If the operating system refuses a reset, the connection is closed normally, and the event says so.
        let what = if self.stream.set_zero_linger().is_ok() { EventKind::Reset } else { EventKind::Closed };
        run.emit(run.now_ns(), self.client, self.number, what);
    }

    /// Reads until `count` replies are complete. The time limit applies to each reply separately.
    pub(super) async fn read_replies<O: Observer>(
        &mut self,
        run: &Run<O>,
        count: usize,
    ) -> Result<(), Closed> {
        self.replies.clear();
        let mut missing = count;
        let limit = run.reply_timeout.get();
        loop {
            let found = self.cut_replies(missing);
            missing -= found;
            if found > 0 {
                self.due_since = Instant::now();
            }
            if missing == 0 {
                return Ok(());
            }
            let deadline = self.due_since + limit;
            match until(deadline, &mut self.timer, self.stream.read(&mut self.input)).await {
                Some(Ok(0)) => {
                    run.emit(run.now_ns(), self.client, self.number, EventKind::Ended);
                    return Err(Closed(false));
                }
                Some(Ok(read)) => self.received(run, read),
                Some(Err(error)) => return Err(self.lost(run, &error)),
                None => {
                    // Listing the system's sockets takes time when there are many. That time does not count as
                    // lateness.
                    let noticed = Instant::now();
                    if !self.is_still_connecting(run) {
                        return Err(self.timed_out(run, noticed.saturating_duration_since(deadline), limit));
                    }
                    self.due_since = Instant::now();
                }
            }
        }
    }

    /// Returns whether the target's system has acknowledged nothing because the backlog is full.
    fn is_still_connecting<O: Observer>(&self, run: &Run<O>) -> bool {
        !self.has_received
            && self.opened_at.elapsed() < run.limits.connect_timeout
            && run.unacknowledged.contains(&self.stream)
    }

    /// Performs a lingering close: shuts down the sending half, reads the remaining bytes, and closes.
    pub(super) async fn close<O: Observer>(mut self, run: &Run<O>) {
        let linger = async {
            // If the target is already gone, the next read detects it.
            let _ = self.stream.shutdown().await;
            for _ in 0..LINGER_READS_MAX {
                match self.stream.read(&mut self.input).await {
                    Ok(0) => {
                        run.emit(run.now_ns(), self.client, self.number, EventKind::Ended);
                        return;
                    }
                    Ok(read) => self.received(run, read),
                    Err(error) => {
                        self.lost(run, &error);
                        return;
                    }
                }
            }
        };
        // The protocol does not limit how long a target keeps its half open.
        let late_ends = run.late_ends.get();
        let limit = if late_ends < LATE_ENDS_MAX { LINGER_TIMEOUT } else { SHORT_LINGER_TIMEOUT };
        if timeout(limit, linger).await.is_err() {
            run.late_ends.set(late_ends.saturating_add(1));
        }
        run.emit(run.now_ns(), self.client, self.number, EventKind::Closed);
    }

    /// Reads unsolicited bytes that arrived before the next request is sent; they answer no request.
    fn read_unsolicited<O: Observer>(&mut self, run: &Run<O>) {
        // The next read detects a close or an error again.
        if let Ok(read @ 1..) = self.stream.try_read(&mut self.input) {
            self.received(run, read);
        }
        self.unread = 0..0;
    }

    /// Moves up to `wanted` complete replies from the input buffer to `replies`.
    fn cut_replies(&mut self, wanted: usize) -> usize {
        let mut found = 0;
        while found < wanted {
            let (taken, next) = self.framing.next(&self.input[self.unread.clone()]);
            self.unread.start += taken;
            match next {
                Next::Frame(reply) => self.replies.push(reply.to_vec()),
                Next::TooLong => self.replies.push(Vec::new()),
                Next::Incomplete => break,
            }
            found += 1;
        }
        found
    }

    fn received<O: Observer>(&mut self, run: &Run<O>, read: usize) {
        self.unread = 0..read;
        self.has_received = true;
        let bytes = Cow::Borrowed(&self.input[..read]);
        run.emit(run.now_ns(), self.client, self.number, EventKind::Received(bytes));
    }

    fn lost<O: Observer>(&self, run: &Run<O>, error: &io::Error) -> Closed {
        run.emit(run.now_ns(), self.client, self.number, EventKind::Lost(failure(error)));
        Closed(false)
    }

    fn timed_out<O: Observer>(&self, run: &Run<O>, late: Duration, limit: Duration) -> Closed {
        let late_ns = as_ns(late);
        let waited_ns = as_ns(limit) + late_ns;
        run.reply_timeout.set(limit.min(run.limits.reply_timeout_after_one));
        run.emit(run.now_ns(), self.client, self.number, EventKind::TimedOut { waited_ns, late_ns });
        Closed(true)
    }
}

/// Returns the number of complete frames in `bytes`, which end with one.
fn frames(framing: &mut impl Framing, mut bytes: &[u8]) -> usize {
    let mut count = 0;
    loop {
        let (taken, next) = framing.next(bytes);
        bytes = &bytes[taken..];
        if matches!(next, Next::Incomplete) {
            return count;
        }
        count += 1;
    }
}

/// Runs `work` until the deadline; returns `None` if it did not complete.
///
/// Each connection has one timer. It is reset only when it expires, because a new timer for every reply would add a
/// tenth to the cost of an exchange.
async fn until<T>(
    deadline: Instant,
    timer: &mut Pin<Box<Sleep>>,
    work: impl Future<Output = T>,
) -> Option<T> {
    // A deadline earlier than that of the timer needs a reset now.
    if timer.deadline() > deadline.into() {
        timer.as_mut().reset(deadline.into());
    }
    let expired = async {
        loop {
            timer.as_mut().await;
            if Instant::now() >= deadline {
                return;
            }
            timer.as_mut().reset(deadline.into());
        }
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = expired => None,
    }
}

fn failure(error: &io::Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::ConnectionRefused => FailureKind::Refused,
        ErrorKind::TimedOut => FailureKind::TimedOut,
        _ if is_shortage(error) => FailureKind::OutOfResources,
        _ => FailureKind::Other,
    };
    Failure { kind, message: error.to_string() }
}
