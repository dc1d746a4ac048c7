//! The conformance catalogue: cases as data, and all that turns them into verdicts.
//!
//! A case ([`case`]) is a table's row: bytes to send, and replies that have to come. Under a seed it becomes a plan
//! ([`plan`]) with names of its own ([`template`]), made by a client of the driver ([`script`]) and judged from the
//! history ([`judge`]). [`schedule`] says what runs beside what, and [`run`] does it.

pub mod again;
pub mod case;
mod index;
pub mod judge;
pub mod plan;
pub mod resources;
pub mod results;
pub mod run;
pub mod schedule;
pub mod script;
pub mod template;
pub mod wire;

use case::Case;
pub use index::SUITE as INDEX;

/// The catalogue of a protocol.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// The case that sees a target which speaks first: it runs before all others.
    pub opening: &'static str,
    /// The case without which nothing else can be judged.
    pub first: &'static str,
    /// The cases without which none with several clients can be.
    pub gates: &'static [&'static str],
    /// Under which id it is told whether the target lived through it all.
    pub alive: &'static str,
    /// The cases, a table for each group of clauses.
    pub tables: &'static [&'static [Case]],
}

impl Suite {
    /// All cases, in order.
    pub fn cases(&self) -> impl Iterator<Item = &'static Case> + use<> {
        self.tables.iter().copied().flatten()
    }

    /// The case with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&'static Case> {
        self.cases().find(|case| case.id == id)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use protocol::Level;
    use protocol::index::clauses::CLAUSES;

    use super::plan::{CasePlan, connections_max};
    use super::*;
    use crate::history::LINE_BYTES_MAX;

    #[test]
    fn every_clause_has_a_case_and_every_must_has_three() {
        for clause in CLAUSES {
            let count = INDEX.cases().filter(|case| case.clause == clause).count();
            let needed = if clause.level == Level::Must { 3 } else { 1 };
            assert!(count >= needed, "{clause} has {count} cases");
        }
    }

    #[test]
    fn ids_are_unique_name_the_clause_and_count_from_one() {
        let mut seen = BTreeSet::new();
        for case in INDEX.cases() {
            let number = (1..100).find(|number| !seen.contains(&(case.clause.id, *number))).unwrap();
            assert_eq!(case.id, format!("index/{}/{number}", case.clause.id));
            seen.insert((case.clause.id, number));
        }
        for id in [INDEX.opening, INDEX.first].iter().chain(INDEX.gates) {
            assert!(INDEX.find(id).is_some());
        }
    }

    #[test]
    fn every_case_says_what_a_reader_needs() {
        for case in INDEX.cases() {
            assert!(case.requirement.ends_with('.'), "{}", case.id);
            assert_eq!(case.usual_cause.is_empty(), case.level == Level::Info, "{}", case.id);
            assert_eq!(case.meanings.is_empty(), case.level != Level::Info, "{}", case.id);
            assert!(!case.steps.is_empty(), "{}", case.id);
        }
    }

    /// The protocol promises a hundred clients, and no right server is asked for more.
    #[test]
    fn no_case_has_more_than_a_hundred_connections() {
        for case in INDEX.cases() {
            let connections = connections_max(case);
            assert!((1..=100).contains(&connections), "{}: {connections}", case.id);
            assert!(connections <= 26 || case.is_alone, "{}: {connections}", case.id);
        }
    }

    /// Whatever a case sends in one move can be written into a history, and read again.
    #[test]
    fn no_case_sends_more_at_once_than_a_history_can_hold() {
        for case in INDEX.cases() {
            let plan = CasePlan::new(case, u64::MAX, std::time::Duration::ZERO);
            let longest = plan.bytes().map(escaped_bytes).max().unwrap_or(0);
            assert!(longest < LINE_BYTES_MAX / 2, "{}: {longest}", case.id);
        }
    }

    /// What a byte that is no text takes: its escape, the backslash of which JSON escapes again.
    fn escaped_bytes(bytes: &[u8]) -> usize {
        bytes.iter().map(|byte| if byte.is_ascii_graphic() { 1 } else { r"\\xff".len() }).sum()
    }
}
