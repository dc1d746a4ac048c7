//! Consequences: a violation that follows from the violation of another case belongs to the clause of that case.
//!
//! A defect is reported under the clause that it violates, and a server without pipelining (F3) violates nothing else.

use std::collections::BTreeMap;

use conformance::case::Case;
use conformance::results::CaseResult;
use conformance::suite::Suite;
use protocol::index::wire::Reply;
use protocol::text::printable;
use protocol::{Clause, Level};
use verdict::{Finding, Verdict};

/// Attributes the violation of each case to the clause of a case that it presupposes and that is violated, if there is one.
pub(super) fn attribute(suite: &Suite, results: &mut BTreeMap<&'static str, CaseResult>) {
    let cause = |case: &'static Case| {
        let violated =
            case.presupposes.iter().find_map(|id| violated_clause(suite.find(id)?, results.get(id)?));
        violated.map(|clause| (case, clause))
    };
    let causes: Vec<(&'static Case, Clause)> = suite.cases().filter_map(cause).collect();
    for (case, clause) in causes {
        let Some(result) = results.get_mut(case.id) else { continue };
        if !is_own_violation(result) {
            continue;
        }
        if let Some(finding) = &mut result.finding {
            attribute_to(clause, case.clause, finding);
            result.verdict = finding.verdict;
        }
    }
}

/// The case that a workload with the names of a package graph presupposes: ordinary names with every permitted character.
const ORDINARY_NAMES: &str = "index/R9/2";

/// Attributes findings of a workload about a valid request that was answered `ERROR` to R9, if the target refuses ordinary
/// names. `verdict_of` returns the verdict of a case.
pub(super) fn attribute_refused_names(
    suite: &Suite,
    verdict_of: impl Fn(&str) -> Option<Verdict>,
    findings: &mut [Finding],
) {
    let is_violated = verdict_of(ORDINARY_NAMES).is_some_and(|verdict| verdict == Verdict::Fail);
    let Some(case) = suite.find(ORDINARY_NAMES).filter(|_| is_violated) else { return };
    let error = printable(Reply::Error.line());
    for finding in findings.iter_mut().filter(|finding| finding.verdict == Verdict::Fail) {
        if let (Some(clause), true) = (finding.clause, finding.actual.as_ref() == Some(&error)) {
            attribute_to(case.clause, clause, finding);
        }
    }
}

/// Returns the clause of a case that is violated under this clause.
fn violated_clause(case: &Case, result: &CaseResult) -> Option<Clause> {
    let clause = result.finding.as_ref().filter(|_| is_own_violation(result))?.clause;
    clause.filter(|clause| clause.id == case.clause.id)
}

/// Whether a case is violated by itself. The end of a target concerns every case that was running.
fn is_own_violation(result: &CaseResult) -> bool {
    matches!(result.verdict, Verdict::Warn | Verdict::Fail) && !result.is_loss()
}

fn attribute_to(clause: Clause, own: Clause, finding: &mut Finding) {
    finding.clause = Some(clause);
    finding.verdict = if clause.level == Level::Must { Verdict::Fail } else { Verdict::Warn };
    finding.reason = Some(format!(
        "a consequence of {}, which other cases show to be violated, and not of {}",
        clause.id, own.id
    ));
}

#[cfg(test)]
mod tests {
    use protocol::index::clauses::{F3, F5, R9, S1};

    use super::*;
    use crate::protocols::INDEX;

    fn violated(clause: Clause, summary: &str) -> CaseResult {
        let finding = Finding { clause: Some(clause), ..Finding::new(Verdict::Fail, summary) };
        CaseResult { finding: Some(finding), ..CaseResult::without(Verdict::Fail, String::new()) }
    }

    #[test]
    fn a_consequence_belongs_to_the_clause_of_the_case_that_it_presupposes() {
        let judge = |violations: Vec<(&'static str, CaseResult)>| {
            let mut results: BTreeMap<&'static str, CaseResult> = violations.into_iter().collect();
            attribute(&INDEX.suite, &mut results);
            let result = &results["index/F5/2"];
            (result.verdict, result.finding.as_ref().unwrap().clause.unwrap().id)
        };
        let own = || ("index/F5/2", violated(F5, "incorrect reply"));
        assert_eq!(judge(vec![own()]), (Verdict::Fail, "F5"));
        let pipelining = |clause| ("index/F3/1", violated(clause, "incorrect reply"));
        assert_eq!(judge(vec![own(), pipelining(F3)]), (Verdict::Warn, "F3"));
        assert_eq!(judge(vec![own(), pipelining(F5)]), (Verdict::Fail, "F5"));
        let lost = ("index/F3/1", violated(F3, "the target stopped serving clients"));
        assert!(lost.1.is_loss());
        assert_eq!(judge(vec![own(), lost]), (Verdict::Fail, "F5"));
    }

    #[test]
    fn a_refused_request_of_a_workload_belongs_to_the_names_if_ordinary_names_are_refused() {
        let judge = |actual: &str, names: Verdict| {
            let finding = Finding {
                clause: Some(S1),
                actual: Some(actual.to_owned()),
                ..Finding::new(Verdict::Fail, "incorrect reply")
            };
            let mut findings = [finding];
            let verdict_of = |id: &str| (id == ORDINARY_NAMES).then_some(names);
            attribute_refused_names(&INDEX.suite, verdict_of, &mut findings);
            findings[0].clause.unwrap().id
        };
        assert_eq!(judge("ERROR\\n", Verdict::Fail), R9.id);
        assert_eq!(judge("FAIL\\n", Verdict::Fail), S1.id);
        assert_eq!(judge("ERROR\\n", Verdict::Pass), S1.id);
    }

    #[test]
    fn every_presupposed_case_exists_and_no_must_is_hidden_behind_a_should() {
        for case in INDEX.suite.cases() {
            for id in case.presupposes {
                let presupposed = INDEX.suite.find(id).unwrap();
                let is_must = |level| level == Level::Must;
                assert!(is_must(presupposed.level) || !is_must(case.level), "{}", case.id);
            }
        }
        assert!(INDEX.suite.find(ORDINARY_NAMES).is_some());
    }
}
