//! What a run's history says: whether each fault happened, who was harmed by it, and how much slower others were.
//!
//! Pure: it reads events, and no clock.

mod bystanders;
mod step;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use conformance::plan::CasePlan;
use driver::exchanges::ExchangeReader;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::FailureKind;
use driver::history::Sample;
use protocol::Framing;
use verdict::Finding;

use crate::fault::Scene;
use crate::kit::{Kit, Truth};
use crate::scripts::{BYSTANDERS, CONDUCTOR, Part, TICK, TIMEKEEPER, marked};
use bystanders::Bystanders;
pub use bystanders::{Latencies, percentile};
use step::HeldUp;
pub use step::{Outcome, StepJudge};

/// So many times in a row no connection could be opened: the target is gone.
const REFUSALS_MAX: u32 = 3;

/// Follows a run.
#[derive(Debug)]
pub struct RunJudge {
    pairing: ExchangeReader<Box<dyn Framing>>,
    truth: Box<dyn Truth>,
    bystanders: Bystanders,
    steps: Vec<StepJudge>,
    /// The step that is under way.
    current: Option<usize>,
    part: Part,
    /// When time was kept, and how much too late.
    ticks: Vec<(u64, u64)>,
    samples: Vec<(u64, Sample)>,
    refusals: u32,
    is_lost: bool,
}

impl RunJudge {
    /// A judge of these scenes that has seen nothing. The truth knows what was before.
    #[must_use]
    pub fn new(kit: &'static Kit, scenes: &[(Scene, Rc<CasePlan>)], truth: Box<dyn Truth>) -> Self {
        let step = |(scene, plan): &(Scene, Rc<CasePlan>)| StepJudge::new(kit, *scene, Rc::clone(plan));
        Self {
            pairing: ExchangeReader::new(kit.dialect.framing),
            truth,
            bystanders: Bystanders::new(kit),
            steps: scenes.iter().map(step).collect(),
            current: None,
            part: Part::Over,
            ticks: Vec::new(),
            samples: Vec::new(),
            refusals: 0,
            is_lost: false,
        }
    }

