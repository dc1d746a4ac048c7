//! The handle of a running server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::lifecycle::Lifecycle;

/// The listen backlog. The standard library's 128 is too short when a thousand clients connect at once.
pub(crate) const BACKLOG: i32 = 4096;

/// A running server. Dropping it closes the listener and shuts down all connections; their threads then end.
#[derive(Debug)]
pub struct RunningServer {
    lifecycle: Arc<Lifecycle>,
    accept_thread: Option<JoinHandle<()>>,
}

impl RunningServer {
    /// Passes the listener to a thread that accepts connections until the server ends. The backlog is set before: the first clients may
    /// connect before that thread runs.
    pub(crate) fn start(
        lifecycle: Arc<Lifecycle>,
        listener: TcpListener,
        backlog: i32,
        accept_all: impl FnOnce(&TcpListener) + Send + 'static,
    ) -> io::Result<Self> {
        // If the system refuses, the listener keeps the backlog of the standard library.
        let _ = rustix::net::listen(&listener, backlog);
        let shared = Arc::clone(&lifecycle);
        let accept_thread = thread::Builder::new().name("accept".into()).spawn(move || {
            accept_all(&listener);
            drop(listener);
            shared.note_stopped_listening();
        })?;
        Ok(Self { lifecycle, accept_thread: Some(accept_thread) })
    }

    /// Returns the address on which the server listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.lifecycle.addr()
    }

    /// Blocks until the server's defect has ended it. A correct server never returns from this call.
    pub fn wait(&self) {
        self.lifecycle.wait_for_crash();
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.lifecycle.end();
        if let Some(accept_thread) = self.accept_thread.take() {
            // A panic of that thread was already printed.
            let _ = accept_thread.join();
        }
    }
}
