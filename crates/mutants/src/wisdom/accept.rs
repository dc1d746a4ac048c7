//! Accepts connections and starts one thread for each.

use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use super::catalogue::Defect;
use super::connection::{self, CloseMode, Connection};
use super::keys::FILE_POLL_INTERVAL;
use super::lingering_close;
use super::server::Server;
use crate::accept_loop;
use crate::control::{Effect, End, address_number};
use crate::lifecycle::ClientNumber;

/// Connections that may be rejected at the same time. While there are more, the server accepts none.
const REJECTED_CONNECTIONS_MAX: usize = 256;

/// Accepts connections until the server ends, and starts a thread for each.
pub(super) fn accept_all(server: &Arc<Server>, listener: &TcpListener) {
    let threads_max = server.settings.connections_max.saturating_add(REJECTED_CONNECTIONS_MAX);
    let wait_for_room = || server.lifecycle.wait_until(|open_count| open_count < threads_max);
    accept_loop::run(&server.lifecycle, listener, wait_for_room, accept_loop::pause, |number, stream| {
        start(server, number, stream);
    });
}

/// Polls the file of secrets until the server ends.
pub(super) fn watch_keys(server: &Server) {
    while !server.lifecycle.ends_within(FILE_POLL_INTERVAL) {
        server.keys.reload();
    }
}

fn start(server: &Arc<Server>, number: ClientNumber, stream: TcpStream) {
    // A peer without an address has already disconnected.
    let Ok(peer) = stream.peer_addr() else {
        if server.defects.has(Defect::DiesOfAClientGoneBeforeAccept) {
            server.lifecycle.crash_soon();
        }
        return;
    };
    let client = peer.ip();
    let is_admitted = server.admission.enter(client);
    if !is_admitted && server.defects.has(Defect::BusyClosesSilently) {
        return;
    }
    if !is_admitted && server.defects.has(Defect::RefusalsBlockAccept) {
        connection::reject(server, &stream);
        return;
    }
    let stream = Arc::new(stream);
    let is_started = server.lifecycle.register(number, &stream) && {
        let its_server = Arc::clone(server);
        let serving = move || {
            serve(&its_server, number, &stream, client, is_admitted);
            its_server.lifecycle.deregister(number);
        };
        thread::Builder::new().name(format!("client {number}")).spawn(serving).is_ok()
    };
    if !is_started {
        // Dropping the closure has closed the connection.
        server.lifecycle.deregister(number);
        if is_admitted {
            server.admission.leave(client);
        }
    }
}

fn serve(server: &Server, number: ClientNumber, stream: &TcpStream, client: IpAddr, is_admitted: bool) {
    if !is_admitted {
        connection::reject(server, stream);
        return;
    }
    if server.witness.note_open(number, address_number(client)) {
        server.lifecycle.crash_soon();
    }
    let mut connection = Connection::new(server, number, stream, client);
    let close_mode = connection.run();
    // The slot must be free before the client can observe the end of this connection.
    if !(server.defects.has(Defect::SlotsOfResetClientsKept) && close_mode == CloseMode::Lost) {
        server.admission.leave(client);
    }
    let end = match close_mode {
        CloseMode::Lingering if lingering_close::close(stream) => End::Reset,
        CloseMode::Lingering => End::Other,
        CloseMode::Immediate => connection::end(server, stream),
        CloseMode::Lost => End::Reset,
        CloseMode::Crash => {
            server.lifecycle.crash();
            End::Other
        }
    };
    let effect = server.witness.note_end(number, end);
    if effect == Some(Effect::End) {
        server.lifecycle.crash();
    }
    server.leak(stream, effect);
}