    /// Takes in an event; `Break` once the target is lost.
    pub fn observe(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        self.truth.observe(event);
        match (event.client, &event.event) {
            (TIMEKEEPER, EventKind::Marked(tick)) => {
                let due_ns = u64::try_from((TICK * *tick).as_nanos()).unwrap_or(u64::MAX);
                self.ticks.push((event.at_ns, event.at_ns.saturating_sub(due_ns)));
            }
            (TIMEKEEPER, EventKind::Sampled(sample)) => self.samples.push((event.at_ns, *sample)),
            (CONDUCTOR, EventKind::Marked(number)) => self.begin_part(*number, event.at_ns),
            _ => self.hear(event),
        }
        if self.is_lost { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn begin_part(&mut self, number: u32, at_ns: u64) {
        let (step, part) = marked(number);
        self.part = part;
        self.current = Some(step);
        if let Some(step) = self.steps.get_mut(step) {
            step.begin(part, at_ns);
        }
    }

    fn hear(&mut self, event: &Event<'_>) {
        let Self { pairing, bystanders, steps, current, part, refusals, is_lost, .. } = self;
        let mut step = current.and_then(|current| steps.get_mut(current));
        let is_fault = event.client == CONDUCTOR && *part == Part::Fault;
        if let (Some(step), true) = (&mut step, is_fault) {
            step.note(event);
        }
        pairing.observe(event, |seen| {
            match &seen {
                Observation::NotOpened { failure, .. } if failure.kind == FailureKind::Refused => {
                    *refusals += 1
                }
                Observation::Exchange(_) => *refusals = 0,
                _ => {}
            }
            match (event.client, &mut step) {
                (CONDUCTOR, Some(step)) if *part == Part::Fault => step.see(&seen),
                (CONDUCTOR, Some(step)) => step.see_newcomer(&seen, event.at_ns),
                (client, step) if client < BYSTANDERS => bystanders.see(client, &seen, event.at_ns, step),
                _ => {}
            }
        });
        bystanders.note(event);
        *is_lost |= *refusals >= REFUSALS_MAX;
    }

    /// The target was lost in the step that was under way.
    pub fn lose(&mut self, how: &str) {
        if let Some(step) = self.current.and_then(|current| self.steps.get_mut(current)) {
            step.lose(how);
        }
    }

    /// Whether nothing takes connections any more.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// How many steps have begun.
    #[must_use]
    pub fn begun(&self) -> usize {
        self.current.map_or(0, |current| current + 1)
    }

    /// What each step came to, as far as they were run, and what was measured on the way.
    #[must_use]
    pub fn finish(self) -> (Vec<Outcome>, Timeline, Box<dyn Truth>) {
        let Self { bystanders, mut steps, ticks, samples, mut truth, .. } = self;
        let spans: Vec<(u64, u64)> = steps.iter().map(StepJudge::span_ns).collect();
        for (sent_ns, finding) in truth.end_part() {
            blame(sent_ns, finding, &mut steps, &spans);
        }
        let latencies = bystanders.by_span(&spans);
        let outcomes = steps.into_iter().zip(&latencies.beside).map(|(step, beside)| {
            let (begun_ns, over_ns) = step.span_ns();
            let of_step = ticks.iter().filter(|(at_ns, _)| (begun_ns..=over_ns).contains(at_ns));
            let late_ns = of_step.map(|(_, late_ns)| *late_ns).max().unwrap_or(0);
            let held_up = HeldUp { harness_ns: late_ns, target_ns: waited_ns(&samples, begun_ns, over_ns) };
            step.finish(&latencies.quiet, beside, held_up)
        });
        let outcomes = outcomes.collect();
        let timeline = Timeline { requests: bystanders.into_requests(), samples, spans };
        (outcomes, timeline, truth)
    }
}

/// What contradicts is harm done in the step in which it was asked for.
fn blame(sent_ns: u64, finding: Finding, steps: &mut [StepJudge], spans: &[(u64, u64)]) {
    let begun = |(begun_ns, _): &&(u64, u64)| *begun_ns > 0 && *begun_ns <= sent_ns;
    let count = spans.iter().take_while(begun).count();
    if let Some(step) = steps.get_mut(count.saturating_sub(1)) {
        step.harm(finding);
    }
}

/// The longest that the target was without a processor from one look at it to the next, in this span of time.
fn waited_ns(samples: &[(u64, Sample)], begun_ns: u64, over_ns: u64) -> u64 {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    let touches = |((before_ns, _), (after_ns, _)): &(&(u64, Sample), &(u64, Sample))| {
        *after_ns >= begun_ns && *before_ns <= over_ns
    };
    let waited = pairs
        .filter(touches)
        .map(|((_, before), (_, after))| after.waited_ns.saturating_sub(before.waited_ns));
    waited.max().unwrap_or(0)
}

/// What was measured during a run, over time.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// When each request of a bystander was due, and how long its reply took from then on.
    pub requests: BTreeMap<u64, u64>,
    /// What the target's process took.
    pub samples: Vec<(u64, Sample)>,
    /// When each step began and was over.
    pub spans: Vec<(u64, u64)>,
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use driver::history::Failure;
    use driver::moves::Act;
    use verdict::Verdict;

    use super::*;
    use crate::kit::KITS;
    use crate::scripts::{QUIET, mark, planned};

    const MS: u64 = 1_000_000;

    /// So many requests of a bystander are due before the first fault.
    const QUIET_TURNS: u64 = 39;

    /// A history of one scene, written by hand.
    struct Written {
        judge: RunJudge,
        at_ns: u64,
    }

    impl Written {
        /// Begins after a quiet phase in which every reply took a millisecond, and in which time was kept.
        fn begin(id: &str) -> Self {
            let kit = KITS[0];
            let scene = *kit.find(id).unwrap();
            let plan = Rc::new(CasePlan::new(kit.dialect, scene.case, 1, std::time::Duration::ZERO));
            let judge = RunJudge::new(kit, &[(scene, plan)], (kit.truth)());
            let mut written = Self { judge, at_ns: 0 };
            written.tell(0, 1, EventKind::Opened(0));
            for turn in 0..QUIET_TURNS {
                written.bystander(turn, MS, None);
            }
            written.at_ns = u64::try_from(QUIET.as_nanos()).unwrap();
            written.tell(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Fault)));
            written
        }

        fn tell(&mut self, client: u32, connection: u32, event: EventKind<'_>) {
            let _ = self.judge.observe(&Event { at_ns: self.at_ns, client, connection, event });
        }

        /// The first bystander asks when it is due, and is answered so much later: right, unless something is said.
        fn bystander(&mut self, turn: u64, took_ns: u64, says: Option<&'static [u8]>) {
            let due_ns = u64::try_from(planned(KITS[0].ask_interval, 0, turn).as_nanos()).unwrap();
            self.at_ns = due_ns;
            self.tell(0, 1, EventKind::Sent(Cow::Borrowed(b"a line\n")));
            self.at_ns = due_ns + took_ns;
            let reply = [says.unwrap_or(if turn % 4 == 3 { b"FAIL" } else { b"OK" }), b"\n"].concat();
            self.tell(0, 1, EventKind::Received(Cow::Owned(reply)));
        }

