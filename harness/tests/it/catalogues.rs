//! Properties of the catalogues of all protocols.

use std::collections::BTreeSet;

use conformance::case::{Case, Runs};
use conformance::plan::{CasePlan, connections_max};
use conformance::suite::Suite;
use driver::history::LINE_BYTES_MAX;
use protocol::{Clause, Level};

use harness::protocols::{INDEX, PROTOCOLS, ProtocolEntry};

/// Returns every case with its suite.
fn all_cases() -> impl Iterator<Item = (Suite, &'static Case)> {
    PROTOCOLS.iter().flat_map(|entry| entry.suite.cases().map(|case| (entry.suite, case)))
}

/// Whether a workload of the protocol tests this clause.
fn has_workload(entry: &ProtocolEntry, clause: &Clause) -> bool {
    entry.workloads.iter().any(|workload| workload.clause().as_ref() == Some(clause))
}

#[test]
fn every_clause_has_a_case_or_a_workload() {
    for entry in PROTOCOLS {
        for clause in entry.suite.clauses {
            let has_case = entry.suite.cases().any(|case| case.clause == *clause);
            assert!(has_case || has_workload(entry, clause), "{clause} has neither");
        }
    }
}

#[test]
fn every_must_of_the_package_index_has_three_cases() {
    for clause in INDEX.suite.clauses.iter().filter(|clause| !has_workload(&INDEX, clause)) {
        let count = INDEX.suite.cases().filter(|case| case.clause == *clause).count();
        let needed = if clause.level == Level::Must { 3 } else { 1 };
        assert!(count >= needed, "{clause} has {count} cases");
    }
}

#[test]
fn ids_are_unique_name_the_clause_and_count_from_one() {
    let mut seen = BTreeSet::new();
    for entry in PROTOCOLS {
        let mut numbers: Vec<(&str, u32)> = Vec::new();
        for case in entry.suite.cases() {
            let (head, number) = case.id.rsplit_once('/').unwrap();
            assert_eq!(head, format!("{}/{}", entry.name, case.clause.id));
            assert!(seen.insert(case.id), "{} is not unique", case.id);
            numbers.push((case.clause.id, number.parse().unwrap()));
        }
        for clause in entry.suite.clauses {
            let of_clause: BTreeSet<u32> =
                numbers.iter().filter(|(id, _)| *id == clause.id).map(|(_, number)| *number).collect();
            assert!(of_clause.iter().copied().eq((1..).take(of_clause.len())), "{clause}: {of_clause:?}");
        }
        let Suite { opening, first, gates, .. } = entry.suite;
        for id in [opening, first].iter().chain(gates) {
            assert!(entry.suite.find(id).is_some(), "{id}");
        }
    }
}

#[test]
fn every_case_has_complete_texts() {
    for (_, case) in all_cases() {
        assert!(case.requirement.ends_with('.'), "{}", case.id);
        assert_eq!(case.usual_cause.is_empty(), case.level == Level::Info, "{}", case.id);
        assert_eq!(case.meanings.is_empty(), case.level != Level::Info, "{}", case.id);
        assert!(!case.steps.is_empty(), "{}", case.id);
    }
}

/// The protocol promises service to a hundred clients. A case with more needs a target with suitable settings.
#[test]
fn no_case_has_more_than_a_hundred_connections() {
    for (suite, case) in all_cases() {
        let connections = connections_max(suite.dialect, case);
        let has_settings = matches!(case.runs, Runs::WithSettings(_));
        assert!((1..=100).contains(&connections) || has_settings, "{}: {connections}", case.id);
        assert!(connections <= 26 || case.is_alone, "{}: {connections}", case.id);
    }
}

/// Every move of a case fits into one line of a history.
#[test]
fn no_move_of_a_case_exceeds_a_history_line() {
    for (suite, case) in all_cases() {
        let plan = CasePlan::new(suite.dialect, case, u64::MAX, std::time::Duration::ZERO);
        let longest = plan.bytes().map(escaped_bytes).max().unwrap_or(0);
        assert!(longest < LINE_BYTES_MAX / 2, "{}: {longest}", case.id);
    }
}

/// Returns the length of bytes in a history, where JSON escapes the backslash of each escape sequence again.
fn escaped_bytes(bytes: &[u8]) -> usize {
    bytes.iter().map(|byte| if byte.is_ascii_graphic() { 1 } else { r"\\xff".len() }).sum()
}
