//! One connection of the driver: one buffer for its whole life, and a time limit on all that it waits for.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::time::{Duration, Instant};

use protocol::{Framing, Next};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep, timeout};

use crate::drive::arrival;
use crate::drive::run::{CONNECT_TIMEOUT, Run, Way, as_ns};
use crate::history::Event;
use crate::history::EventKind;
use crate::history::Failure;
use crate::history::FailureKind;
use crate::moves::MoveResult;
use crate::moves::Slot;
use crate::shortage::is_shortage;

/// How much is read at once. Replies are short; more than this comes only from a target that says too much.
const INPUT_BYTES: usize = 4096;

/// After the sending half is ended, how long a target may take to end its own before the connection is closed.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(250);

/// How much of a target's surplus is taken in at the end; it is a violation after the first byte.
const FAREWELL_READS_MAX: usize = 16;

/// A flood is over when the target took nothing for this long.
const FLOOD_STALL: Duration = Duration::from_millis(200);

/// A slow target need not be filled to the brim.
const FLOOD_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a flood is handed to the system at once.
const FLOOD_CHUNK_BYTES: usize = 64 * 1024;

/// A connection that came to an end which was already told.
pub(super) struct Gone;

pub(super) struct Connection<F> {
    number: u32,
    client: u32,
    stream: TcpStream,
    framing: F,
    input: Box<[u8]>,
    /// The part of `input` that was read and not yet cut into replies.
    unread: std::ops::Range<usize>,
    /// The replies that were awaited last.
    replies: Vec<Vec<u8>>,
    opened_at: Instant,
    /// When the reply that is due began to be waited for: with the last sending, or with the reply before it.
    due_since: Instant,
    has_received: bool,
    timer: Pin<Box<Sleep>>,
}

