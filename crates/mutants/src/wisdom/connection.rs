//! One connection: its states, its time limits, and how it is closed.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use protocol::wisdom::messages::{Code, Request, Response, Solution};
use protocol::wisdom::token::Token;
use rustix::net::sockopt::set_socket_linger;

use super::catalogue::Defect;
use super::challenges::{self, Solver};
use super::framing::{FrameParser, Parsed};
use super::lingering_close;
use super::requests::{self, Message};
use super::server::Server;
use crate::control::{End, Probe};
use crate::lifecycle::ClientNumber;
use crate::timeout::is_timeout;

/// How a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseMode {
    /// With a lingering close, so that the client can read the last message.
    Lingering,
    /// At once: the client has left, or a defect requires it.
    Immediate,
    /// At once: the connection was reset.
    Lost,
    /// The server ends, because of a defect.
    Crash,
}

/// The time in which a control expects a reset after the end of a stream.
const RESET_WAIT: Duration = Duration::from_millis(160);

const READ_BYTES_MAX: usize = 4096;
const REQUESTS_MAX: usize = 2;
const INSUFFICIENT_SOLUTIONS_MAX: usize = 3;

pub(super) struct Connection<'a> {
    server: &'a Server,
    number: ClientNumber,
    stream: &'a TcpStream,
    client: IpAddr,
    parser: FrameParser,
    /// The nonces of the challenges issued on this connection; an expired challenge clears them.
    issued: Vec<[u8; 16]>,
    insufficient_solution_count: usize,
    opened_at: Instant,
    /// The time of the latest read; `None` before the first.
    read_at: Option<Instant>,
    /// The time of the first byte of the incomplete frame.
    frame_started_at: Option<Instant>,
    /// The time of the latest answer.
    answered_at: Option<Instant>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        server: &'a Server,
        number: ClientNumber,
        stream: &'a TcpStream,
        client: IpAddr,
    ) -> Self {
        Self {
            server,
            number,
            stream,
            client,
            parser: FrameParser::new(server.defects),
            issued: Vec::new(),
            insufficient_solution_count: 0,
            opened_at: Instant::now(),
            read_at: None,
            frame_started_at: None,
            answered_at: None,
        }
    }

    fn has(&self, defect: Defect) -> bool {
        self.server.defects.has(defect)
    }

    /// Serves the client until one side ends the connection.
    pub(super) fn run(&mut self) -> CloseMode {
        if prepare(self.server, self.stream).is_err() {
            return CloseMode::Immediate;
        }
        // A small buffer leaves unread bytes for the defect.
        let read_bytes_max = if self.has(Defect::ClosesWithoutDraining) { 8 } else { READ_BYTES_MAX };
        let mut buffer = vec![0; read_bytes_max];
        loop {
            let step = match self.read(&mut buffer) {
                Ok(0) => ControlFlow::Break(CloseMode::Immediate),
                Ok(count) => self.answer_read(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => ControlFlow::Continue(()),
                Err(error) if is_timeout(&error) && !self.has(Defect::TimeoutClosesSilently) => {
                    self.end(Code::Timeout)
                }
                Err(error) if is_timeout(&error) => ControlFlow::Break(CloseMode::Immediate),
                Err(_) => ControlFlow::Break(CloseMode::Lost),
            };
            if let ControlFlow::Break(close_mode) = step {
                return close_mode;
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let timeout = self.deadline().saturating_duration_since(Instant::now());
        if timeout.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(timeout))?;
        self.stream.read(buffer)
    }

    /// Returns the time by which the next bytes must arrive.
    fn deadline(&self) -> Instant {
        let limits = &self.server.settings.limits;
        let (since, limit) = match (self.frame_started_at, self.answered_at) {
            (Some(started_at), _) if self.has(Defect::DeadlinePerRead) => {
                (self.read_at.unwrap_or(started_at), limits.frame)
            }
            (Some(started_at), _) => (started_at, limits.frame),
            (None, Some(answered_at)) => (answered_at, limits.solving),
            (None, None) if self.has(Defect::NoFirstByteDeadline) => (self.opened_at, limits.connection),
            (None, None) => (self.opened_at, limits.first_byte),
        };
        (since + limit).min(self.opened_at + limits.connection)
    }

    /// Answers the frames that the bytes of one read complete.
    fn answer_read(&mut self, bytes: &[u8]) -> ControlFlow<CloseMode> {
        let now = Instant::now();
        self.read_at = Some(now);
        self.frame_started_at.get_or_insert(now);
        let witness = &self.server.witness;
        let before_end = witness.probes(Probe::BeforeReply) && ends_without_reset(self.stream);
        if witness.note_read(self.number, bytes, before_end) {
            return ControlFlow::Break(CloseMode::Crash);
        }
        self.parser.push(bytes);
        loop {
            match self.parser.next() {
                Parsed::Incomplete => break,
                Parsed::Invalid(code) => return self.end(code),
                Parsed::CloseSilently => return ControlFlow::Break(CloseMode::Immediate),
                Parsed::Frame { kind, payload } => {
                    self.answer(&requests::read(self.server.defects, kind, &payload))?;
                    self.answered_at = Some(Instant::now());
                    self.frame_started_at = Some(now);
                }
            }
        }
        if !self.parser.is_mid_frame() {
            self.frame_started_at = None;
        }
        ControlFlow::Continue(())
    }

    fn answer(&mut self, message: &Message) -> ControlFlow<CloseMode> {
        match message {
            Message::Request(Request::Challenge) => self.issue_challenge(),
            Message::Request(Request::Solution(solution)) => self.check_solution(solution),
            Message::Invalid(code) => self.end(*code),
            Message::Ignored => ControlFlow::Continue(()),
            Message::Crash => ControlFlow::Break(CloseMode::Crash),
        }
    }

    fn issue_challenge(&mut self) -> ControlFlow<CloseMode> {
        if self.server.witness.is_terminated() {
            return self.end(Code::UnknownType);
        }
        if self.issued.len() >= REQUESTS_MAX && !self.has(Defect::ThirdRequestAnswered) {
            return self.end(Code::UnexpectedMessage);
        }
        match challenges::issue(self.server, self.client) {
            Ok(challenge) => {
                self.issued.push(Token::read(&challenge.token).nonce);
                self.send(Response::Challenge(challenge))
            }
            Err(code) => self.end(code),
        }
    }

    fn check_solution(&mut self, solution: &Solution) -> ControlFlow<CloseMode> {
        let solver = Solver { number: self.number, address: self.client, own: &self.issued };
        match challenges::redeem(self.server, solution, &solver) {
            Ok(quotation) => {
                self.send(Response::Quote(quotation))?;
                if self.has(Defect::StaysOpenAfterQuote) { ControlFlow::Continue(()) } else { self.close() }
            }
            Err(Code::InsufficientWork) => {
                self.insufficient_solution_count += 1;
                if self.insufficient_solution_count >= INSUFFICIENT_SOLUTIONS_MAX
                    && !self.has(Defect::AttemptsWithoutEnd)
                {
                    return self.end(Code::TooManyAttempts);
                }
                self.send(Response::Error(Code::InsufficientWork.into()))?;
                if self.has(Defect::InsufficientWorkCloses) {
                    self.close()
                } else {
                    ControlFlow::Continue(())
                }
            }
            Err(Code::ChallengeExpired) if !self.has(Defect::ExpiredCloses) => {
                // The connection returns to its initial state.
                self.issued.clear();
                self.send(Response::Error(Code::ChallengeExpired.into()))
            }
            Err(code) => self.end(code),
        }
    }

    /// Sends an error and ends the connection.
    fn end(&mut self, code: Code) -> ControlFlow<CloseMode> {
        self.send(Response::Error(code.into()))?;
        self.close()
    }

    fn close(&self) -> ControlFlow<CloseMode> {
        let is_immediate = self.has(Defect::ClosesWithoutDraining);
        ControlFlow::Break(if is_immediate { CloseMode::Immediate } else { CloseMode::Lingering })
    }

    fn send(&mut self, mut response: Response) -> ControlFlow<CloseMode> {
        if self.has(Defect::SwapsRepliesOfTwoConnections) {
            response = self.server.swap(self.number, response);
        }
        match write(self.stream, &response) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(CloseMode::Immediate),
        }
    }
}

