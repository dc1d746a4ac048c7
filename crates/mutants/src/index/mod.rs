//! A server of the package index, correct or with one defect.
//!
//! The modules follow a request from the socket to the index: `accept`, `connection`, `framing`, `grammar` and
//! `names`, `answer`, `dispatch`, `sharing` or `races`, `rules`, `packages`; and back: `replies`, `output`.

mod accept;
mod admission;
mod answer;
mod catalogue;
mod connection;
mod controls;
mod dispatch;
mod edge_triggered;
mod faults;
mod filter;
mod framing;
mod grammar;
mod leaks;
mod malformed;
mod names;
mod output;
mod packages;
mod race_state;
mod races;
mod replies;
mod rules;
mod server;
mod sharing;
mod slots;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

pub use catalogue::{Defect, MUTANTS};
pub use controls::CONTROLS;
use server::Server;

use crate::control::{Control, Start};
use crate::mutant::Mutant;
use crate::running_server::RunningServer;

/// Returns the mutant with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Mutant<Defect>> {
    MUTANTS.iter().find(|mutant| mutant.name == name)
}

/// Returns the control that a fault reveals.
#[must_use]
pub fn find_control(fault: &str) -> Option<&'static Control> {
    CONTROLS.iter().find(|control| control.fault == fault)
}

/// Starts a server on a listener: a mutant, or the correct server. It runs until the handle is dropped or its defect
/// ends it.
///
/// # Errors
/// Fails if the system refuses a thread or does not report the listener's address.
pub fn spawn(mutant: Option<&'static Mutant<Defect>>, listener: TcpListener) -> io::Result<RunningServer> {
    start(Server::new(mutant, None, listener.local_addr()?), listener)
}

/// Starts a control on a listener.
///
/// # Errors
/// As for [`spawn`].
pub fn spawn_control(control: Start, listener: TcpListener) -> io::Result<RunningServer> {
    start(Server::new(None, Some(control), listener.local_addr()?), listener)
}

fn start(server: Server, listener: TcpListener) -> io::Result<RunningServer> {
    let server = Arc::new(server);
    let lifecycle = Arc::clone(&server.lifecycle);
    let backlog = accept::backlog(&server);
    RunningServer::start(lifecycle, listener, backlog, move |listener| accept::accept_all(&server, listener))
}
