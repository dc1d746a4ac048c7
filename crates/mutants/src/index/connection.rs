//! One connection: wait for bytes, read once, answer all complete lines, write once.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{Answer, answer};
use super::catalogue::Defect;
use super::framing::{Line, LineSplitter};
use super::output::Output;
use super::replies::{self, Reply};
use super::server::Server;
use super::sharing::View;
use crate::control::{Effect, End, Probe};
use crate::timeout::is_timeout;

/// The time limit for a client that stalls within a line.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

const READ_BYTES_MAX: usize = 16 * 1024;

/// The memory that a defect takes for each read within a line. The limit protects the machine.
const BLOCK_BYTES: usize = 4096;
const BLOCKS_MAX: usize = 16 * 1024;

/// The number of consecutive errors at which a defect blocks all clients, and for how long.
const ERROR_FLOOD: usize = 1000;
const ERROR_FLOOD_BLOCKS: Duration = Duration::from_secs(12);

/// The time after which a defect forgets an incomplete line.
const LINE_FORGOTTEN_AFTER: Duration = Duration::from_secs(1);

/// The time in which a control expects a reset after the end of a stream.
const RESET_WAIT: Duration = Duration::from_millis(160);

/// Serves a client until one side ends the connection. Returns whether the connection was lost.
pub(super) fn serve(server: &Server, stream: &Arc<TcpStream>, view: View) -> bool {
    let Ok(mut connection) = Connection::new(server, stream, view) else { return true };
    let ending = connection.run();
    connection.finish(ending)
}

struct Connection<'a> {
    server: &'a Server,
    stream: &'a Arc<TcpStream>,
    output: Output,
    splitter: LineSplitter,
    view: View,
    buffer: Vec<u8>,
    /// The read time limit that is set on the socket; it is set again only when it changes.
    read_timeout: Option<Duration>,
    answered_count: usize,
    error_count: usize,
    fail_count: usize,
    errors_in_a_row: usize,
    /// The time of the latest read.
    read_at: Instant,
    /// Memory that a defect keeps while a line is incomplete.
    blocks: Vec<Vec<u8>>,
    /// Whether the unsolicited reply of a defect has been sent.
    has_sent_unsolicited: bool,
    /// The lock of defects that block all other connections.
    gate: Option<MutexGuard<'a, ()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The client has shut down its sending half.
    EndOfStream,
    /// The client has stalled within a line or has not read its replies.
    Stalled,
    /// The connection was reset.
    Lost,
    /// A write failed.
    WriteFailed,
    /// The server closes the connection because of a defect.
    Closed,
    /// The defect ends the server.
    Crash,
}

