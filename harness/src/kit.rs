//! The protocols that can be judged, a row each: all that the rest of the kit has to know of one.

use std::fmt;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;

use protocol::{Clause, Level};

use crate::bounds::Bounds;
use crate::flags::Flags;
use crate::gate::{self, Gate};
use crate::history::Header;
use crate::judging::Plan;
use crate::report::Item;
use crate::suite::case::Case;
use crate::suite::{self, Suite};
use crate::targets::Target;
use crate::targets::settings::Settings;

/// A protocol that can be judged.
#[derive(Debug)]
pub struct Kit {
    /// What --protocol calls it; the ids of its cases and workloads begin with it.
    pub name: &'static str,
    /// Its cases.
    pub suite: Suite,
    /// Its workloads, in the order in which they are run.
    pub workloads: &'static [WorkloadRow],
    /// What a target of it is told that the harness starts.
    pub settings: Settings,
    /// Whether its workloads are made from a package graph; if not, what decides that is not told of.
    pub replays_a_graph: bool,
}

/// The protocols, the default one first.
pub static KITS: [&Kit; 2] = [&INDEX, &WISDOM];

/// The package index.
pub static INDEX: Kit = Kit {
    name: "index",
    suite: suite::INDEX,
    workloads: &gate::index::ROWS,
    settings: Settings::NONE,
    replays_a_graph: true,
};

/// Quotations for a proof of work.
pub static WISDOM: Kit = Kit {
    name: "wisdom",
    suite: suite::WISDOM,
    workloads: &gate::wisdom::ROWS,
    settings: suite::WISDOM_SETTINGS,
    replays_a_graph: false,
};

/// A workload, as far as the gate has to know it.
pub struct WorkloadRow {
    /// Its id, such as `index/replay`.
    pub id: &'static str,
    /// How binding what it tests is.
    pub level: Level,
    /// What a server has to do, with so many clients, which are named in words.
    pub requirement: fn(&str) -> String,
    /// What it does, for whoever asks.
    pub explained: &'static str,
    /// Whether how much of it is run depends on how quick the target is.
    pub has_open_size: fn(&Flags) -> bool,
    /// What stands in its way, given the flags and what was run before it.
    pub obstacle: for<'a> fn(&Flags, &mut (dyn Iterator<Item = &'a Item> + 'a)) -> Option<String>,
    /// Runs it.
    pub run: for<'a> fn(&'a mut Gate<'_>, Turn<'a>) -> Run<'a>,
    /// The judge of a recorded run of it, from the header of its history.
    pub judge_again: fn(&Header) -> Result<Plan, String>,
}

impl fmt::Debug for WorkloadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkloadRow").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A workload under way.
pub type Run<'a> = Pin<Box<dyn Future<Output = Item> + 'a>>;

/// What a workload has to itself while it runs.
pub struct Turn<'a> {
    /// The requests a second that the target answers; 0 where nobody asked.
    pub pace: u64,
    /// What is judged.
    pub target: &'a Target,
    /// When to stop.
    pub bounds: &'a mut Bounds,
    /// Where it is told of.
    pub out: &'a mut dyn Write,
}

impl Kit {
    /// The flag that chooses it, with a blank behind it, if it is not the default.
    #[must_use]
    pub fn flag(&self) -> String {
        if self.name == KITS[0].name { String::new() } else { format!("--protocol {} ", self.name) }
    }

    /// The workload with this id.
    #[must_use]
    pub fn workload(&self, id: &str) -> Option<&'static WorkloadRow> {
        self.workloads.iter().find(|row| row.id == id)
    }
}

/// The protocol with this name.
///
/// # Errors
/// There is none; the error names those that there are.
pub fn by_name(name: &str) -> Result<&'static Kit, String> {
    let found = KITS.into_iter().find(|kit| kit.name == name);
    let names = || KITS.map(|kit| kit.name).join(", ");
    found.ok_or_else(|| format!("the protocols are: {}", names()))
}

/// The protocol that an id belongs to; the default one, if it belongs to none.
#[must_use]
pub fn of_id(id: &str) -> &'static Kit {
    let prefix = id.split('/').next().unwrap_or_default();
    by_name(prefix).unwrap_or(KITS[0])
}

/// The case with this id, of any protocol.
#[must_use]
pub fn find_case(id: &str) -> Option<&'static Case> {
    KITS.into_iter().find_map(|kit| kit.suite.find(id))
}

/// The workload with this id, of any protocol.
#[must_use]
pub fn find_workload(id: &str) -> Option<&'static WorkloadRow> {
    KITS.into_iter().find_map(|kit| kit.workload(id))
}

/// The clause with this id, of any protocol.
#[must_use]
pub fn find_clause(id: &str) -> Option<&'static Clause> {
    KITS.into_iter().find_map(|kit| kit.suite.clauses.iter().find(|clause| clause.id == id))
}
