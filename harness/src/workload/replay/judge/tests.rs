//! A snapshot of every finding of the replay's judge beyond the checks of every exchange.

use std::rc::Rc;

use conformance::collect::Operations;
use conformance::workload::Judge;
use driver::exchanges::{Exchange, Place};
use driver::history::Ending;
use fixtures::Graph;
use protocol::index::wire::Reply;
use verdict::{Finding, Verdict};

use crate::workload::replay::form::Form;
use crate::workload::replay::judge::state::ReplayJudge;
use crate::workload::replay::plan::{ReplayOptions, ReplayPlan};
use crate::workload::replay::steps::ReplayStep;

/// Returns the judge of a replay in which package `a` depends on package `b`.
fn judge() -> ReplayJudge {
    judge_of(Form::Gradual)
}

fn judge_of(form: Form) -> ReplayJudge {
    let graph = Graph::parse(b"a: b\n").unwrap();
    let options = ReplayOptions { form, seed: 1, concurrency: 1, unluckiness: 0, rounds_max: 3 };
    ReplayJudge::new(Rc::new(ReplayPlan::new(graph, options)))
}

fn exchange() -> Exchange<'static> {
    let place =
        Place { client: 0, connection: 1, replies: 0, has_sent: true, is_mid_request: false, idle_ns: 0 };
    Exchange { place, request: b"QUERY|a|", reply: b"OK", sent_ns: 1, replied_ns: 2 }
}

/// Returns the finding of a step without progress, in which one package is refused and others are done.
fn no_progress(step: ReplayStep, refused: usize, done: [bool; 2]) -> String {
    let mut judge = judge();
    judge.is_refused[refused] = true;
    judge.is_done.copy_from_slice(&done);
    judge.find_no_progress(step);
    judge.findings().iter().map(Finding::to_string).collect::<String>()
}

fn finding(find: impl FnOnce(&mut ReplayJudge)) -> String {
    let mut judge = judge();
    find(&mut judge);
    judge.findings().iter().map(Finding::to_string).collect::<String>()
}

#[test]
fn the_official_form_attributes_every_violation_to_its_clause() {
    let mut judge = judge_of(Form::Official);
    judge.is_refused[0] = true;
    judge.is_done[1] = true;
    judge.find_no_progress(ReplayStep::Index);
    let judgement = judge.finish(Some(Ending::Stopped), &|| false);
    assert_eq!(judgement.verdict, Verdict::Warn);
    insta::assert_snapshot!(judge.findings().iter().map(Finding::to_string).collect::<String>());
}

#[test]
fn the_official_form_is_not_run_if_it_was_given_up_before_a_finding() {
    let mut judge = judge_of(Form::Official);
    let judgement = judge.finish(Some(Ending::TimeOver), &|| false);
    assert_eq!(judgement.verdict, Verdict::NotRun);
    insta::assert_snapshot!(judgement.inconclusive[0].cause);
}

#[test]
fn findings() {
    insta::assert_snapshot!(
        [
            no_progress(ReplayStep::Remove, 1, [false, false]),
            no_progress(ReplayStep::Index, 0, [false, true]),
            no_progress(ReplayStep::Index, 0, [true, true]),
            no_progress(ReplayStep::RemoveAgain, 1, [true, false]),
            no_progress(ReplayStep::RemoveAgain, 1, [true, true]),
            finding(|judge| judge.find_too_many_rounds(0, 3)),
            finding(|judge| judge.find_unplanned_request(0)),
            finding(|judge| judge.find_incomplete(Ending::TimeOver)),
            finding(|judge| {
                judge.operations = Operations::at_most(1);
                for reply in [Reply::Ok, Reply::Fail] {
                    judge.operations.add(&exchange(), Some(reply));
                }
                judge.find_contradiction();
            }),
        ]
        .concat()
    );
}
