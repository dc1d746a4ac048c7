//! The protocols whose servers can be broken, a row each: all that a run has to know of one.

mod index;
mod wisdom;

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

/// A protocol whose servers can be broken.
pub struct Kit {
    /// The value of `--protocol`.
    pub name: &'static str,
    /// The dialect of its cases.
    pub dialect: &'static Dialect,
    /// The id under which runs stand in a history.
    pub workload: &'static str,
    /// The head of the page that lists its faults.
    pub title: &'static str,
    /// The flag that chooses it where its faults are listed, with a blank before it; nothing for the default one.
    pub flag: &'static str,
    /// What a target of it is told that is started for a run.
    pub settings: Settings,
    /// What a connection can be in the middle of.
    pub states: &'static [State],
    /// Its faults, a table for each kind.
    pub tables: &'static [&'static [Fault]],
    /// How often each bystander has something to ask.
    pub ask_interval: Duration,
    /// The bystander with this number, under this seed.
    pub bystander: fn(u32, u64) -> Box<dyn Script>,
    /// The judge of what bystanders see.
    pub witness: fn() -> Box<dyn Witness>,
    /// What all clients together must never see.
    pub truth: fn() -> Box<dyn Truth>,
    /// What a client asks that comes after a fault.
    pub newcomer: Newcomer,
    /// The shortest deadline that a target may keep for a client that says nothing, if the protocol has one.
    pub deadline: Option<Duration>,
    /// The clause that is broken where somebody waits without end.
    pub kept_waiting: Clause,
    /// The MUST that harm to others breaks in a fault of this clause.
    pub harmed: fn(Clause) -> Clause,
    /// The faults in their states, once they were asked for.
    scenes: OnceLock<Vec<Scene>>,
}

/// The protocols, the default one first.
pub static KITS: [&Kit; 2] = [&index::KIT, &wisdom::KIT];

/// A client that comes after a fault.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    /// What it asks.
    pub request: &'static [u8],
    /// Whether a reply says that it is served.
    pub is_served: fn(&[u8]) -> bool,
    /// What such a reply is, in words.
    pub wanted: &'static str,
}

/// Judges what bystanders see.
pub trait Witness: fmt::Debug {
    /// What something that was seen of a bystander says of how it fares.
    fn see(&mut self, seen: &Observation<'_>) -> Fate;
}

/// How a bystander fares.
#[derive(Debug)]
pub enum Fate {
    /// It has what it came for.
    Served,
    /// It is on its way there.
    Well,
    /// It was told to come again, as the protocol allows.
    TurnedAway,
    /// It was sent away without a word, which is harm where it is promised to be served.
    SentAway,
    /// It was harmed.
    Harmed(Box<Finding>),
    /// The same as of any client of any protocol: it is to be answered, and nothing else is to be said to it.
    AsAnybody,
}

/// What must hold over all that all clients see, at fault or not.
pub trait Truth: fmt::Debug {
    /// Takes in an event.
    fn observe(&mut self, event: &Event<'_>);

    /// A target's time is over. What contradicted, each with the time at which it was asked for, in ns since the run began.
    fn end_part(&mut self) -> Vec<(u64, Finding)>;
}

impl Kit {
    /// Its faults, in order.
    pub fn faults(&self) -> impl Iterator<Item = &'static Fault> + use<> {
        self.tables.iter().copied().flatten()
    }

    /// All faults in all their states.
    pub fn scenes(&self) -> &[Scene] {
        self.scenes.get_or_init(|| scenes_of(self.tables))
    }

    /// The scene with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Scene> {
        self.scenes().iter().find(|scene| scene.case.id == id)
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for Kit {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Kit {}

/// The protocol with this name.
///
/// # Errors
/// There is none; the error names those that there are.
pub fn by_name(name: &str) -> Result<&'static Kit, String> {
    let found = KITS.into_iter().find(|kit| kit.name == name);
    found.ok_or_else(|| format!("the protocols are: {}", KITS.map(|kit| kit.name).join(", ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_protocol_is_found_by_its_name() {
        for kit in KITS {
            assert_eq!(by_name(kit.name), Ok(kit));
            assert!(kit.workload.starts_with(kit.name));
        }
        assert_eq!(by_name("gopher"), Err("the protocols are: index, wisdom".to_owned()));
    }

    #[test]
    fn every_fault_says_what_a_reader_needs_and_has_an_id_of_its_own() {
        for kit in KITS {
            let mut seen = BTreeSet::new();
            for fault in kit.faults() {
                assert!(seen.insert(fault.id), "{} stands there twice", fault.id);
                assert!(fault.summary.ends_with('.') && !fault.parameters.is_empty(), "{}", fault.id);
                assert!(fault.sequel.is_empty() || fault.ends_target, "{}", fault.id);
                let is_known = |state: &State| kit.states.iter().any(|known| known.name == state.name);
                assert!(!fault.states.is_empty() && fault.states.iter().all(is_known), "{}", fault.id);
            }
        }
    }
}
