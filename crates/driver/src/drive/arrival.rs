//! Whether what was sent on a connection has arrived at the target's machine.
//!
//! A connection can look open on this side and not be open on the other: where a backlog is full, Linux drops the last
//! packet of the handshake, and takes it up again with the first data, which it drops too as long as the backlog is
//! full. Until that data is acknowledged the client is connecting still.

use tokio::net::TcpStream;

/// Whether bytes that were sent wait for their acknowledgement. Where the system does not tell, they do not.
#[cfg(target_os = "linux")]
pub(super) fn is_awaited(stream: &TcpStream) -> bool {
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
        return false;
    };
    let sockets = if local.is_ipv4() { procfs::net::tcp() } else { procfs::net::tcp6() };
    let is_ours =
        |entry: &procfs::net::TcpNetEntry| (entry.local_address, entry.remote_address) == (local, peer);
    sockets.is_ok_and(|entries| entries.iter().any(|entry| is_ours(entry) && entry.tx_queue > 0))
}

/// Whether bytes that were sent wait for their acknowledgement. Where the system does not tell, they do not.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_awaited(_: &TcpStream) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::time::{sleep, timeout};

    use super::*;

    /// The system acknowledges for a target that does not read, until its buffers are full.
    #[tokio::test]
    async fn what_a_target_has_room_for_has_arrived_and_what_it_has_not_is_awaited() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        stream.write_all(b"QUERY|a|\n").await.unwrap();
        let arrived = async {
            while is_awaited(&stream) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), arrived).await.expect("nine bytes arrive");
        let flood = vec![b'x'; 1 << 20];
        while timeout(Duration::from_millis(200), stream.write_all(&flood)).await.is_ok() {}
        assert!(is_awaited(&stream));
    }
}
