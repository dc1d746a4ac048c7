//! The environment of a target: its process, the path from one client to it, and the services that it uses.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use driver::drive::Process;
use driver::history::Sample;
use driver::moves::Act;

use crate::dependencies::{Dependencies, DependencyFault};
use crate::network_fault::NetworkFault;
use crate::relay::Relay;

/// A target's process, the relay before it, and the relays before its dependencies.
pub(crate) struct Environment {
    process: Box<dyn Process>,
    /// The relay before the target; it is missing if no port was free.
    relay: Option<Rc<Relay>>,
    dependencies: Rc<Dependencies>,
    condition: Cell<Condition>,
}

/// The condition that was begun last.
#[derive(Clone, Copy, Debug)]
enum Condition {
    None,
    Network(NetworkFault),
    Dependency(DependencyFault),
}

impl Condition {
    /// Returns the condition that [`Act::BeginCondition`] begins with this number.
    fn numbered(number: u16) -> Self {
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
        Self { process, relay, dependencies, condition: Cell::new(Condition::None) }
    }

    fn begin(&self, condition: Condition) -> bool {
        self.condition.set(condition);
        match condition {
            Condition::None => false,
            Condition::Network(fault) => self.relay.as_ref().is_some_and(|relay| relay.begin(fault.toxics())),
            Condition::Dependency(fault) => self.dependencies.begin(fault),
        }
    }

    fn end(&self) -> bool {
        match self.condition.replace(Condition::None) {
            Condition::None => false,
            Condition::Network(_) => self.relay.as_ref().is_some_and(|relay| relay.end()),
            Condition::Dependency(_) => self.dependencies.end(),
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
