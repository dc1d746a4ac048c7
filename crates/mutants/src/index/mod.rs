//! A server of the package index, correct or with one defect.
//!
//! The modules follow a request from the socket to the index: `accept`, `connection`, `framing`, `grammar` and
//! `names`, `answer`, `dispatch`, `sharing` or `races`, `rules`, `packages`; and back: `replies`, `output`.

mod accept;
mod admission;
mod answer;
mod catalogue;
mod connection;
mod dispatch;
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
use server::Server;

use crate::mutant::Mutant;
use crate::running_server::RunningServer;

/// Returns the mutant with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Mutant<Defect>> {
    MUTANTS.iter().find(|mutant| mutant.name == name)
}

/// Starts a server on a listener: a mutant, or the correct server. It runs until the handle is dropped or its defect
/// ends it.
///
/// # Errors
/// Fails if the system refuses a thread or does not report the listener's address.
pub fn spawn(mutant: Option<&'static Mutant<Defect>>, listener: TcpListener) -> io::Result<RunningServer> {
    let server = Arc::new(Server::new(mutant, listener.local_addr()?));
    let lifecycle = Arc::clone(&server.lifecycle);
    RunningServer::start(lifecycle, listener, move |listener| accept::accept_all(&server, listener))
}
