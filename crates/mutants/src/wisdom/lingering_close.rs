//! A lingering close: the client can read the last message, because no reset destroys it.

use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::timeout::is_timeout;

/// The limits for the client's remaining input: bytes and time.
const DRAINED_BYTES_MAX: usize = 4096;
const DRAIN_TIME_MAX: Duration = Duration::from_millis(250);

/// Shuts down the sending half and discards the client's remaining input. The caller then closes the connection. Returns whether the
/// client has reset it.
pub(super) fn close(mut stream: &TcpStream) -> bool {
    if stream.shutdown(Shutdown::Write).is_err() {
        return true;
    }
    let deadline = Instant::now() + DRAIN_TIME_MAX;
    let mut buffer = [0; DRAINED_BYTES_MAX];
    let mut left = DRAINED_BYTES_MAX;
    while left > 0 {
        let timeout = deadline.saturating_duration_since(Instant::now());
        if timeout.is_zero() || stream.set_read_timeout(Some(timeout)).is_err() {
            return false;
        }
        match stream.read(&mut buffer[..left]) {
            Ok(0) => return false,
            Err(error) => return !is_timeout(&error),
            Ok(count) => left -= count,
        }
    }
    false
}
