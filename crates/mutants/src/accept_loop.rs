//! The loop that accepts connections until a server ends.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::lifecycle::{ClientNumber, Lifecycle};

/// The pause after a failed accept. The most common cause is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Accepts connections, numbers them in the order of arrival and passes them to `start`. Before each accept it calls
/// `wait_for_room`, which blocks until the server may accept a connection. After a failed accept it calls
/// `handle_failure`, which is [`pause`] in a correct server.
pub(crate) fn run(
    lifecycle: &Lifecycle,
    listener: &TcpListener,
    wait_for_room: impl Fn(),
    handle_failure: impl Fn(),
    start: impl Fn(ClientNumber, TcpStream),
) {
    for number in 0.. {
        wait_for_room();
        let accepted = listener.accept();
        if lifecycle.has_ended() {
            break;
        }
        match accepted {
            Ok((stream, _)) => start(number, stream),
            Err(_) => handle_failure(),
        }
    }
}

/// Pauses after a failed accept.
pub(crate) fn pause() {
    thread::sleep(ACCEPT_PAUSE);
}
