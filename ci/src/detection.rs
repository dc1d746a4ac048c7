//! The decision whether a run detected a mutant. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::command_line::Protocol;
use crate::json_report::Run;
use crate::mutant_list::Mutant;

/// The result of one run of the harness against a mutant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The exit status of the harness.
    pub(crate) status: i32,
    pub(crate) seconds: f64,
    /// By case or workload, the clause that was reported.
    pub(crate) violated: BTreeMap<String, String>,
    /// By case, the observed behaviour where the protocol is silent.
    pub(crate) observed: BTreeMap<String, String>,
}

impl Found {
    pub(crate) fn new(status: i32, seconds: f64, run: &Run) -> Self {
        Self { status, seconds, violated: run.violated(), observed: run.observed() }
    }

    /// Returns the cases in which this target behaves differently from the correct server.
    fn differing<'a>(&'a self, correct: &'a Self) -> impl Iterator<Item = &'a str> {
        let differs = |(id, seen): &(&String, &String)| self.observed.get(*id) != Some(*seen);
        correct.observed.iter().filter(differs).map(|(id, _)| id.as_str())
    }
}

/// Returns the workload in which clients contend.
fn contention(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Index => "index/contention",
        Protocol::Wisdom => "wisdom/quotations",
    }
}

fn is_of_clause(id: &str, mutant: &Mutant) -> bool {
    id.starts_with(&format!("{}/{}/", mutant.protocol, mutant.clause))
}

/// Returns whether a run detected the mutant.
///
/// The run must fail and report the clause that the mutant violates. A race may instead show in the workload in which
/// clients contend, under any clause. An INFO mutant must not fail; a case of its clause must observe a difference from
/// the correct server.
pub(crate) fn is_detected(mutant: &Mutant, found: &Found, correct: &Found) -> bool {
    if mutant.is_info() {
        return found.status == 0 && found.differing(correct).any(|id| is_of_clause(id, mutant));
    }
    let is_reported = if mutant.has_mark("race") {
        let is_own = |id: &String| id == contention(mutant.protocol) || is_of_clause(id, mutant);
        found.violated.keys().any(is_own)
    } else {
        found.violated.values().any(|clause| clause == mutant.clause)
    };
    found.status == 1 && is_reported
}

/// Returns the ids of the cases that detected the mutant, those of its clause first.
pub(crate) fn detected_by<'a>(mutant: &Mutant, found: &'a Found, correct: &'a Found) -> Vec<&'a str> {
    let mut ids: Vec<&str> = if mutant.is_info() {
        found.differing(correct).collect()
    } else {
        found.violated.keys().map(String::as_str).collect()
    };
    ids.sort_by_key(|id| !is_of_clause(id, mutant));
    ids
}

/// Returns the clause under which the mutant was reported: its own, or for a race the first of those reported.
pub(crate) fn reported_clause(mutant: &Mutant, found: &Found) -> String {
    let clauses: BTreeSet<&str> = found.violated.values().map(String::as_str).collect();
    if mutant.is_info() || clauses.contains(mutant.clause) {
        return mutant.clause.to_owned();
    }
    clauses.first().map_or(String::new(), |clause| (*clause).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(level: &str, mark: Option<&str>) -> Mutant {
        Mutant {
            name: "m",
            clause: "S1",
            level: level.to_owned(),
            mark: mark.map(str::to_owned),
            protocol: Protocol::Index,
            summary: "",
        }
    }

    fn found(status: i32, violated: &[(&str, &str)], observed: &[(&str, &str)]) -> Found {
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
        };
        Found { status, violated: owned(violated), observed: owned(observed), ..Found::default() }
    }

    #[test]
    fn a_mutant_is_detected_only_under_its_own_clause_and_only_by_a_failed_run() {
        let correct = Found::default();
        let must = mutant("MUST", None);
        assert!(is_detected(&must, &found(1, &[("index/R8/3", "S1")], &[]), &correct));
        assert!(!is_detected(&must, &found(1, &[("index/S1/1", "R8")], &[]), &correct));
        assert!(!is_detected(&must, &found(3, &[("index/S1/1", "S1")], &[]), &correct));
    }

    #[test]
    fn a_race_may_show_under_any_clause_where_clients_contend() {
        let correct = Found::default();
        let race = mutant("MUST", Some("race"));
        let in_contention = found(1, &[("index/contention", "C2")], &[]);
        assert!(is_detected(&race, &in_contention, &correct));
        assert_eq!(reported_clause(&race, &in_contention), "C2");
        assert!(!is_detected(&race, &found(1, &[("index/replay", "S1")], &[]), &correct));
    }

    #[test]
    fn an_info_mutant_must_differ_from_the_correct_server_and_must_not_fail() {
        let correct = found(0, &[], &[("index/S1/9", "OK"), ("index/N1/1", "OK")]);
        let info = mutant("INFO", None);
        let differs = found(0, &[], &[("index/S1/9", "FAIL"), ("index/N1/1", "OK")]);
        assert!(is_detected(&info, &differs, &correct));
        assert_eq!(detected_by(&info, &differs, &correct), ["index/S1/9"]);
        assert!(!is_detected(&info, &correct, &correct));
        assert!(!is_detected(&info, &Found { status: 1, ..differs }, &correct));
    }

    #[test]
    fn cases_of_the_mutants_clause_come_first() {
        let found = found(1, &[("index/R8/3", "S1"), ("index/S1/6", "S1")], &[]);
        assert_eq!(
            detected_by(&mutant("MUST", None), &found, &Found::default()),
            ["index/S1/6", "index/R8/3"]
        );
    }
}
