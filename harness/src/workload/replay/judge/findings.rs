//! The findings of the replay's judge beyond the checks of every exchange.

use conformance::linearizable::violation_finding;
use conformance::workload::{Judge, Progress};
use driver::history::Ending;
use fixtures::PackageNumber;
use linearizability::interval_check;
use protocol::index::clauses::{S1, S2, S3, S4};
use protocol::index::wire::Reply;
use protocol::text::printable;
use verdict::Verdict;

use crate::workload::replay::judge::state::ReplayJudge;
use crate::workload::replay::next_request::NextRequest;
use crate::workload::replay::steps::ReplayStep;
use conformance::exchange_checks::one_of;

impl ReplayJudge {
    /// Reports a reply that its step allows but no order of all the requests.
    pub(super) fn find_contradiction(&mut self) {
        let Some(operations) = self.operations.all() else {
            return self.checks.find_too_many_operations(self.operations.count_max());
        };
        if let Some(violation) = interval_check(operations) {
            self.violation = Some(violation.operation);
            self.checks.add(violation_finding(violation, operations));
        }
    }

    /// Reports a step without progress: every client has tried all of its packages since the last change.
    pub(super) fn find_no_progress(&mut self, step: ReplayStep) {
        let must_be_ok =
            |&(package, is_refused): &(PackageNumber, &bool)| *is_refused && self.must_be_ok(step, package);
        let stuck = (0..).zip(&self.is_refused).find(must_be_ok);
        let (Some((package, _)), true) = (stuck, step != ReplayStep::Remove) else {
            let finding = self.checks.find(
                Verdict::Unknown,
                None,
                None,
                "packages of the fixture cannot be removed in the first step",
            );
            let reason =
                "packages outside the fixture may depend on them; start the target with an empty index";
            finding.reason = Some(reason.to_owned());
            return;
        };
        let (clause, why) = match (step, self.is_done[package as usize]) {
            (ReplayStep::Index, false) => (S1, "each of its dependencies was indexed with OK"),
            (ReplayStep::Index, true) => {
                (S2, "it is indexed, and each of its dependencies was indexed with OK")
            }
            (_, false) => (S3, "each package that lists it was removed with OK"),
            (_, true) => (S4, "it was already removed"),
        };
        let client = self.plan.client_of(package);
        let sent = printable(self.plan.line(step, NextRequest::Package(package)));
        let finding = self.checks.find(
            Verdict::Fail,
            Some(clause),
            Some(client),
            "the target keeps refusing a package",
        );
        finding.show(sent, format!("{} every time", printable(Reply::Fail.line())), one_of(&[Reply::Ok]));
        finding.reason = Some(format!(
            "{why}, and every unfinished client has tried all of its packages since the last change"
        ));
    }

    /// Whether the replies so far prove that a request for a package must be answered `OK`.
    fn must_be_ok(&self, step: ReplayStep, package: PackageNumber) -> bool {
        let is_done = |other: &PackageNumber| self.is_done[*other as usize];
        match step {
            ReplayStep::Index => self.plan.graph.package(package).dependencies.iter().all(is_done),
            _ => self.dependents()[package as usize].iter().all(is_done),
        }
    }

    /// Returns, by package, the packages that list it.
    fn dependents(&self) -> &[Vec<PackageNumber>] {
        self.dependents.get_or_init(|| {
            let mut dependents = vec![Vec::new(); self.is_done.len()];
            for (number, package) in (0..).zip(self.plan.graph.packages()) {
                for &dependency in &package.dependencies {
                    dependents[dependency as usize].push(number);
                }
            }
            dependents
        })
    }

    pub(super) fn find_too_many_rounds(&mut self, client: u32, passes: u32) {
        let finding = self.checks.find(Verdict::Unknown, None, Some(client), "a step needed too many rounds");
        finding.reason = Some(format!(
            "a client completed {passes} rounds through its packages without completing the step; --rounds-max allows more"
        ));
    }

    /// Returns the cause for which a run without findings was given up.
    pub(super) fn incomplete_cause(&self) -> Option<String> {
        let Progress { done, of, .. } = self.progress();
        let step = self.step.unwrap_or(ReplayStep::Remove).name();
        self.findings().is_empty().then(|| {
            format!(
                "the run reached its deadline in step '{step}' with {done} of {of} packages; --deadline allows more time, and \
                 --packages makes the replay smaller"
            )
        })
    }

    pub(super) fn find_incomplete(&mut self, ending: Ending) {
        let Progress { done, of, .. } = self.progress();
        if ending != Ending::Finished || self.step != Some(ReplayStep::VerifyRemoved) || done != of {
            self.checks.find_incomplete_run(ending, done, of, "packages of this step");
        }
    }

    pub(super) fn find_unplanned_request(&mut self, client: u32) {
        let summary = "the history contains a request that is not in the plan";
        self.checks.find(Verdict::Unknown, None, Some(client), summary);
    }
}
