//! The conformance catalogue: cases as data, and all that turns them into verdicts.
//!
//! A case ([`case`]) is a table's row: bytes to send, and replies that have to come. Under a seed it becomes a plan
//! ([`plan`]) with names of its own ([`template`]), made by a client of the driver ([`script`]) and judged from the
//! history ([`judge`]). [`schedule`] says what runs beside what, and [`run`] does it.

pub mod again;
pub mod case;
pub mod dialect;
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
mod wisdom;

use case::Case;
use dialect::Dialect;
pub use index::SUITE as INDEX;
use protocol::Clause;
pub use wisdom::{SETTINGS as WISDOM_SETTINGS, SUITE as WISDOM};

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
    /// The clause that a target breaks which does not.
    pub alive_clause: Clause,
    /// The id under which cases stand in a history.
    pub workload: &'static str,
    /// The protocol in words.
    pub spoken: &'static str,
    /// The clauses of the protocol, in order.
    pub clauses: &'static [Clause],
    /// The wire.
    pub dialect: &'static Dialect,
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

    use super::case::Runs;
    use super::plan::{CasePlan, connections_max};
    use super::*;
    use crate::history::LINE_BYTES_MAX;
    use crate::kit::KITS;

    /// Every case, with the catalogue that it stands in.
    fn all() -> impl Iterator<Item = (Suite, &'static Case)> {
        KITS.iter().flat_map(|kit| kit.suite.cases().map(|case| (kit.suite, case)))
    }

    #[test]
    fn every_clause_has_a_case() {
        for suite in KITS.iter().map(|kit| kit.suite) {
            for clause in suite.clauses {
                assert!(suite.cases().any(|case| case.clause == *clause), "{clause} has no case");
            }
        }
    }

    #[test]
    fn every_must_of_the_package_index_has_three_cases() {
        for clause in INDEX.clauses {
            let count = INDEX.cases().filter(|case| case.clause == *clause).count();
            let needed = if clause.level == Level::Must { 3 } else { 1 };
            assert!(count >= needed, "{clause} has {count} cases");
        }
    }

    #[test]
    fn ids_are_unique_name_the_clause_and_count_from_one() {
        let mut seen = BTreeSet::new();
        for kit in KITS {
            let mut numbers: Vec<(&str, u32)> = Vec::new();
            for case in kit.suite.cases() {
                let (head, number) = case.id.rsplit_once('/').unwrap();
                assert_eq!(head, format!("{}/{}", kit.name, case.clause.id));
                assert!(seen.insert(case.id), "{} stands there twice", case.id);
                numbers.push((case.clause.id, number.parse().unwrap()));
            }
            for clause in kit.suite.clauses {
                let of_clause: BTreeSet<u32> =
                    numbers.iter().filter(|(id, _)| *id == clause.id).map(|(_, number)| *number).collect();
                assert!(of_clause.iter().copied().eq((1..).take(of_clause.len())), "{clause}: {of_clause:?}");
            }
            let Suite { opening, first, gates, .. } = kit.suite;
            for id in [opening, first].iter().chain(gates) {
                assert!(kit.suite.find(id).is_some(), "{id}");
            }
        }
    }

    #[test]
    fn every_case_says_what_a_reader_needs() {
        for (_, case) in all() {
            assert!(case.requirement.ends_with('.'), "{}", case.id);
            assert_eq!(case.usual_cause.is_empty(), case.level == Level::Info, "{}", case.id);
            assert_eq!(case.meanings.is_empty(), case.level != Level::Info, "{}", case.id);
            assert!(!case.steps.is_empty(), "{}", case.id);
        }
    }

    /// A server has room for a hundred clients, and none is asked for more that was not told so.
    #[test]
    fn no_case_has_more_than_a_hundred_connections() {
        for (suite, case) in all() {
            let connections = connections_max(suite.dialect, case);
            let is_told = matches!(case.runs, Runs::WithSettings(_));
            assert!((1..=100).contains(&connections) || is_told, "{}: {connections}", case.id);
            assert!(connections <= 26 || case.is_alone, "{}: {connections}", case.id);
        }
    }

    /// Whatever a case sends in one move can be written into a history, and read again.
    #[test]
    fn no_case_sends_more_at_once_than_a_history_can_hold() {
        for (suite, case) in all() {
            let plan = CasePlan::new(suite.dialect, case, u64::MAX, std::time::Duration::ZERO);
            let longest = plan.bytes().map(escaped_bytes).max().unwrap_or(0);
            assert!(longest < LINE_BYTES_MAX / 2, "{}: {longest}", case.id);
        }
    }

    /// What a byte that is no text takes: its escape, the backslash of which JSON escapes again.
    fn escaped_bytes(bytes: &[u8]) -> usize {
        bytes.iter().map(|byte| if byte.is_ascii_graphic() { 1 } else { r"\\xff".len() }).sum()
    }
}
