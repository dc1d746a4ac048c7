//! The environment of a target: its process, the path from one client to it, and the services that it uses.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use driver::drive::Process;
use driver::history::Sample;
use driver::moves::Act;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::dependencies::{Dependencies, DependencyFault};
use crate::network_fault::NetworkFault;
use crate::packets::PacketFault;
use crate::relay::Relay;

/// The number of the condition in which the process is stopped; those of network faults and of dependencies are lower.
const SUSPENSION: u16 = 200;

/// The time after which a process in that condition continues.
const SUSPENSION_TIME: Duration = Duration::from_millis(1500);

/// Stops the process and continues it later by itself. Clients can connect meanwhile without waiting for each other: where the
/// backlog is full, a connection is established only once the process continues.
pub(crate) const SUSPEND: Act = Act::BeginCondition(SUSPENSION);

/// A target's process, the relay before it, and the relays before its dependencies.
pub(crate) struct Environment {
    process: Rc<dyn Process>,
    /// The relay before the target; it is missing if no port was free.
    relay: Option<Rc<Relay>>,
    dependencies: Rc<Dependencies>,
    condition: Cell<Condition>,
    /// Whether the process was seen stopped and has continued.
    has_continued: Rc<Cell<bool>>,
}

/// The condition that was begun last.
#[derive(Clone, Copy, Debug)]
enum Condition {
    None,
    Network(NetworkFault),
    Dependency(DependencyFault),
    Suspension,
    Packets(PacketFault),
}

impl Condition {
    /// Returns the condition that [`Act::BeginCondition`] begins with this number.
    fn numbered(number: u16) -> Self {
        if number == SUSPENSION {
            return Self::Suspension;
        }
        if let Some(fault) = PacketFault::from_condition(number) {
            return Self::Packets(fault);
        }
        let dependency = || DependencyFault::from_condition(number).map(Self::Dependency);
        NetworkFault::from_condition(number).map(Self::Network).or_else(dependency).unwrap_or(Self::None)
    }
}

impl Environment {
    /// Returns the environment of a process.
    pub(crate) fn new(
        process: Box<dyn Process>,
        relay: Option<Rc<Relay>>,
        dependencies: Rc<Dependencies>,
    ) -> Self {
        Self {
            process: process.into(),
            relay,
            dependencies,
            condition: Cell::new(Condition::None),
            has_continued: Rc::default(),
        }
    }

    fn begin(&self, condition: Condition) -> bool {
        self.condition.set(condition);
        match condition {
            Condition::None => false,
            Condition::Network(fault) => self.relay.as_ref().is_some_and(|relay| relay.begin(fault.toxics())),
            Condition::Dependency(fault) => self.dependencies.begin(fault),
            Condition::Suspension => self.suspend(),
            Condition::Packets(fault) => fault.make(),
        }
    }

    fn suspend(&self) -> bool {
        self.has_continued.set(false);
        let (process, has_continued) = (Rc::clone(&self.process), Rc::clone(&self.has_continued));
        let is_stopped = process.act(Act::Stop);
        spawn_local(async move {
            sleep(SUSPENSION_TIME).await;
            has_continued.set(process.act(Act::Continue));
        });
        is_stopped
    }

    fn end(&self) -> bool {
        match self.condition.replace(Condition::None) {
            Condition::None => false,
            Condition::Network(_) => self.relay.as_ref().is_some_and(|relay| relay.end()),
            Condition::Dependency(_) => self.dependencies.end(),
            Condition::Suspension => self.has_continued.get(),
            Condition::Packets(_) => PacketFault::end(),
        }
    }
}

impl Process for Environment {
    fn sample(&self) -> Option<Sample> {
        self.process.sample()
    }

    fn act(&self, act: Act) -> bool {
        match act {
            Act::BeginCondition(number) => self.begin(Condition::numbered(number)),
            Act::EndCondition => self.end(),
            act => self.process.act(act),
        }
    }

    fn alternate_addr(&self) -> Option<SocketAddr> {
        self.relay.as_ref().map(|relay| relay.addr())
    }
}