        /// The fault is over after a second, and the newcomer is served after so long, or not at all.
        fn end(mut self, newcomer_ns: Option<u64>) -> Outcome {
            self.tell(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
            match newcomer_ns {
                Some(waited_ns) => {
                    self.tell(CONDUCTOR, 9, EventKind::Opened(0));
                    self.tell(CONDUCTOR, 9, EventKind::Sent(Cow::Borrowed(b"QUERY|newcomer|\n")));
                    self.at_ns += waited_ns;
                    self.tell(CONDUCTOR, 9, EventKind::Received(Cow::Borrowed(b"FAIL\n")));
                }
                None => self.tell(CONDUCTOR, 0, EventKind::NotOpened(refused(FailureKind::Other))),
            }
            self.tell(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Over)));
            self.judge.finish().0.remove(0)
        }
    }

    fn refused(kind: FailureKind) -> Failure {
        Failure { kind, message: "refused".to_owned() }
    }

    const SCENE: &str = "lines/fields-missing/idle";

    /// So many replies beside the fault, each of which took so long.
    fn beside(written: &mut Written, took_ns: u64) {
        (QUIET_TURNS..QUIET_TURNS + 30).for_each(|turn| written.bystander(turn, took_ns, None));
    }

    fn summary(outcome: &Outcome) -> &str {
        outcome.findings.first().map_or("", |finding| finding.summary.as_str())
    }

    #[test]
    fn where_nobody_is_harmed_the_fault_is_held() {
        let mut written = Written::begin(SCENE);
        beside(&mut written, 2 * MS);
        let outcome = written.end(Some(MS));
        assert_eq!((outcome.verdict, summary(&outcome)), (Verdict::Pass, ""));
    }

    #[test]
    fn a_wrong_reply_to_a_bystander_is_harm() {
        let mut written = Written::begin(SCENE);
        written.bystander(QUIET_TURNS, MS, Some(b"ERROR"));
        let outcome = written.end(Some(MS));
        assert_eq!((outcome.verdict, summary(&outcome)), (Verdict::Fail, "a bystander got a wrong reply"));
        assert_eq!(outcome.findings[0].clause.map(|clause| clause.id), Some("A4"));
    }

    #[test]
    fn a_newcomer_has_to_be_served_and_soon() {
        let outcome = Written::begin(SCENE).end(None);
        assert_eq!(summary(&outcome), "a new client is not served after the fault");
        assert_eq!(outcome.verdict, Verdict::Fail);
        let outcome = Written::begin(SCENE).end(Some(1100 * MS));
        assert_eq!((outcome.verdict, outcome.is_only_slow), (Verdict::Warn, false));
    }

    #[test]
    fn what_this_machine_is_short_of_is_nobodys_harm() {
        let mut written = Written::begin(SCENE);
        written.tell(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Newcomer)));
        written.tell(CONDUCTOR, 0, EventKind::NotOpened(refused(FailureKind::OutOfResources)));
        written.tell(CONDUCTOR, 0, EventKind::Marked(mark(0, Part::Over)));
        assert_eq!(written.judge.finish().0.remove(0).verdict, Verdict::Unknown);
    }

    #[test]
    fn who_slows_others_down_warns_unless_the_harness_was_slow_itself() {
        let mut written = Written::begin(SCENE);
        beside(&mut written, 60 * MS);
        let outcome = written.end(Some(MS));
        assert_eq!((outcome.verdict, outcome.is_only_slow), (Verdict::Warn, true));

        let mut written = Written::begin(SCENE);
        beside(&mut written, 60 * MS);
        // Time is kept 40 ms too late.
        let tick = u32::try_from(written.at_ns / u64::try_from(TICK.as_nanos()).unwrap()).unwrap();
        written.at_ns = u64::try_from((TICK * tick).as_nanos()).unwrap() + 40 * MS;
        written.tell(TIMEKEEPER, 0, EventKind::Marked(tick));
        let outcome = written.end(Some(MS));
        assert_eq!(outcome.verdict, Verdict::Unknown, "{:?}", outcome.findings);
    }

    /// What its machine keeps from the target is not its fault.
    #[test]
    fn who_had_no_processor_is_not_accused_of_being_slow() {
        let mut written = Written::begin(SCENE);
        beside(&mut written, 60 * MS);
        for waited_ns in [0, 40 * MS] {
            written.at_ns += 1;
            let sample = Sample { descriptors: 9, memory_bytes: 1, threads: 1, waited_ns };
            written.tell(TIMEKEEPER, 0, EventKind::Sampled(sample));
        }
        let outcome = written.end(Some(MS));
        assert_eq!(outcome.verdict, Verdict::Unknown, "{:?}", outcome.findings);
    }

    #[test]
    fn a_fault_that_could_not_be_made_is_no_pass() {
        let mut written = Written::begin("network/latency/idle");
        written.tell(CONDUCTOR, 0, EventKind::Acted { act: Act::EndCondition, is_done: false });
        let outcome = written.end(Some(MS));
        assert_eq!((outcome.verdict, summary(&outcome)), (Verdict::Unknown, "the fault could not be made"));
    }

    #[test]
    fn who_takes_no_connections_any_more_is_lost() {
        let mut written = Written::begin(SCENE);
        for client in 0..REFUSALS_MAX {
            assert!(!written.judge.is_lost());
            written.tell(client, 0, EventKind::NotOpened(refused(FailureKind::Refused)));
        }
        assert!(written.judge.is_lost());
        written.judge.lose("its process ended");
        let outcome = written.judge.finish().0.remove(0);
        assert_eq!((outcome.verdict, summary(&outcome)), (Verdict::Fail, "the target is gone"));
    }
}
