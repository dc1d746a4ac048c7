//! Detection of unacknowledged bytes: whether sent bytes have reached the target's machine.
//!
//! A connection can be established on this side and not on the other. If the backlog is full, Linux drops the last
//! packet
//! of the handshake, and also drops the first data while the backlog stays full. Until that data is acknowledged, the
//! client is still connecting.

use tokio::net::TcpStream;

/// Returns whether sent bytes are unacknowledged. On systems without this information, returns false.
#[cfg(target_os = "linux")]
pub(super) fn is_unacknowledged(stream: &TcpStream) -> bool {
    let (Ok(local), Ok(peer)) = (stream.local_addr(), stream.peer_addr()) else {
        return false;
    };
    let sockets = if local.is_ipv4() { procfs::net::tcp() } else { procfs::net::tcp6() };
    let is_ours =
        |entry: &procfs::net::TcpNetEntry| (entry.local_address, entry.remote_address) == (local, peer);
    sockets.is_ok_and(|entries| entries.iter().any(|entry| is_ours(entry) && entry.tx_queue > 0))
}

/// Returns whether sent bytes are unacknowledged. On systems without this information, returns false.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_unacknowledged(_: &TcpStream) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

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
            while is_unacknowledged(&stream) {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(10), arrived).await.expect("nine bytes arrive");
        let flood = vec![b'x'; 1 << 20];
        while timeout(Duration::from_millis(200), stream.write_all(&flood)).await.is_ok() {}
        assert!(is_unacknowledged(&stream));
    }
}
