//! One connection to a server, with time limits for each message.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames, Malformed};
use protocol::wisdom::messages::{Request, Response};
use protocol::{Framing, Next};

use super::failure::Failure;

/// Time limit for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for sending or receiving a message.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    frames: Frames,
    /// Received bytes of incomplete messages.
    unread: Vec<u8>,
    /// The end of all attempts.
    deadline: Instant,
}

impl Connection {
    /// Connects to the first address of the host that accepts a connection.
    pub(super) fn open(addr: &str, deadline: Instant) -> Result<Self, Failure> {
        let unreachable = |source| Failure::Unreachable { addr: addr.to_owned(), source };
        let mut last_error = io::Error::from(io::ErrorKind::NotFound);
        for addr in addr.to_socket_addrs().map_err(unreachable)? {
            let opened = time_left(deadline.min(Instant::now() + CONNECT_TIMEOUT))
                .and_then(|left| TcpStream::connect_timeout(&addr, left));
            match opened {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(Failure::Lost)?;
                    let frames = Frames::new(FRAME_BYTES_MAX);
                    return Ok(Self { stream, frames, unread: Vec::new(), deadline });
                }
                Err(error) => last_error = error,
            }
        }
        Err(unreachable(last_error))
    }

    /// Sends a request and returns the response.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Response, Failure> {
        let mut frame = Vec::new();
        request.encode(&mut frame);
        match (self.send(&frame), self.receive()) {
            // A server that refused the connection does not read the request, but it has sent the reason.
            (_, Ok(response)) => Ok(response),
            (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
        }
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), Failure> {
        let left = time_left(self.message_deadline()).map_err(lost)?;
        self.stream.set_write_timeout(Some(left)).map_err(lost)?;
        self.stream.write_all(frame).map_err(lost)
    }

    fn receive(&mut self) -> Result<Response, Failure> {
        let deadline = self.message_deadline();
        loop {
            let (taken, next) = self.frames.next(&self.unread);
            let response = match next {
                Next::Frame(frame) => Some(Response::decode(frame)),
                Next::TooLong => Some(Err(Malformed::TooLong)),
                Next::Incomplete => None,
            };
            self.unread.drain(..taken);
            match response {
                Some(response) => return response.map_err(Failure::Malformed),
                None => self.read(deadline)?,
            }
        }
    }

    /// Reads the available bytes.
    fn read(&mut self, deadline: Instant) -> Result<(), Failure> {
        let left = time_left(deadline).map_err(lost)?;
        self.stream.set_read_timeout(Some(left)).map_err(lost)?;
        let mut chunk = [0; 1024];
        match self.stream.read(&mut chunk).map_err(lost)? {
            0 => Err(Failure::Closed),
            read => {
                self.unread.extend_from_slice(&chunk[..read]);
                Ok(())
            }
        }
    }

    fn message_deadline(&self) -> Instant {
        self.deadline.min(Instant::now() + MESSAGE_TIMEOUT)
    }
}

/// Returns the time until the deadline, or an error if it has passed.
fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn lost(error: io::Error) -> Failure {
    // Systems differ in the error kind of an expired read timeout.
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::Timeout,
        _ => Failure::Lost(error),
    }
}
