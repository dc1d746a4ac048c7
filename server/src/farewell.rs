//! The end of a connection whose client still sends. Closing it at once would be a reset, and a reset may overtake the
//! last words that the client has not read.

use std::io::{ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use smol::{Async, future};

use crate::clock::Clock;
use crate::service::Farewell;

/// How often it is looked whether more has come, where the end of the stream would look the same.
const POLL: Duration = Duration::from_millis(20);

/// What is thrown away at once.
const INPUT_BYTES: usize = 4096;

/// Ends the sending half, and throws away what still comes until the client goes or a bound is met.
/// `has_stopped_reading` says whether this side has ended the receiving half, which looks as if the client had gone.
pub(crate) async fn part(
    stream: &Async<TcpStream>,
    has_stopped_reading: impl Fn() -> bool,
    bound: Farewell,
    clock: &impl Clock,
) {
    // A client that is gone already needs no farewell.
    if stream.get_ref().shutdown(Shutdown::Write).is_err() {
        return;
    }
    let empty = async {
        // On the heap: an array would be a part of every connection's task, though few come here.
        let mut input = vec![0; INPUT_BYTES.min(bound.bytes_max)];
        let mut bytes = 0;
        while bytes < bound.bytes_max {
            match stream.get_ref().read(&mut input) {
                // The end; or, where this side has stopped reading, nothing for the moment.
                Ok(0) if !has_stopped_reading() => return,
                Ok(0) => clock.sleep(POLL).await,
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
    future::or(empty, clock.sleep(bound.duration_max)).await;
}
