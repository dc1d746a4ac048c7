//! Detection of unacknowledged bytes: whether sent bytes have reached the target's machine.
//!
//! A connection can be established on this side only: if the backlog is full, Linux drops the last packet of the handshake and the
//! first data. Until that data is acknowledged, the client is still connecting.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

/// How long a list of the system's sockets is used. Hundreds of clients may wait in vain, and a list takes milliseconds.
const USED_FOR: Duration = Duration::from_millis(500);

/// The sockets of this machine with unacknowledged bytes, each as its two addresses, and when they were listed.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged(RefCell<Option<(Instant, Sockets)>>);

type Sockets = BTreeSet<(SocketAddr, SocketAddr)>;

impl Unacknowledged {
    /// Returns whether bytes sent over half a second ago are unacknowledged; false on systems that do not tell.
    pub(super) fn contains(&self, stream: &TcpStream) -> bool {
        let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else { return false };
        let mut listed = self.0.borrow_mut();
        if listed.as_ref().is_none_or(|(at, _)| at.elapsed() >= USED_FOR) {
            let sockets = unacknowledged();
            *listed = Some((Instant::now(), sockets));
        }
        listed.as_ref().is_some_and(|(_, sockets)| sockets.contains(&(local, peer)))
    }
}

#[cfg(target_os = "linux")]
fn unacknowledged() -> Sockets {
    let entries = [procfs::net::tcp(), procfs::net::tcp6()].into_iter().flatten().flatten();
    let pending = entries.filter(|entry| entry.tx_queue > 0);
    pending.map(|entry| (entry.local_address, entry.remote_address)).collect()
}

#[cfg(not(target_os = "linux"))]
fn unacknowledged() -> Sockets {
    BTreeSet::new()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::time::{sleep, timeout};

    use super::*;

    /// The operating system acknowledges bytes for a target that does not read, until its buffers are full.
    #[tokio::test]
    async fn bytes_that_fit_the_receive_buffer_are_acknowledged_and_others_are_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        stream.write_all(b"QUERY|a|\n").await.unwrap();
        let arrived = async {
            while Unacknowledged::default().contains(&stream) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), arrived).await.expect("nine bytes arrive");
        let flood = vec![b'x'; 1 << 20];
        while timeout(Duration::from_millis(200), stream.write_all(&flood)).await.is_ok() {}
        assert!(Unacknowledged::default().contains(&stream));
    }
}
