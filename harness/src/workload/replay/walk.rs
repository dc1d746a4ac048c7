//! One client's walk through its packages. The script follows it to send requests; the judge follows it to know which
//! requests were planned.

use protocol::index::wire::Reply;

use crate::workload::replay::draws::Spot;
use crate::workload::replay::next_request::NextRequest;
use crate::workload::replay::plan::ReplayPlan;
use crate::workload::replay::steps::ReplayStep;

/// The position of a client in its walk.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    client: u32,
    step: ReplayStep,
    pass: u32,
    /// The position of the next package among those of the client.
    position: u32,
    /// The malformed line to send before that package.
    malformed: Option<usize>,
    /// Whether every package of the current pass was answered `OK` so far.
    is_pass_clean: bool,
    is_step_done: bool,
}

impl Walk {
    /// Returns the walk of a client before its first step.
    pub(super) fn new(client: u32) -> Self {
        Self {
            client,
            step: ReplayStep::Remove,
            pass: 0,
            position: 0,
            malformed: None,
            is_pass_clean: true,
            is_step_done: true,
        }
    }

    /// Begins the first pass of a step through the client's packages.
    pub(super) fn begin(&mut self, step: ReplayStep, plan: &ReplayPlan) {
        self.step = step;
        self.pass = 0;
        self.is_step_done = plan.packages_of(self.client).is_empty();
        self.begin_pass(plan);
    }

    pub(super) fn step(&self) -> ReplayStep {
        self.step
    }

    /// Returns the number of completed passes in this step.
    pub(super) fn passes(&self) -> u32 {
        self.pass
    }

    /// Returns the next request, or `None` when the step is complete.
    pub(super) fn next_request(&self, plan: &ReplayPlan) -> Option<NextRequest> {
        if self.is_step_done {
            return None;
        }
        let package = plan.packages_of(self.client).start + self.position;
        Some(self.malformed.map_or(NextRequest::Package(package), NextRequest::Malformed))
    }

    /// Advances after a reply.
    pub(super) fn advance(&mut self, reply: Reply, plan: &ReplayPlan) {
        if self.malformed.take().is_some() {
            return;
        }
        self.is_pass_clean &= reply == Reply::Ok;
        self.position += 1;
        if self.position < plan.packages_of(self.client).len().try_into().unwrap_or(u32::MAX) {
            self.draw(plan);
            return;
        }
        self.pass += 1;
        self.is_step_done = self.is_pass_clean || !self.step.is_repeated();
        if !self.is_step_done {
            self.begin_pass(plan);
        }
    }

    fn begin_pass(&mut self, plan: &ReplayPlan) {
        self.position = 0;
        self.is_pass_clean = true;
        self.draw(plan);
    }

    fn draw(&mut self, plan: &ReplayPlan) {
        let Self { client, step, pass, position, .. } = *self;
        self.malformed = match step {
            ReplayStep::Index => {
                plan.draws.malformed_line(Spot { client, step, pass, position }, plan.options.unluckiness)
            }
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::replay::form::Form;
    use crate::workload::replay::plan::ReplayOptions;

    fn plan(unluckiness: u32) -> ReplayPlan {
        ReplayPlan::new(
            fixtures::tiny(),
            ReplayOptions { form: Form::Gradual, seed: 1, concurrency: 5, unluckiness, rounds_max: 100 },
        )
    }

    #[test]
    fn a_step_repeats_until_a_whole_pass_is_ok() {
        let plan = plan(0);
        let mut walk = Walk::new(1);
        walk.begin(ReplayStep::Index, &plan);
        for (package, reply) in [3, 4, 5, 3, 4, 5, 3, 4, 5].into_iter().zip([
            Reply::Ok,
            Reply::Fail,
            Reply::Ok,
            Reply::Ok,
            Reply::Ok,
            Reply::Fail,
            Reply::Ok,
            Reply::Ok,
            Reply::Ok,
        ]) {
            assert_eq!(walk.next_request(&plan), Some(NextRequest::Package(package)));
            walk.advance(reply, &plan);
        }
        assert_eq!((walk.next_request(&plan), walk.passes()), (None, 3));
    }

    #[test]
    fn verification_takes_one_pass_whatever_the_replies() {
        let plan = plan(0);
        let mut walk = Walk::new(0);
        walk.begin(ReplayStep::VerifyRemoved, &plan);
        (0..3).for_each(|_| walk.advance(Reply::Fail, &plan));
        assert_eq!(walk.next_request(&plan), None);
    }

    #[test]
    fn malformed_lines_precede_packages_only_while_indexing() {
        let plan = plan(100);
        let mut walk = Walk::new(0);
        walk.begin(ReplayStep::Index, &plan);
        for package in 0..3 {
            assert!(matches!(walk.next_request(&plan), Some(NextRequest::Malformed(_))));
            walk.advance(Reply::Error, &plan);
            assert_eq!(walk.next_request(&plan), Some(NextRequest::Package(package)));
            walk.advance(Reply::Ok, &plan);
        }
        assert_eq!(walk.next_request(&plan), None);
        walk.begin(ReplayStep::RemoveAgain, &plan);
        assert_eq!(walk.next_request(&plan), Some(NextRequest::Package(0)));
    }
}
