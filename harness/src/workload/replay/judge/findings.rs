//! What the judge of a replay finds beside what holds of every conversation.

use fixtures::PackageNumber;
use protocol::index::clauses::{S1, S2, S3, S4};
use protocol::index::wire::Reply;

use super::super::steps::Step;
use super::super::walk_ask::Ask;
use super::ReplayJudge;
use crate::workload::conversations::one_of;
use conformance::linearizable::violation_finding;
use conformance::workload::{Judge, Progress};
use driver::history::Ending;
use linearizability::interval_check;
use protocol::text::printable;
use verdict::Verdict;

impl ReplayJudge {
    /// A reply that no order of all the requests allows, though its step took it.
    pub(super) fn find_contradiction(&mut self) {
        let Some(operations) = self.operations.all() else { return };
        if let Some(violation) = interval_check(operations) {
            self.wrong = Some(violation.operation);
            self.conversations.add(violation_finding(violation, operations));
        }
    }

    /// The step stands still: nobody has changed anything, and everybody has tried everything since.
    pub(super) fn find_no_progress(&mut self, step: Step) {
        let must_be_ok =
            |&(package, is_refused): &(PackageNumber, &bool)| *is_refused && self.must_be_ok(step, package);
        let stuck = (0..).zip(&self.is_refused).find(must_be_ok);
        let (Some((package, _)), true) = (stuck, step != Step::Remove) else {
            let finding = self.conversations.find(
                Verdict::Unknown,
                None,
                None,
                "packages of the fixture cannot be removed at first",
            );
            let reason =
                "packages that are not in it may depend on them: start the target with an empty index";
            finding.reason = Some(reason.to_owned());
            return;
        };
        let (clause, why) = match (step, self.is_done[package as usize]) {
            (Step::Index, false) => (S1, "each of its dependencies was answered OK"),
            (Step::Index, true) => (S2, "it is indexed, and each of its dependencies was answered OK"),
            (_, false) => (S3, "each package that lists it was removed with OK"),
            (_, true) => (S4, "it is removed already"),
        };
        let client = self.plan.client_of(package);
        let sent = printable(self.plan.line(step, Ask::Package(package)));
        let finding = self.conversations.find(
            Verdict::Fail,
            Some(clause),
            Some(client),
            "a package is refused for ever",
        );
        finding.show(
            sent,
            format!("{}, again and again", printable(Reply::Fail.line())),
            one_of(&[Reply::Ok]),
        );
        finding.reason = Some(format!(
            "{why}, and every client that is not done has gone through all of its packages since anything changed"
        ));
    }

    /// Whether nothing that is known to be indexed stands in the way of a package.
    fn must_be_ok(&self, step: Step, package: PackageNumber) -> bool {
        let is_done = |other: &PackageNumber| self.is_done[*other as usize];
        match step {
            Step::Index => self.plan.graph.package(package).dependencies.iter().all(is_done),
            _ => self.dependents()[package as usize].iter().all(is_done),
        }
    }

    /// Who lists whom: needed only once something went wrong.
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
        let finding =
            self.conversations.find(Verdict::Unknown, None, Some(client), "a step took too many rounds");
        finding.reason = Some(format!(
            "a client went {passes} times through its packages and was not done; --rounds-max allows more"
        ));
    }

    pub(super) fn find_how_it_ended(&mut self, ending: Ending) {
        let Progress { done, of, .. } = self.progress();
        if ending != Ending::Finished || self.step != Some(Step::VerifyRemoved) || done != of {
            self.conversations.find_cut_short(ending, done, of, "packages of this step");
        }
    }

    pub(super) fn find_foreign_history(&mut self, client: u32) {
        let summary = "the history holds a request that is not in the plan";
        self.conversations.find(Verdict::Unknown, None, Some(client), summary);
    }
}
