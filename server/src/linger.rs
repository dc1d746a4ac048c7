//! The lingering close of a connection whose client still sends.
//!
//! Closing a socket with unread input sends a reset, and a reset can destroy a reply that the client has not read yet.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use smol::{Async, future};

use crate::clock::Clock;
use crate::service::Linger;

/// Interval of reads after this side has shut down its receiving half, because then every read reports the end of the
/// stream.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Size of the buffer for discarded input.
const INPUT_BYTES: usize = 4096;

/// Shuts down the sending half and discards input until the client closes the connection or a limit is reached.
/// `is_receiving_half_closed` reports whether this side has shut down its receiving half.
pub(crate) async fn close(
    stream: &Async<TcpStream>,
    is_receiving_half_closed: impl Fn() -> bool,
    limits: Linger,
    clock: &impl Clock,
) {
    // The client has already closed the connection.
    if stream.get_ref().shutdown(Shutdown::Write).is_err() {
        return;
    }
    let discard = async {
        // On the heap: an array would enlarge the task of every connection, and few connections linger.
        let mut input = vec![0; INPUT_BYTES.min(limits.bytes_max)];
        let mut bytes = 0;
        while bytes < limits.bytes_max {
            match stream.get_ref().read(&mut input) {
                // The end of the stream; or no input yet, if the receiving half is shut down.
                Ok(0) if !is_receiving_half_closed() => return,
                Ok(0) => clock.sleep(POLL_INTERVAL).await,
                Ok(count) => {
                    bytes += count;
                    future::yield_now().await;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if stream.readable().await.is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    };
    future::or(discard, clock.sleep(limits.duration_max)).await;
}
