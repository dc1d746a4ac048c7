//! Accepts connections and starts one thread for each.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::catalogue::Defect;
use super::connection;
use super::edge_triggered::EdgeTriggered;
use super::server::Server;
use crate::accept_loop;
use crate::control::address_number;
use crate::lifecycle::ClientNumber;
use crate::process_pause;
use crate::running_server::BACKLOG;

/// The default backlog of several libraries.
const SMALL_BACKLOG: i32 = 5;

/// The time that a server with a small backlog takes for each connection that it accepts.
const SLOW_ACCEPT: Duration = Duration::from_millis(5);

/// The number of open connections beyond which a defect closes the oldest one.
const STORM_CLIENTS: usize = 80;

/// The time that a defect waits for the first byte of a connection.
const FIRST_BYTE_TIME: Duration = Duration::from_millis(200);

/// The time that a defect waits for a client to receive its replies.
const LINGER_TIME: Duration = Duration::from_secs(30);

/// Returns the number of connections that may wait for the server to accept them.
pub(super) fn backlog(server: &Server) -> i32 {
    if server.defects.has(Defect::SmallBacklog) { SMALL_BACKLOG } else { BACKLOG }
}

/// Accepts connections until the server ends, and starts a thread for each.
pub(super) fn accept_all(server: &Arc<Server>, listener: &TcpListener) {
    let pause_min = match server.defects.get() {
        Some(Defect::PauseClosesAllClients) => Some(process_pause::PAUSE_MIN),
        Some(Defect::LongPauseClosesIdleClients) => Some(Duration::from_secs(2)),
        _ => None,
    };
    if let Some(pause_min) = pause_min {
        let lifecycle = Arc::clone(&server.lifecycle);
        watch_pauses(server, pause_min, move |_| lifecycle.shut_down_others(ClientNumber::MAX));
    }
    if server.witness.is_active() {
        let its_server = Arc::clone(server);
        watch_pauses(server, process_pause::PAUSE_MIN / 5, move |pause| {
            if its_server.witness.note_pause(pause) {
                its_server.lifecycle.crash();
            }
        });
    }
    let edges = server.defects.has(Defect::Accepts128AtOnce).then(|| EdgeTriggered::new(listener));
    let wait_for_room = || {
        if let Some(Ok(edges)) = &edges {
            edges.wait();
        }
        if server.defects.has(Defect::SmallBacklog) {
            thread::sleep(SLOW_ACCEPT);
        }
        server.admission.wait_for_room(&server.lifecycle);
    };
    let handle_failure = || handle_failure(server);
    accept_loop::run(&server.lifecycle, listener, wait_for_room, handle_failure, |number, stream| {
        start(server, number, stream);
    });
}

fn watch_pauses(server: &Server, pause_min: Duration, note: impl Fn(Duration) + Send + 'static) {
    let lifecycle = Arc::clone(&server.lifecycle);
    // If it fails, the server is correct, and its test notices.
    let _ = thread::Builder::new().spawn(move || process_pause::watch(&lifecycle, pause_min, note));
}

/// Handles a failed accept. The correct server pauses and tries again.
fn handle_failure(server: &Server) {
    match server.defects.get() {
        Some(Defect::StopsAcceptingAfterAFailure) => server.lifecycle.wait_for_end(),
        Some(Defect::SpinsOnFailedAccepts) => {}
        Some(Defect::DiesOfAFailedAccept) => {
            server.lifecycle.crash_soon();
            server.lifecycle.wait_for_end();
        }
        _ => accept_loop::pause(),
    }
}

fn start(server: &Arc<Server>, number: ClientNumber, stream: TcpStream) {
    let stream = Arc::new(stream);
    if server.admission.is_full(&server.lifecycle)
        || server.faults.closes_by_mistake()
        || !server.lifecycle.register(number, &stream)
    {
        return;
    }
    server.faults.take_timer(&stream, &server.lifecycle);
    if server.witness.note_open(number, address_of(&stream)) {
        server.lifecycle.crash_soon();
    }
    if server.defects.has(Defect::StormClosesTheOldestClient) && server.lifecycle.open_count() > STORM_CLIENTS
    {
        server.lifecycle.shut_down_oldest();
    }
    if server.defects.has(Defect::SilentClientsHoldTheAcceptor) {
        peek(&stream);
    }
    if !server.faults.has_worker(number) {
        // The connection stays open, because it is registered.
        return;
    }
    // A log that cannot be written is not slow.
    if server.faults.has_slow_log(|| _ = writeln!(io::stderr(), "client {number} connected")) {
        server.lifecycle.crash_soon();
    }
    server.admission.note_client(number);
    let view = server.index.open_view(number);
    let its_server = Arc::clone(server);
    let serving = move || {
        let is_lost = connection::serve(&its_server, &stream, view);
        if is_lost {
            its_server.admission.note_lost();
            its_server.faults.note_lost(number);
        }
        its_server.dismiss(number);
        if its_server.defects.has(Defect::ClosesWaitForUnreadReplies) && !is_lost {
            close_lingering(&its_server, stream);
        } else {
            drop(stream);
        }
        if its_server.defects.has(Defect::LeaksThreads) {
            its_server.lifecycle.wait_for_end();
        }
    };
    if thread::Builder::new().name(format!("client {number}")).spawn(serving).is_err() {
        // Dropping the closure has closed the connection.
        server.dismiss(number);
    }
}

fn address_of(stream: &TcpStream) -> u32 {
    stream.peer_addr().map_or(0, |peer| address_number(peer.ip()))
}

/// Waits a while for the first byte of a connection.
fn peek(stream: &TcpStream) {
    // The connection sets its own time limit. If a call fails, the server is correct, and its test notices.
    let _ = stream.set_read_timeout(Some(FIRST_BYTE_TIME));
    let _ = stream.peek(&mut [0]);
    let _ = stream.set_read_timeout(None);
}

/// Closes a connection while no other is served. The last owner closes it, and close(2) waits until the client has received all data.
fn close_lingering(server: &Server, stream: Arc<TcpStream>) {
    // If it fails, the server is correct, and its test notices.
    let _ = rustix::net::sockopt::set_socket_linger(&*stream, Some(LINGER_TIME));
    let gate = server.gate.lock();
    drop(stream);
    drop(gate);
}