impl<'a> Connection<'a> {
    fn new(server: &'a Server, stream: &'a Arc<TcpStream>, view: View) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let mut splitter = LineSplitter::new(server.defects);
        splitter.set_partial_line(server.faults.take_line());
        Ok(Self {
            server,
            stream,
            output: Output::new(stream, server.defects, server.faults.waker())?,
            splitter,
            view,
            buffer: vec![0; READ_BYTES_MAX],
            read_timeout: None,
            answered_count: 0,
            error_count: 0,
            fail_count: 0,
            errors_in_a_row: 0,
            read_at: Instant::now(),
            blocks: Vec::new(),
            has_sent_unsolicited: false,
            gate: None,
        })
    }

    fn has(&self, defect: Defect) -> bool {
        self.server.defects.has(defect)
    }

    fn run(&mut self) -> Ending {
        self.server.faults.delay_newcomer(&self.server.lifecycle);
        if self.has(Defect::Greeting) && self.output.write(b"WELCOME\n").is_err() {
            return Ending::WriteFailed;
        }
        loop {
            let step = match self.read() {
                Ok(0) => self.end_of_stream(),
                Ok(count) => self.answer_read(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => ControlFlow::Continue(()),
                Err(error) if is_timeout(&error) => self.handle_idle_timeout(),
                Err(_) => ControlFlow::Break(Ending::Lost),
            };
            if let ControlFlow::Break(ending) = step {
                return ending;
            }
        }
    }

    fn end_of_stream(&mut self) -> ControlFlow<Ending> {
        if self.has(Defect::SaysGoodbye) && self.answered_count == 1 {
            // The connection ends whether or not this reply arrives.
            let _ = self.output.write(b"BYE\n");
        }
        ControlFlow::Break(Ending::EndOfStream)
    }

    fn read(&mut self) -> io::Result<usize> {
        self.set_read_timeout(self.timeout())?;
        (&**self.stream).read(&mut self.buffer)
    }

    /// Returns the read time limit. Between lines there is none.
    fn timeout(&self) -> Option<Duration> {
        match self.server.defects.get() {
            Some(Defect::SpeaksWhenIdle) if !self.has_sent_unsolicited => Some(Duration::from_millis(100)),
            Some(Defect::IdleClientsDropped) if !self.splitter.is_mid_line() => {
                Some(Duration::from_millis(200))
            }
            Some(Defect::KeepsStalledWriters | Defect::HalfLineBlocksAll) => None,
            _ => self.splitter.is_mid_line().then_some(READ_TIMEOUT),
        }
    }

    fn handle_idle_timeout(&mut self) -> ControlFlow<Ending> {
        if self.has(Defect::SpeaksWhenIdle) && !self.has_sent_unsolicited {
            self.has_sent_unsolicited = true;
            return self.write(b"OK\n");
        }
        if self.has(Defect::TimeoutAnnounced) {
            // The connection ends whether or not this line arrives.
            let _ = self.output.write(b"TIMEOUT\n");
        }
        ControlFlow::Break(Ending::Stalled)
    }

    /// Answers the lines that one read completes.
    fn answer_read(&mut self, count: usize) -> ControlFlow<Ending> {
        let witness = &self.server.witness;
        let before_end = witness.probes(Probe::BeforeReply) && self.ends_stream_soon();
        if witness.note_read(self.view.client(), &self.buffer[..count], before_end) {
            return ControlFlow::Break(Ending::Crash);
        }
        if self.has(Defect::LockHeldWhileWriting) || self.has(Defect::HalfLineBlocksAll) {
            let gate = &self.server.gate;
            self.gate.get_or_insert_with(|| gate.lock().unwrap_or_else(PoisonError::into_inner));
        }
        if self.has(Defect::ErrorFloodBlocksAll) || self.has(Defect::ClosesWaitForUnreadReplies) {
            drop(self.server.gate.lock());
        }
        if self.has(Defect::HalfLineForgottenWhenIdle) && self.read_at.elapsed() > LINE_FORGOTTEN_AFTER {
            self.splitter.take_partial_line();
        }
        self.read_at = Instant::now();
        let lines = self.split(count);
        if self.has(Defect::ChangesAnsweredUnderTheLock) {
            // A QUERY needs the lock too, but not while its reply is written.
            let lock = self.server.gate.lock().unwrap_or_else(PoisonError::into_inner);
            self.gate = lines.iter().any(Line::may_change).then_some(lock);
        }
        self.note_read(!lines.is_empty());
        if self.has(Defect::ReadsFirstLineBeforeNextAccept) && !lines.is_empty() {
            self.server.admission.stop_awaiting(self.view.client(), &self.server.lifecycle);
        }
        let (answers, next) = self.answer_all(lines);
        if next == ControlFlow::Break(Ending::Crash) {
            return next;
        }
        if self.has(Defect::HalfCloseDropsReplies) && self.ends_stream_soon() {
            return ControlFlow::Break(Ending::EndOfStream);
        }
        self.send(&answers)?;
        if !(self.has(Defect::HalfLineBlocksAll) && self.splitter.is_mid_line()) {
            self.gate = None;
        }
        next
    }

    fn split(&mut self, count: usize) -> Vec<Line> {
        let bytes = &self.buffer[..count];
        if !self.has(Defect::ClientsShareABuffer) {
            return self.splitter.split(bytes);
        }
        let mut shared = self.server.shared_partial_line.lock().unwrap_or_else(PoisonError::into_inner);
        self.splitter.set_partial_line(std::mem::take(&mut shared));
        let lines = self.splitter.split(bytes);
        *shared = self.splitter.take_partial_line();
        lines
    }

    /// Records a read for the defects that concern slow clients.
    fn note_read(&mut self, has_ended_line: bool) {
        let is_mid_line = self.splitter.is_mid_line();
        self.server.faults.note_read(self.view.client(), is_mid_line);
        if has_ended_line {
            self.blocks.clear();
        }
        if self.has(Defect::ReadsWithinALineTakeBlocks) && is_mid_line && self.blocks.len() < BLOCKS_MAX {
            self.blocks.push(vec![1; BLOCK_BYTES]);
        }
    }

    /// Answers lines in order, until one of them ends the connection.
    fn answer_all(&mut self, mut lines: Vec<Line>) -> (Vec<Answer>, ControlFlow<Ending>) {
        if self.has(Defect::EffectsReversed) {
            lines.reverse();
        }
        let mut answers = Vec::with_capacity(lines.len());
        let mut next = ControlFlow::Continue(());
        for line in lines {
            let answer = answer(self.server, &mut self.view, &line);
            answers.push(answer);
            next = self.follow(answer);
            if next.is_break() {
                break;
            }
        }
        match self.server.defects.get() {
            Some(Defect::EffectsReversed | Defect::RepliesReversed) => answers.reverse(),
            Some(Defect::RepliesJoined) => answers.dedup(),
            _ => {}
        }
        (answers, next)
    }

    /// Returns whether the connection continues after an answer. The correct server always continues.
    fn follow(&mut self, answer: Answer) -> ControlFlow<Ending> {
        self.answered_count += 1;
        self.error_count += usize::from(answer == Answer::Reply(Reply::Error));
        self.fail_count += usize::from(answer == Answer::Reply(Reply::Fail));
        let is_error = answer == Answer::Reply(Reply::Error);
        self.errors_in_a_row = if is_error { self.errors_in_a_row + 1 } else { 0 };
        if self.has(Defect::ErrorFloodBlocksAll) && self.errors_in_a_row == ERROR_FLOOD {
            self.errors_in_a_row = 0;
            let _gate = self.server.gate.lock();
            self.server.lifecycle.ends_within(ERROR_FLOOD_BLOCKS);
        }
        let is_end = match (self.server.defects.get(), answer) {
            (_, Answer::Crash) => return ControlFlow::Break(Ending::Crash),
            (_, Answer::Close)
            | (Some(Defect::ClosesAfterError), Answer::Reply(Reply::Error))
            | (Some(Defect::ClosesAfterFail), Answer::Reply(Reply::Fail))
            | (Some(Defect::ClosesAfterEachReply), _) => true,
            (Some(Defect::ClosesAfter32Requests), _) => self.answered_count >= 32,
            (Some(Defect::ClosesAfter2Fails), _) => self.fail_count >= 2,
            (Some(Defect::ClosesAfter10Errors), _) => self.error_count >= 10,
            _ => false,
        };
        if is_end { ControlFlow::Break(Ending::Closed) } else { ControlFlow::Continue(()) }
    }

    /// Sends replies with one write.
    fn send(&mut self, answers: &[Answer]) -> ControlFlow<Ending> {
        if self.has(Defect::ServesSlowlyBesideIdleClients) && self.server.lifecycle.open_count() > 20 {
            thread::sleep(Duration::from_millis(100));
        }
        let mut out = Vec::new();
        for &answer in answers {
            let (reply, count) = match answer {
                Answer::Reply(reply) => (reply, 1),
                Answer::ReplyTwice(reply) => (reply, 2),
                Answer::Nothing | Answer::Close | Answer::Crash => continue,
            };
            for _ in 0..count {
                let number = self.server.reply_count.fetch_add(1, Ordering::Relaxed) + 1;
                replies::append(reply, number, self.server.defects, &mut out);
            }
            if self.has(Defect::DiesOfABrokenPipe) {
                self.write(&out)?;
                out.clear();
            }
        }
        self.write(&out)
    }

    fn write(&mut self, bytes: &[u8]) -> ControlFlow<Ending> {
        let output = &self.output;
        match self.server.faults.write_in_turn(&self.server.lifecycle, || output.write(bytes)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) if is_timeout(&error) => ControlFlow::Break(Ending::Stalled),
            Err(_) => ControlFlow::Break(Ending::WriteFailed),
        }
    }

    /// Returns whether the client's end of stream arrives within 5 ms. Only a defect needs this.
    fn ends_stream_soon(&mut self) -> bool {
        let is_set = self.set_read_timeout(Some(Duration::from_millis(5))).is_ok();
        is_set && matches!(self.stream.peek(&mut [0]), Ok(0))
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if self.read_timeout != timeout {
            self.stream.set_read_timeout(timeout)?;
            self.read_timeout = timeout;
        }
        Ok(())
    }

    /// Ends the connection and discards an incomplete line. Returns whether the connection was lost.
    fn finish(mut self, ending: Ending) -> bool {
        let is_mid_line = self.splitter.is_mid_line();
        let is_lost = matches!(ending, Ending::Lost | Ending::WriteFailed);
        if is_mid_line {
            self.finish_partial_line(ending);
        }
        self.gate = None;
        let effect = self.server.witness.note_end(self.view.client(), self.end(ending));
        if self.is_fatal(ending, is_mid_line) || effect == Some(Effect::End) {
            // The server must end before this connection is closed, so that the client cannot reconnect.
            self.server.lifecycle.crash();
        }
        self.output.finish();
        let _ = self.stream.shutdown(Shutdown::Both);
        if effect == Some(Effect::Leak) {
            self.server.leaks.keep_open(self.stream);
        }
        if ending == Ending::WriteFailed {
            self.server.leaks.note_failed_write(self.stream);
        }
        self.server.leaks.note_end(self.stream, is_lost || is_mid_line, self.answered_count == 0);
        self.server.index.close_view(&self.view, is_lost);
        self.server.faults.note_read(self.view.client(), false);
        if self.server.defects.has(Defect::HalfLineEndSpins) && ending == Ending::EndOfStream && is_mid_line {
            self.server.faults.spin(self.stream, &self.server.lifecycle);
        }
        is_lost
    }

    /// Returns how the client has ended the connection.
    fn end(&self, ending: Ending) -> End {
        match ending {
            Ending::EndOfStream if self.server.witness.probes(Probe::AfterEnd) => {
                thread::sleep(RESET_WAIT);
                if matches!(self.stream.take_error(), Ok(Some(_))) {
                    End::StreamThenReset
                } else {
                    End::Stream
                }
            }
            Ending::EndOfStream => End::Stream,
            Ending::Lost | Ending::WriteFailed => End::Reset,
            _ => End::Other,
        }
    }

    fn is_fatal(&self, ending: Ending, is_mid_line: bool) -> bool {
        match self.server.defects.get() {
            Some(Defect::DiesOfAReset) => matches!(ending, Ending::Lost | Ending::WriteFailed),
            Some(Defect::DiesOfABrokenPipe) => ending == Ending::WriteFailed,
            Some(Defect::DiesOfAHalfLine) => ending == Ending::EndOfStream && is_mid_line,
            _ => ending == Ending::Crash,
        }
    }

    /// Applies the incomplete line if a defect requires it.
    fn finish_partial_line(&mut self, ending: Ending) {
        let line = Line::Complete(self.splitter.take_partial_line());
        match (self.server.defects.get(), ending) {
            (Some(Defect::EndOfStreamIsALine), Ending::EndOfStream) => {
                let (answers, _) = self.answer_all(vec![line]);
                // The connection ends whether or not these replies arrive.
                let _ = self.send(&answers);
            }
            (Some(Defect::EndOfStreamTakesEffect), Ending::EndOfStream)
            | (Some(Defect::HalfLineOfALostClientDone), Ending::Lost | Ending::WriteFailed) => {
                answer(self.server, &mut self.view, &line);
            }
            (Some(Defect::HalfLineGoesToTheNextClient), Ending::Lost | Ending::WriteFailed) => {
                if let Line::Complete(line) = line {
                    self.server.faults.leave_line(line);
                }
            }
            (Some(Defect::TimerClosesALaterClient), Ending::Lost | Ending::WriteFailed) => {
                self.server.faults.leave_timer();
            }
            _ => {}
        }
    }
}
