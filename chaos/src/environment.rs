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
use crate::disk::Disk;
use crate::network_fault::NetworkFault;
use crate::packets::PacketFault;
use crate::relay::Relay;

/// The number of the condition in which the process is stopped; those of network faults and of dependencies are lower.
const SUSPENSION: u16 = 200;

/// The time after which a process in that condition continues.
const SUSPENSION_TIME: Duration = Duration::from_millis(1500);

/// The number of the condition in which the process is stopped most of the time.
const THROTTLING: u16 = 201;

/// The parts of a period in which a throttled process is stopped and runs: a tenth of a processor.
const THROTTLED_TIME: Duration = Duration::from_millis(450);
const RUNNING_TIME: Duration = Duration::from_millis(50);

/// The number of periods after which throttling is proven.
const PERIODS_MIN: u32 = 3;

/// The number of the condition in which the target's disk is full.
const FULL_DISK: u16 = 202;

/// Stops the process and continues it later by itself. Clients can connect meanwhile without waiting for each other: where the
/// backlog is full, a connection is established only once the process continues.
pub(crate) const SUSPEND: Act = Act::BeginCondition(SUSPENSION);

/// Stops the process and continues it in turn, until the condition ends: as a quota of processor time does.
pub(crate) const THROTTLE: Act = Act::BeginCondition(THROTTLING);

/// Fills the file system of the target's directory.
pub(crate) const FILL_DISK: Act = Act::BeginCondition(FULL_DISK);

/// A target's process and disk, the relay before it, and the relays before its dependencies.
pub(crate) struct Environment {
    process: Rc<dyn Process>,
    /// The relay before the target; it is missing if no port was free.
    relay: Option<Rc<Relay>>,
    dependencies: Rc<Dependencies>,
    disk: Rc<Disk>,
    condition: Cell<Condition>,
    /// Whether the process was seen stopped and has continued.
    has_continued: Rc<Cell<bool>>,
    /// Whether a fault of packets that ends by itself has ended, and had an effect.
    has_ended: Rc<Cell<bool>>,
    throttling: Rc<Throttling>,
}

/// A process that is stopped most of the time.
#[derive(Debug, Default)]
struct Throttling {
    is_active: Cell<bool>,
    /// The number of times at which the process was seen stopped and has continued.
    periods: Cell<u32>,
}

/// The condition that was begun last.
#[derive(Clone, Copy, Debug)]
enum Condition {
    None,
    Network(NetworkFault),
    Dependency(DependencyFault),
    Suspension,
    Throttling,
    FullDisk,
    Packets(PacketFault),
}

impl Condition {
    /// Returns the condition that [`Act::BeginCondition`] begins with this number.
    fn numbered(number: u16) -> Self {
        match number {
            SUSPENSION => return Self::Suspension,
            THROTTLING => return Self::Throttling,
            FULL_DISK => return Self::FullDisk,
            _ => {}
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
        disk: Rc<Disk>,
    ) -> Self {
        Self {
            process: process.into(),
            relay,
            dependencies,
            disk,
            condition: Cell::new(Condition::None),
            has_continued: Rc::default(),
            has_ended: Rc::default(),
            throttling: Rc::default(),
        }
    }

    fn begin(&self, condition: Condition) -> bool {
        self.condition.set(condition);
        match condition {
            Condition::None => false,
            Condition::Network(fault) => self.relay.as_ref().is_some_and(|relay| relay.begin(fault.toxics())),
            Condition::Dependency(fault) => self.dependencies.begin(fault),
            Condition::Suspension => self.suspend(),
            Condition::Throttling => self.throttle(),
            Condition::FullDisk => self.disk.fill(),
            Condition::Packets(fault) => self.make(fault),
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

    fn make(&self, fault: PacketFault) -> bool {
        let is_made = fault.make();
        if let Some(time) = fault.time() {
            let has_ended = Rc::clone(&self.has_ended);
            has_ended.set(false);
            spawn_local(async move {
                sleep(time).await;
                has_ended.set(fault.end());
            });
        }
        is_made
    }

    fn throttle(&self) -> bool {
        let (process, throttling) = (Rc::clone(&self.process), Rc::clone(&self.throttling));
        throttling.is_active.set(true);
        throttling.periods.set(0);
        spawn_local(async move {
            while throttling.is_active.get() {
                process.act(Act::Stop);
                sleep(THROTTLED_TIME).await;
                let was_stopped = process.act(Act::Continue);
                throttling.periods.set(throttling.periods.get() + u32::from(was_stopped));
                sleep(RUNNING_TIME).await;
            }
        });
        true
    }

    fn end(&self) -> bool {
        match self.condition.replace(Condition::None) {
            Condition::None => false,
            Condition::Network(_) => self.relay.as_ref().is_some_and(|relay| relay.end()),
            Condition::Dependency(_) => self.dependencies.end(),
            Condition::Suspension => self.has_continued.get(),
            Condition::Throttling => {
                self.throttling.is_active.set(false);
                self.throttling.periods.get() >= PERIODS_MIN
            }
            Condition::FullDisk => self.disk.empty(),
            Condition::Packets(fault) if fault.time().is_some() => self.has_ended.get(),
            Condition::Packets(fault) => fault.end(),
        }
    }
}

impl Drop for Environment {
    /// A target that was lost during a condition finds everything unharmed when it is started again.
    fn drop(&mut self) {
        self.end();
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
