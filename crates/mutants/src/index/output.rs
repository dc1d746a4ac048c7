//! Writes replies to the client.

use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::catalogue::{Defect, Defects};
use crate::timeout::is_timeout;

/// A client that reads no byte of its replies during ten of these intervals (5 s) is dropped. A counter is necessary:
/// a partial write does not report when its bytes were accepted.
const WRITE_WAIT: Duration = Duration::from_millis(500);
const WRITE_WAITS_MAX: u32 = 10;

pub(super) enum Output {
    /// Writes each reply before more input is read, so that unread replies take bounded memory.
    Direct(Arc<TcpStream>),
    /// Passes replies to a writing thread. Its queue has no bound.
    Queued(Sender<Vec<u8>>, JoinHandle<()>),
}

impl Output {
    pub(super) fn new(stream: &Arc<TcpStream>, defects: Defects) -> io::Result<Self> {
        let is_patient =
            [Defect::KeepsStalledReaders, Defect::LockHeldWhileWriting, Defect::UnreadRepliesPileUp]
                .into_iter()
                .any(|defect| defects.has(defect));
        stream.set_write_timeout((!is_patient).then_some(WRITE_WAIT))?;
        if !defects.has(Defect::UnreadRepliesPileUp) {
            return Ok(Self::Direct(Arc::clone(stream)));
        }
        let (sender, receiver) = channel();
        let stream = Arc::clone(stream);
        let writing = thread::Builder::new().spawn(move || write_all_queued(&stream, &receiver))?;
        Ok(Self::Queued(sender, writing))
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Direct(stream) => write_all(stream, bytes),
            Self::Queued(sender, _) => sender.send(bytes.to_vec()).map_err(|_| ErrorKind::BrokenPipe.into()),
        }
    }

    /// Writes the queued replies.
    pub(super) fn finish(self) {
        if let Self::Queued(sender, writing) = self {
            drop(sender);
            // A panic of that thread was already printed.
            let _ = writing.join();
        }
    }
}

fn write_all_queued(stream: &TcpStream, replies: &Receiver<Vec<u8>>) {
    for bytes in replies {
        if write_all(stream, &bytes).is_err() {
            // The reading thread notices the shutdown and ends the connection.
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn write_all(mut stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    let mut waits = 0;
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => {
                bytes = &bytes[count..];
                waits = 0;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) && waits + 1 < WRITE_WAITS_MAX => waits += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
