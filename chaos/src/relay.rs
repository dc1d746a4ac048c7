//! The environment of a target: its process, and a relay before it that injects network faults.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use driver::drive::Process;
use driver::history::Sample;
use driver::moves::Act;
use proxy::{InjectedFault, Observer, Proxy, ProxyOptions};
use tokio::net::TcpListener;

use crate::network_fault::NetworkFault;

/// A proxy before the target, for the clients at fault.
pub(crate) struct Relay {
    proxy: Proxy,
    addr: SocketAddr,
    effects: Arc<Effects>,
    /// The number of effects before the last network fault began.
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
    /// Starts a relay before `target`. The seed decides the random draws of its toxics.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) async fn start(target: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let options = ProxyOptions { name: "relay".to_owned(), upstream: target.to_string(), seed };
        let effects = Arc::<Effects>::default();
        let observer: Arc<dyn Observer> = Arc::<Effects>::clone(&effects);
        let proxy = Proxy::start(listener, options, observer)?;
        Ok(Self { proxy, addr, effects, effects_before: Cell::new(0) })
    }

    /// Begins a network fault; returns false if there is none with this number.
    fn begin(&self, condition: u16) -> bool {
        let Some(fault) = NetworkFault::from_condition(condition) else { return false };
        self.effects_before.set(self.effects.0.load(Ordering::Relaxed));
        fault.toxics().all(|toxic| self.proxy.add_toxic(toxic).is_ok())
    }

    /// Ends the network fault; returns false if it had no effect, because then nothing proves that it occurred.
    fn end(&self) -> bool {
        self.proxy.remove_all_toxics();
        self.effects.0.load(Ordering::Relaxed) > self.effects_before.get()
    }
}

/// A target's process together with the relay before it.
pub(crate) struct RelayedProcess {
    /// The process.
    pub(crate) process: Box<dyn Process>,
    /// The relay.
    pub(crate) relay: Rc<Relay>,
}

impl Process for RelayedProcess {
    fn sample(&self) -> Option<Sample> {
        self.process.sample()
    }

    fn act(&self, act: Act) -> bool {
        match act {
            Act::BeginCondition(number) => self.relay.begin(number),
            Act::EndCondition => self.relay.end(),
            act => self.process.act(act),
        }
    }

    fn alternate_addr(&self) -> Option<SocketAddr> {
        Some(self.relay.addr)
    }
}
