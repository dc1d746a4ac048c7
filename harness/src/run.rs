//! One run: drives a workload against a target and gives each event to all who read it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use protocol::Protocol;

use crate::drive::{Ending, Limits, NoProcess, Patience, drive};
use crate::history::{Event, Header, VERSION, What};
use crate::listening::Listening;
use crate::pairing::{Pairing, Seen};
use crate::report::progress::PhaseBar;
use crate::report::statistics::Statistics;
use crate::verdict::{Finding, Verdict};
use crate::workload::literal::Led;
use crate::workload::{Judge, Workload};

/// How long it may take to judge what was seen.
const JUDGING_TIME: Duration = Duration::from_secs(10);

/// What a run comes to.
#[derive(Debug)]
pub struct Outcome {
    /// The judge's word.
    pub verdict: Verdict,
    /// What it rests on.
    pub findings: Vec<Finding>,
    /// The requests that led to the first of them.
    pub led: Option<Led>,
    /// What is to be told beside that.
    pub observed: Option<String>,
    /// What was measured.
    pub statistics: Statistics,
}

/// The first line of the history of a run that these options make.
pub fn header<W: Workload>(workload: &W, options: BTreeMap<String, String>) -> Header {
    let plan_sha256 = workload.plan_sha256();
    Header { history: VERSION, workload: W::ID.to_owned(), options, plan_sha256 }
}

/// Runs a workload.
pub async fn run<W: Workload + 'static>(
    target: SocketAddr,
    workload: &W,
    limits: Limits,
    listening: &Listening,
    bar: PhaseBar,
    until: impl Future<Output = Ending>,
) -> Outcome
where
    <W::Protocol as Protocol>::Framing: 'static,
{
    let observation = Rc::new(RefCell::new(Observation::<W>::new(workload.judge(), listening.clone(), bar)));
    let observer = {
        let observation = Rc::clone(&observation);
        move |event: &Event<'_>| observation.borrow_mut().observe(event)
    };
    let framing = W::Protocol::framing;
    let ending =
        drive(target, workload.scripts(), framing, limits, Box::new(NoProcess), observer, until).await;
    listening.end(ending);
    let patience = Patience::begin(JUDGING_TIME);
    // The driver's tasks are gone, and with them their hold on the observation.
    let mut observation = observation.borrow_mut();
    let verdict = observation.judge.finish(ending, &|| patience.is_over());
    Outcome {
        verdict,
        findings: observation.judge.findings().to_vec(),
        led: observation.judge.led(),
        observed: observation.judge.observed(),
        statistics: std::mem::take(&mut observation.statistics),
    }
}

/// All that reads the events of a run as they happen.
struct Observation<W: Workload> {
    pairing: Pairing<<W::Protocol as Protocol>::Framing>,
    judge: W::Judge,
    statistics: Statistics,
    listening: Listening,
    bar: PhaseBar,
}

impl<W: Workload> Observation<W> {
    fn new(judge: W::Judge, listening: Listening, bar: PhaseBar) -> Self {
        Self {
            pairing: Pairing::new(W::Protocol::framing),
            judge,
            statistics: Statistics::default(),
            listening,
            bar,
        }
    }

    /// Takes in an event; `Break` once something was found, for what follows a violation proves little.
    fn observe(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        self.listening.hear(event);
        let Self { pairing, judge, statistics, .. } = self;
        statistics.note_time(event.at_ns);
        pairing.observe(event, |seen| {
            match &seen {
                Seen::Phase { phase, .. } => statistics.begin_phase(*phase, event.at_ns),
                Seen::Replied(replied) => statistics.add(W::label(replied.request), replied),
                _ => {}
            }
            judge.observe(&seen);
        });
        if self.bar.is_shown() && matches!(event.event, What::Received(_) | What::Phase(_)) {
            self.bar.show(self.judge.progress());
        }
        if self.judge.findings().is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// The judge of a workload, with a recorded history instead of a target.
pub struct JudgeAgain<W: Workload> {
    pairing: Pairing<<W::Protocol as Protocol>::Framing>,
    judge: W::Judge,
}

impl<W: Workload> JudgeAgain<W> {
    /// The judge of this plan, before the first event.
    pub fn new(workload: &W) -> Self {
        Self { pairing: Pairing::new(W::Protocol::framing), judge: workload.judge() }
    }

    /// Takes in an event. A run ends with its first finding, but not at once, and a judge is not asked for more.
    pub fn observe(&mut self, event: &Event<'_>) {
        let Self { pairing, judge } = self;
        if judge.findings().len() < FINDINGS_MAX {
            pairing.observe(event, |seen| judge.observe(&seen));
        }
    }

    /// Takes in how the run ended; [`Ending::Stopped`] if the history does not say, so that it is undecided.
    pub fn finish(mut self, ending: Option<Ending>) -> (Verdict, Vec<Finding>) {
        let patience = Patience::begin(JUDGING_TIME);
        let verdict = self.judge.finish(ending.unwrap_or(Ending::Stopped), &|| patience.is_over());
        (verdict, self.judge.findings().to_vec())
    }
}

/// As many as there are clients that can fail at the same moment.
const FINDINGS_MAX: usize = 10_000;
