//! The row type of the protocol registry: everything that a run needs to know about one protocol.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use conformance::dialect::Dialect;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::moves::Script;
use protocol::Clause;
use target::settings::Settings;
use verdict::Finding;

use crate::fault::{Fault, Scene, State, scenes_of};
use crate::harm::evidence::{HarmClauses, Incident, Newcomer};

/// A protocol whose servers can be tested under faults.
pub struct ChaosProtocol {
    /// The value of `--protocol`.
    pub name: &'static str,
    /// The dialect of its cases.
    pub(crate) dialect: &'static Dialect,
    /// The workload id of its runs in a history.
    pub(crate) workload: &'static str,
    /// The title of the page that lists its faults.
    pub(crate) title: &'static str,
    /// The flag that selects it, with a space before it; empty for the default protocol.
    pub(crate) flag: &'static str,
    /// The settings of a target that is started for a run.
    pub(crate) settings: Settings,
    /// The states of its connections.
    pub(crate) states: &'static [State],
    /// Its faults, one table for each kind.
    pub(crate) tables: &'static [&'static [Fault]],
    /// The interval between two requests of a bystander.
    pub(crate) ask_interval: Duration,
    /// Returns the bystander with this number under this seed.
    pub(crate) bystander: fn(u32, u64) -> Box<dyn Script>,
    /// Returns the judge of its bystanders.
    pub(crate) bystander_judge: fn() -> Box<dyn BystanderJudge>,
    /// Returns its invariant.
    pub(crate) invariant: fn() -> Box<dyn Invariant>,
    /// The request of the newcomer, and the reply that it expects.
    pub(crate) newcomer: Newcomer,
    /// The shortest deadline that a target may set for an idle client, if the protocol has one.
    pub(crate) deadline: Option<Duration>,
    /// The clause that a target violates if clients wait for long, or at all without a fault.
    pub(crate) kept_waiting: Clause,
    /// Returns the clause that an incorrect reply to this request of a bystander violates without a fault.
    pub(crate) without_fault: fn(&str) -> Clause,
    /// The clause about the replies to a client that has shut down its sending half, if it is not the one about disconnection.
    pub(crate) half_closed: Option<Clause>,
    /// The clause about resources that covers processor time, if there is one.
    pub(crate) idle: Option<Clause>,
    /// Returns the clauses that harm to other clients violates during a fault in a state.
    pub(crate) harm_clauses: fn(&Fault, &State) -> HarmClauses,
    /// The scenes, once they were requested.
    pub(crate) scenes: OnceLock<Vec<Scene>>,
}

/// Follows all bystanders and reports what happens to them.
pub(crate) trait BystanderJudge: fmt::Debug {
    /// Returns the state of the bystander after an observation of it.
    fn observe(&mut self, observation: &Observation<'_>) -> BystanderState;
}

/// The state of a bystander after an observation.
#[derive(Debug)]
pub(crate) enum BystanderState {
    /// It received the reply that it wanted.
    Served,
    /// Its session proceeds as it should.
    InProgress,
    /// It was refused with an error, as the protocol allows.
    Refused,
    /// Its connection was ended before the first reply, which only a target above its limits may do.
    ClosedUnserved,
    /// Something happened to it that the protocol does not allow.
    Incident(Box<Incident>),
    /// The observation is judged as for a client of any protocol.
    Unspecific,
}

/// A condition over the traffic of all clients, also those at fault.
pub(crate) trait Invariant: fmt::Debug {
    /// Records an event.
    fn observe(&mut self, event: &Event<'_>);

    /// Ends the part of the run that concerns one target process. Returns each violation with the time at which its
    /// request was sent, in nanoseconds since the beginning of the run.
    fn end_part(&mut self) -> Vec<(u64, Finding)>;
}

impl ChaosProtocol {
    /// Returns the faults, in order.
    pub fn faults(&self) -> impl Iterator<Item = &'static Fault> + use<> {
        self.tables.iter().copied().flatten()
    }

    /// Returns all faults in all their states.
    pub fn scenes(&self) -> &[Scene] {
        self.scenes.get_or_init(|| scenes_of(self.tables))
    }

    /// Returns the scene with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Scene> {
        self.scenes().iter().find(|scene| scene.case.id == id)
    }
}

impl fmt::Debug for ChaosProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosProtocol").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for ChaosProtocol {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ChaosProtocol {}
