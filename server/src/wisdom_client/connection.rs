//! One connection to a server: a message goes, a message comes, each within its time.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames, Malformed};
use protocol::wisdom::messages::{Request, Response};
use protocol::{Framing, Next};

use super::Failure;

/// The longest time until a server takes a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest time that a message takes to go or to come.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    frames: Frames,
    /// What has come and belongs to no message yet.
    unread: Vec<u8>,
    /// When all has to be over, whatever happens.
    deadline: Instant,
}

impl Connection {
    /// Connects to the first of the host's addresses that answers.
    pub(super) fn open(addr: &str, deadline: Instant) -> Result<Self, Failure> {
        let unreachable = |source| Failure::Unreachable { addr: addr.to_owned(), source };
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for addr in addr.to_socket_addrs().map_err(unreachable)? {
            let opened = left_until(deadline.min(Instant::now() + CONNECT_TIMEOUT))
                .and_then(|left| TcpStream::connect_timeout(&addr, left));
            match opened {
                Ok(stream) => {
                    stream.set_nodelay(true).map_err(Failure::Lost)?;
                    let frames = Frames::new(FRAME_BYTES_MAX);
                    return Ok(Self { stream, frames, unread: Vec::new(), deadline });
                }
                Err(error) => refused = error,
            }
        }
        Err(unreachable(refused))
    }

    /// Says something, and brings what the server says to it.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Response, Failure> {
        let mut frame = Vec::new();
        request.encode(&mut frame);
        match (self.send(&frame), self.receive()) {
            // A server that has turned us away takes nothing in, and what it said says why.
            (_, Ok(response)) => Ok(response),
            (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
        }
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), Failure> {
        let left = left_until(self.message_deadline()).map_err(lost)?;
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
                Some(response) => return response.map_err(Failure::NotSpoken),
                None => self.read(deadline)?,
            }
        }
    }

    /// Reads once.
    fn read(&mut self, deadline: Instant) -> Result<(), Failure> {
        let left = left_until(deadline).map_err(lost)?;
        self.stream.set_read_timeout(Some(left)).map_err(lost)?;
        let mut chunk = [0; 1024];
        match self.stream.read(&mut chunk).map_err(lost)? {
            0 => Err(Failure::Ended),
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

/// The time until then.
fn left_until(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn lost(error: io::Error) -> Failure {
    // Linux calls a time that is over one thing, and other systems another.
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::TooSlow,
        _ => Failure::Lost(error),
    }
}
