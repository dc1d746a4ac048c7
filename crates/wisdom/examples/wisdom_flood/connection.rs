//! One connection from an address of the loopback network.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames};
use protocol::wisdom::messages::{Request, Response};
use protocol::{Framing, Next};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::{Async, Timer, future};

pub(crate) struct Connection {
    stream: Async<TcpStream>,
    frames: Frames,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects from this address.
    ///
    /// # Errors
    /// Fails if the server does not accept the connection.
    pub(crate) async fn open(from: Ipv4Addr, to: SocketAddrV4) -> io::Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        bind(&socket, &SocketAddrV4::new(from, 0))?;
        match connect(&socket, &to) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        let stream = Async::new_nonblocking(TcpStream::from(socket))?;
        stream.writable().await?;
        match stream.get_ref().take_error()? {
            Some(error) => Err(error),
            None => Ok(Self { stream, frames: Frames::new(FRAME_BYTES_MAX), unread: Vec::new() }),
        }
    }

    /// Sends a frame and returns the response.
    ///
    /// # Errors
    /// Fails if the connection ends or the response is invalid.
    pub(crate) async fn ask(&mut self, frame: &[u8]) -> io::Result<Response> {
        // A server that refused the connection has sent the reason, even if sending fails.
        let sent = self.stream.write_all(frame).await;
        loop {
            let (taken, next) = self.frames.next(&self.unread);
            let response = match next {
                Next::Frame(frame) => Some(Response::decode(frame)),
                Next::TooLong => return Err(ErrorKind::InvalidData.into()),
                Next::Incomplete => None,
            };
            self.unread.drain(..taken);
            if let Some(response) = response {
                return response.map_err(|_| ErrorKind::InvalidData.into());
            }
            let mut chunk = [0; 1024];
            match self.stream.read(&mut chunk).await? {
                0 => return sent.and(Err(ErrorKind::UnexpectedEof.into())),
                count => self.unread.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

pub(crate) fn frame(request: &Request) -> Vec<u8> {
    let mut frame = Vec::new();
    request.encode(&mut frame);
    frame
}

/// Returns the result of `operation`, or an error after the time limit.
pub(crate) async fn within<T>(
    time: Duration,
    operation: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let timeout = async {
        Timer::after(time).await;
        Err(ErrorKind::TimedOut.into())
    };
    future::or(operation, timeout).await
}
