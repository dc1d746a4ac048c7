//! What stands around a target: its process, and a relay on the way to it that can be made worse.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use driver::drive::Process;
use driver::history::Sample;
use driver::moves::Act;
use tokio::net::TcpListener;

use crate::catalogue::ways::WAYS;
use crate::proxy::{Fault, Observer, Options, Proxy, parse_toxic};

/// A relay before a target.
pub struct Relay {
    proxy: Proxy,
    addr: SocketAddr,
    effects: Arc<Effects>,
    /// How many effects there had been when the way was last made worse.
    effects_before: Cell<u64>,
}

/// Counts what toxics do.
#[derive(Debug, Default)]
struct Effects(AtomicU64);

impl Observer for Effects {
    fn applied(&self, _: &Fault) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Relay {
    /// Puts one before `target`; the seed decides its draws.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(target: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let options = Options { name: "relay".to_owned(), upstream: target.to_string(), seed };
        let effects = Arc::<Effects>::default();
        let observer: Arc<dyn Observer> = Arc::<Effects>::clone(&effects);
        let proxy = Proxy::start(listener, options, observer)?;
        Ok(Self { proxy, addr, effects, effects_before: Cell::new(0) })
    }

    fn worsen(&self, way: u16) -> bool {
        let Some(toxics) = WAYS.get(usize::from(way)) else { return false };
        self.effects_before.set(self.effects.0.load(Ordering::Relaxed));
        toxics.iter().all(|text| parse_toxic(text).is_ok_and(|toxic| self.proxy.add_toxic(toxic).is_ok()))
    }

    /// Makes the way good again; false if nothing had come of making it worse, for then nothing is proven.
    fn mend(&self) -> bool {
        self.proxy.remove_all_toxics();
        self.effects.0.load(Ordering::Relaxed) > self.effects_before.get()
    }
}

/// A target's process behind a relay.
pub struct Stage {
    /// The process.
    pub process: Box<dyn Process>,
    /// The relay.
    pub relay: Rc<Relay>,
}

impl Process for Stage {
    fn sample(&self) -> Option<Sample> {
        self.process.sample()
    }

    fn act(&self, act: Act) -> bool {
        match act {
            Act::BeginCondition(way) => self.relay.worsen(way),
            Act::EndCondition => self.relay.mend(),
            act => self.process.act(act),
        }
    }

    fn alternate_addr(&self) -> Option<SocketAddr> {
        Some(self.relay.addr)
    }
}
