//! One connection of the driver: one buffer for its whole lifetime, and a deadline for every wait.

mod flood;

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::pin::Pin;
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
