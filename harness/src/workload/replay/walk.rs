//! One client's way through its packages. The script follows it to know what to send, and the judge to know what
//! was to be sent.

use protocol::index::wire::Reply;

use super::draws::Spot;
use super::plan::Plan;
use super::steps::Step;
use super::walk_ask::Ask;

/// Where a client is.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    client: u32,
    step: Step,
    pass: u32,
    /// Which of the client's packages is next.
    position: u32,
    /// The broken line that comes before it.
    broken: Option<usize>,
    /// Whether every package of this pass was answered `OK` so far.
    is_pass_clean: bool,
    is_step_done: bool,
}

impl Walk {
    /// A client before its first step.
    pub(super) fn new(client: u32) -> Self {
        Self {
            client,
            step: Step::Remove,
            pass: 0,
            position: 0,
            broken: None,
            is_pass_clean: true,
            is_step_done: true,
        }
    }

    /// Begins a step: its first pass over the client's packages.
    pub(super) fn begin(&mut self, step: Step, plan: &Plan) {
        self.step = step;
        self.pass = 0;
        self.is_step_done = plan.packages_of(self.client).is_empty();
        self.begin_pass(plan);
    }

    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// How often the client has gone through all of its packages in this step.
    pub(super) fn passes(&self) -> u32 {
        self.pass
    }

    /// What is asked next; nothing when the step is done.
    pub(super) fn ask(&self, plan: &Plan) -> Option<Ask> {
        if self.is_step_done {
            return None;
        }
        let package = plan.packages_of(self.client).start + self.position;
        Some(self.broken.map_or(Ask::Package(package), Ask::ViolationKind))
    }

    /// Goes on after a reply.
    pub(super) fn answered(&mut self, reply: Reply, plan: &Plan) {
        if self.broken.take().is_some() {
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

    fn begin_pass(&mut self, plan: &Plan) {
        self.position = 0;
        self.is_pass_clean = true;
        self.draw(plan);
    }

    fn draw(&mut self, plan: &Plan) {
        let Self { client, step, pass, position, .. } = *self;
        self.broken = match step {
            Step::Index => {
                plan.draws.broken_line(Spot { client, step, pass, position }, plan.options.unluckiness)
            }
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::Options;
    use super::super::workload::ReplayPlan;
    use super::*;

    fn plan(unluckiness: u32) -> ReplayPlan {
        ReplayPlan::new(fixtures::tiny(), Options { seed: 1, concurrency: 5, unluckiness, rounds_max: 100 })
    }

    #[test]
    fn a_step_goes_on_until_a_whole_pass_is_ok() {
        let ReplayPlan(plan) = plan(0);
        let mut walk = Walk::new(1);
        walk.begin(Step::Index, &plan);
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
            assert_eq!(walk.ask(&plan), Some(Ask::Package(package)));
            walk.answered(reply, &plan);
        }
        assert_eq!((walk.ask(&plan), walk.passes()), (None, 3));
    }

    #[test]
    fn verifying_takes_one_pass_whatever_comes() {
        let ReplayPlan(plan) = plan(0);
        let mut walk = Walk::new(0);
        walk.begin(Step::VerifyRemoved, &plan);
        (0..3).for_each(|_| walk.answered(Reply::Fail, &plan));
        assert_eq!(walk.ask(&plan), None);
    }

    #[test]
    fn broken_lines_come_before_packages_and_only_while_indexing() {
        let ReplayPlan(plan) = plan(100);
        let mut walk = Walk::new(0);
        walk.begin(Step::Index, &plan);
        for package in 0..3 {
            assert!(matches!(walk.ask(&plan), Some(Ask::ViolationKind(_))));
            walk.answered(Reply::Error, &plan);
            assert_eq!(walk.ask(&plan), Some(Ask::Package(package)));
            walk.answered(Reply::Ok, &plan);
        }
        assert_eq!(walk.ask(&plan), None);
        walk.begin(Step::RemoveAgain, &plan);
        assert_eq!(walk.ask(&plan), Some(Ask::Package(0)));
    }
}
