//! A relay that injects faults into the connections that it passes on, and counts their effects.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proxy::{InjectedFault, Observer, Proxy, ProxyOptions, Toxic};
use tokio::net::TcpListener;

/// A proxy on a free port of this machine.
pub(crate) struct Relay {
    proxy: Proxy,
    addr: SocketAddr,
    effects: Arc<Effects>,
    /// The number of effects before the last fault began.
    effects_before: Cell<u64>,
}

/// Counts the effects of toxics.
#[derive(Debug, Default)]
struct Effects(AtomicU64);

impl Observer for Effects {
    fn applied(&self, _: &InjectedFault) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Relay {
    /// Starts a relay before the service at `upstream`. The seed decides the random draws of its toxics.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) async fn start(name: &str, upstream: String, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let effects = Arc::<Effects>::default();
        let observer: Arc<dyn Observer> = Arc::<Effects>::clone(&effects);
        let proxy = Proxy::start(listener, ProxyOptions { name: name.to_owned(), upstream, seed }, observer)?;
        Ok(Self { proxy, addr, effects, effects_before: Cell::new(0) })
    }

    /// Returns the address at which the relay accepts connections.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Begins a fault; returns false if a toxic cannot be added.
    pub(crate) fn begin(&self, toxics: impl IntoIterator<Item = Toxic>) -> bool {
        self.effects_before.set(self.effects.0.load(Ordering::Relaxed));
        toxics.into_iter().all(|toxic| self.proxy.add_toxic(toxic).is_ok())
    }

    /// Ends the fault; returns false if it had no effect, because then nothing proves that it occurred.
    pub(crate) fn end(&self) -> bool {
        self.proxy.remove_all_toxics();
        self.effects.0.load(Ordering::Relaxed) > self.effects_before.get()
    }
}