impl<F: Framing> Connection<F> {
    /// Opens a connection; nothing if that could not be done, which is told.
    pub(super) async fn open<O>(run: &Run<O>, client: u32, slot: Slot, way: Way, framing: F) -> Option<Self>
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        let stream = match run.connect(way).await {
            Ok(connected) => connected,
            Err(error) => {
                run.tell(run.now_ns(), client, 0, EventKind::NotOpened(failure(&error)));
                return None;
            }
        };
        // Sendings are whole requests; holding one back for more would only add to its reply's time.
        let _ = stream.set_nodelay(true);
        let number = run.connection_count.get() + 1;
        run.connection_count.set(number);
        run.tell(run.now_ns(), client, number, EventKind::Opened(slot));
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
            timer: Box::pin(sleep(run.reply_timeout.get())),
        })
    }

    /// What the last [`Connection::read_replies`] brought.
    pub(super) fn result(&self) -> MoveResult<'_> {
        MoveResult::Replies(&self.replies)
    }

    /// Sends all of `bytes`. The time is taken before the first of them can have any effect.
    pub(super) async fn send<O>(&mut self, run: &Run<O>, bytes: &[u8]) -> Result<(), Gone>
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        self.take_in_unasked(run);
        self.due_since = Instant::now();
        let at_ns = as_ns(self.due_since.duration_since(run.begun));
        run.tell(at_ns, self.client, self.number, EventKind::Sent(Cow::Borrowed(bytes)));
        let limit = run.reply_timeout.get();
        let deadline = self.due_since + limit;
        match until(deadline, &mut self.timer, self.stream.write_all(bytes)).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(self.lost(run, &error)),
            None => Err(self.timed_out(run, deadline.elapsed(), limit)),
        }
    }

    /// Sends `bytes` over and over until the target takes no more, and does not look at the replies.
    pub(super) async fn flood<O>(&mut self, run: &Run<O>, bytes: &[u8], bytes_max: usize) -> Result<(), Gone>
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        let at_ns = run.now_ns();
        let mut chunk = bytes.repeat((FLOOD_CHUNK_BYTES / bytes.len().max(1)).max(1));
        chunk.truncate(bytes_max);
        let begun = Instant::now();
        let (mut sent, mut has_stalled) = (0, false);
        while sent < bytes_max && begun.elapsed() < FLOOD_TIMEOUT {
            // Where the last write ended within a line the next one goes on in it.
            let rest = &chunk[sent % chunk.len()..];
            match timeout(FLOOD_STALL, self.stream.write(rest)).await {
                Ok(Ok(written @ 1..)) => sent += written,
                Ok(Ok(0)) | Err(_) => {
                    has_stalled = true;
                    break;
                }
                Ok(Err(error)) => return Err(self.lost(run, &error)),
            }
        }
        run.tell(at_ns, self.client, self.number, EventKind::Flooded { bytes: sent as u64, has_stalled });
        Ok(())
    }

    /// Takes in so many bytes of what is there by now, and does not wait for more.
    pub(super) fn take<O>(&mut self, run: &Run<O>, bytes_max: usize) -> Result<(), Gone>
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        let most = bytes_max.min(self.input.len());
        match self.stream.try_read(&mut self.input[..most]) {
            Ok(0) => {
                run.tell(run.now_ns(), self.client, self.number, EventKind::Ended);
                Err(Gone)
            }
            Ok(read) => {
                self.received(run, read);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(self.lost(run, &error)),
        }
    }

    /// Takes in what comes until the target ends the connection.
    pub(super) async fn await_end<O>(&mut self, run: &Run<O>, limit: Duration) -> Result<(), Gone>
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        let deadline = Instant::now() + limit;
        loop {
            match until(deadline, &mut self.timer, self.stream.read(&mut self.input)).await {
                Some(Ok(read @ 1..)) => self.received(run, read),
                Some(Ok(0)) => {
                    run.tell(run.now_ns(), self.client, self.number, EventKind::Ended);
                    return Err(Gone);
                }
                Some(Err(error)) => return Err(self.lost(run, &error)),
                None => {
                    let waited_ns = as_ns(limit);
                    run.tell(run.now_ns(), self.client, self.number, EventKind::StayedOpen { waited_ns });
                    return Ok(());
                }
            }
        }
    }

    /// Ends the sending half. A target that is gone already is found so by the next read.
    pub(super) async fn end_sending(&mut self) -> Result<(), Gone> {
        let _ = self.stream.shutdown().await;
        Ok(())
    }

    /// Vanishes without a word: what the target has sent is thrown away, and it is told so by a reset.
    pub(super) fn reset<O>(self, run: &Run<O>)
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        // Where the system refuses it, the connection is closed in the ordinary way, and that is told.
        let what = if self.stream.set_zero_linger().is_ok() { EventKind::Reset } else { EventKind::Closed };
        run.tell(run.now_ns(), self.client, self.number, what);
    }

    /// Reads until `count` replies are there. The limit is for each reply: what came before the first is no excuse.
    pub(super) async fn read_replies<O>(&mut self, run: &Run<O>, count: usize) -> Result<(), Gone>
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
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
                    run.tell(run.now_ns(), self.client, self.number, EventKind::Ended);
                    return Err(Gone);
                }
                Some(Ok(read)) => self.received(run, read),
                Some(Err(error)) => return Err(self.lost(run, &error)),
                None => {
                    // Looking at the system's sockets takes a while where there are many; that is not lateness.
                    let noticed = Instant::now();
                    if !self.is_still_connecting() {
                        return Err(self.timed_out(run, noticed.saturating_duration_since(deadline), limit));
                    }
                    self.due_since = Instant::now();
                }
            }
        }
    }

    /// Whether the target's system has taken nothing of what was sent, for want of room in the backlog.
    fn is_still_connecting(&self) -> bool {
        !self.has_received && self.opened_at.elapsed() < CONNECT_TIMEOUT && arrival::is_awaited(&self.stream)
    }

    /// Ends the sending half, takes in what still comes (each byte of it is one too many), and closes.
    pub(super) async fn close<O>(mut self, run: &Run<O>)
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        let farewell = async {
            // A target that is gone already is found so by the read.
            let _ = self.stream.shutdown().await;
            for _ in 0..FAREWELL_READS_MAX {
                match self.stream.read(&mut self.input).await {
                    Ok(0) => {
                        run.tell(run.now_ns(), self.client, self.number, EventKind::Ended);
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
        // A target may keep its half open for as long as it likes.
        let _ = timeout(FAREWELL_TIMEOUT, farewell).await;
        run.tell(run.now_ns(), self.client, self.number, EventKind::Closed);
    }

    /// What has come before anything was asked is told, and answers nothing.
    fn take_in_unasked<O>(&mut self, run: &Run<O>)
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        // An end or an error is found again by the next read.
        if let Ok(read @ 1..) = self.stream.try_read(&mut self.input) {
            self.received(run, read);
        }
        self.unread = 0..0;
    }

    /// Moves up to `wanted` replies from what was read to `replies`.
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

    fn received<O>(&mut self, run: &Run<O>, read: usize)
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        self.unread = 0..read;
        self.has_received = true;
        let bytes = Cow::Borrowed(&self.input[..read]);
        run.tell(run.now_ns(), self.client, self.number, EventKind::Received(bytes));
    }

    fn lost<O>(&self, run: &Run<O>, error: &io::Error) -> Gone
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        run.tell(run.now_ns(), self.client, self.number, EventKind::Lost(failure(error)));
        Gone
    }

    fn timed_out<O>(&self, run: &Run<O>, late: Duration, limit: Duration) -> Gone
    where
        O: FnMut(&Event<'_>) -> ControlFlow<()>,
    {
        let late_ns = as_ns(late);
        let waited_ns = as_ns(limit) + late_ns;
        run.reply_timeout.set(limit.min(run.limits.reply_timeout_after_one));
        run.tell(run.now_ns(), self.client, self.number, EventKind::TimedOut { waited_ns, late_ns });
        Gone
    }
}

/// What `work` comes to, or nothing if it is not done by the deadline.
///
/// The timer is the connection's own. It goes off now and then, and is set anew only then: a timer for every reply
/// would cost a tenth of what the reply costs.
async fn until<T>(
    deadline: Instant,
    timer: &mut Pin<Box<Sleep>>,
    work: impl Future<Output = T>,
) -> Option<T> {
    // A limit that is shorter than those before it cannot wait until they are over.
    if timer.deadline() > deadline.into() {
        timer.as_mut().reset(deadline.into());
    }
    let time_over = async {
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
        () = time_over => None,
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
