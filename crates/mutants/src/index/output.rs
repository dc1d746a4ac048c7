//! Writes replies to the client.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Once a write has waited for the client, withholds replies until there are further ones.
    Lagging(Arc<TcpStream>, RefCell<Option<Vec<u8>>>),
    /// Continues a blocked write unless the flag is set, which a failed write does.
    Woken(Arc<TcpStream>, Arc<AtomicBool>),
}

impl Output {
    pub(super) fn new(
        stream: &Arc<TcpStream>,
        defects: Defects,
        waker: &Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let is_patient = [
            Defect::KeepsStalledReaders,
            Defect::LockHeldWhileWriting,
            Defect::ChangesAnsweredUnderTheLock,
            Defect::UnreadRepliesPileUp,
            Defect::FourStalledReadersBlockAll,
        ]
        .into_iter()
        .any(|defect| defects.has(defect));
        stream.set_write_timeout((!is_patient).then_some(WRITE_WAIT))?;
        if defects.has(Defect::RepliesLagAfterAStall) {
            return Ok(Self::Lagging(Arc::clone(stream), RefCell::new(None)));
        }
        if defects.has(Defect::LostReaderStopsLaterWrites) {
            return Ok(Self::Woken(Arc::clone(stream), Arc::clone(waker)));
        }
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
            Self::Direct(stream) => write_all(stream, bytes).map(drop),
            Self::Queued(sender, _) => sender.send(bytes.to_vec()).map_err(|_| ErrorKind::BrokenPipe.into()),
            Self::Woken(stream, is_waker_lost) => write_woken(stream, is_waker_lost, bytes),
            Self::Lagging(stream, withheld) => write_lagging(stream, &mut withheld.borrow_mut(), bytes),
        }
    }

    /// Writes the queued replies. A lagging output discards those that it withholds.
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

/// Writes the withheld replies in place of the given ones, once a write has waited for the client.
fn write_lagging(stream: &TcpStream, withheld: &mut Option<Vec<u8>>, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    match withheld {
        Some(replies) => write_all(stream, &mem::replace(replies, bytes.to_vec())).map(drop),
        None => write_all(stream, bytes).map(|has_waited| *withheld = has_waited.then(Vec::new)),
    }
}

/// Writes bytes. If the client must be waited for, the rest is written only while the flag is not set; a write that fails sets it.
fn write_woken(mut stream: &TcpStream, is_waker_lost: &AtomicBool, bytes: &[u8]) -> io::Result<()> {
    let count = match stream.write(bytes) {
        Ok(count) => count,
        Err(error) if is_timeout(&error) => 0,
        Err(error) => return Err(lose(is_waker_lost, error)),
    };
    if count == bytes.len() {
        return Ok(());
    }
    if is_waker_lost.load(Ordering::SeqCst) {
        // Requests are still read, until the client ends the connection.
        loop {
            match stream.read(&mut [0; 4096]) {
                Err(error) if is_timeout(&error) => {}
                Ok(1..) => {}
                _ => return Err(ErrorKind::BrokenPipe.into()),
            }
        }
    }
    write_all(stream, &bytes[count..]).map(drop).map_err(|error| lose(is_waker_lost, error))
}

fn lose(is_waker_lost: &AtomicBool, error: io::Error) -> io::Error {
    is_waker_lost.fetch_or(!is_timeout(&error), Ordering::SeqCst);
    error
}

/// Writes bytes and returns whether a time limit expired meanwhile.
fn write_all(mut stream: &TcpStream, mut bytes: &[u8]) -> io::Result<bool> {
    let mut waits = 0;
    let mut has_waited = false;
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => {
                // A blocking write is partial only if its time limit expired.
                has_waited |= count < bytes.len();
                bytes = &bytes[count..];
                waits = 0;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) && waits + 1 < WRITE_WAITS_MAX => {
                waits += 1;
                has_waited = true;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(has_waited)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::index::find;

    /// Larger than the buffers of both sockets.
    const STALLING_BYTES: usize = 24 << 20;

    /// Returns the number of bytes that a client receives of two replies, the second of which follows later, after it
    /// has not read for longer than a write waits.
    fn received_after_a_stall(mutant: Option<&str>) -> [usize; 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let stream = Arc::new(listener.accept().unwrap().0);
        let output =
            Output::new(&stream, Defects::of(mutant.map(|name| find(name).unwrap())), &Arc::default())
                .unwrap();
        thread::scope(|scope| {
            let writing = scope.spawn(move || {
                output.write(&vec![b'x'; STALLING_BYTES]).unwrap();
                output
            });
            thread::sleep(WRITE_WAIT + Duration::from_millis(300));
            client.read_exact(&mut vec![0; STALLING_BYTES]).unwrap();
            let output = writing.join().unwrap();
            let mut received = || {
                output.write(b"OK\n").unwrap();
                client.read(&mut [0; 16]).unwrap_or(0)
            };
            [received(), received()]
        })
    }

    #[test]
    fn after_a_stall_each_reply_is_written_at_once_except_by_a_mutant() {
        thread::scope(|scope| {
            let correct = scope.spawn(|| received_after_a_stall(None));
            assert_eq!(received_after_a_stall(Some("replies-lag-after-a-stall")), [0, 3]);
            assert_eq!(correct.join().unwrap(), [3, 3]);
        });
    }

    /// Returns the number of bytes that a client which blocks its connection for a while receives after another one has blocked
    /// its own and reset it.
    fn received_after_a_loss(mutant: Option<&str>) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let waker = Arc::default();
        let defects = Defects::of(mutant.map(|name| find(name).unwrap()));
        let connect = || {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let output = Output::new(&Arc::new(listener.accept().unwrap().0), defects, &waker).unwrap();
            (client, output)
        };
        let write = |output: Output| output.write(&vec![b'x'; STALLING_BYTES]).is_ok();
        let stall = WRITE_WAIT + Duration::from_millis(300);
        thread::scope(|scope| {
            let (lost, output) = connect();
            let writing = scope.spawn(move || write(output));
            thread::sleep(stall);
            // Unread bytes make this a reset.
            drop(lost);
            assert!(!writing.join().unwrap());
            let (mut client, output) = connect();
            client.set_read_timeout(Some(stall)).unwrap();
            scope.spawn(move || write(output));
            thread::sleep(stall);
            let mut buffer = vec![0; STALLING_BYTES];
            let mut received = 0;
            while received < STALLING_BYTES {
                match client.read(&mut buffer) {
                    Ok(count) if count > 0 => received += count,
                    _ => break,
                }
            }
            received
        })
    }

    #[test]
    fn a_lost_reader_stops_no_later_write_except_with_a_mutant() {
        thread::scope(|scope| {
            let correct = scope.spawn(|| received_after_a_loss(None));
            assert!(received_after_a_loss(Some("lost-reader-stops-later-writes")) < STALLING_BYTES);
            assert_eq!(correct.join().unwrap(), STALLING_BYTES);
        });
    }
}