/// Rejects a client because a connection limit is reached.
pub(super) fn reject(server: &Server, stream: &TcpStream) {
    let busy = Response::Error(Code::ServerBusy.into());
    if prepare(server, stream).and_then(|()| write(stream, &busy)).is_err() {
        return;
    }
    if server.defects.has(Defect::BusyResets) {
        // If the option cannot be set, the connection closes without a reset.
        let _ = set_socket_linger(stream, Some(Duration::ZERO));
    } else {
        let _ = lingering_close::close(stream);
    }
}

/// Returns how a client has ended a connection from which nothing more can be read.
pub(super) fn end(server: &Server, stream: &TcpStream) -> End {
    if server.witness.probes(Probe::AfterEnd) {
        thread::sleep(RESET_WAIT);
    }
    if matches!(stream.take_error(), Ok(Some(_))) { End::StreamThenReset } else { End::Stream }
}

/// Returns whether the end of the stream arrives soon, and no reset after it. Only a control needs this.
fn ends_without_reset(stream: &TcpStream) -> bool {
    let is_set = stream.set_read_timeout(Some(Duration::from_millis(5))).is_ok();
    let ends = is_set && matches!(stream.peek(&mut [0]), Ok(0));
    ends && {
        thread::sleep(RESET_WAIT);
        matches!(stream.take_error(), Ok(None))
    }
}

fn prepare(server: &Server, stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(server.settings.limits.write))
}

fn write(mut stream: &TcpStream, response: &Response) -> io::Result<()> {
    let mut frame = Vec::new();
    response.encode(&mut frame);
    stream.write_all(&frame)
}
