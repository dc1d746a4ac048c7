//! One run of a workload: drives its plan against a target and passes each event to the recorder and the judge.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use conformance::workload::{Judge, Judgement, Plan};
use driver::deadline::Deadline;
use driver::drive::{Limits, NoProcess, drive};
use driver::exchanges::{ExchangeReader, Observation};
use driver::history::{Event, EventKind, Header, Params, VERSION};
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use protocol::Framing;
use report::progress::PhaseBar;
use report::statistics::Statistics;

/// The time that the judge may take after the last event.
const JUDGING_TIME: Duration = Duration::from_secs(10);

/// The outcome of one run of a workload.
#[derive(Debug)]
pub(crate) struct RunOutcome {
    /// The judgement.
    pub judgement: Judgement,
    /// The measured figures.
    pub statistics: Statistics,
}

/// Returns the history header of a run with these parameters.
#[must_use]
pub(crate) fn header(workload: &str, params: Params, plan: &Plan) -> Header {
    Header { history: VERSION, workload: workload.to_owned(), params, plan_sha256: plan.sha256.clone() }
}

/// Runs a plan until its scripts end, its judge finds a violation, or the limits of the run are reached.
pub(crate) async fn run(
    target: SocketAddr,
    plan: Plan,
    limits: Limits,
    recorder: &Recorder,
    bar: PhaseBar,
    run_limits: &mut RunLimits,
) -> RunOutcome {
    let interrupted = run_limits.interrupted();
    let until = run_limits.reached();
    let Plan { framing, label, scripts, judge, .. } = plan;
    let observation = Rc::new(RefCell::new(RunObserver {
        exchanges: ExchangeReader::new(framing),
        label,
        judge,
        statistics: Statistics::default(),
        recorder: recorder.clone(),
        bar,
    }));
    let observer = {
        let observation = Rc::clone(&observation);
        move |event: &Event<'_>| observation.borrow_mut().observe(event)
    };
    let ending = drive(target, scripts, framing, limits, Box::new(NoProcess), observer, until).await;
    recorder.end(ending);
    let deadline = Deadline::after(JUDGING_TIME);
    // The driver's tasks have ended, and with them their borrows of the observer.
    let mut observation = observation.borrow_mut();
    let judgement =
        observation.judge.finish(Some(ending), &|| deadline.has_passed() || interrupted.load(Relaxed));
    RunOutcome { judgement, statistics: std::mem::take(&mut observation.statistics) }
}

/// The observer of a run: it passes each event to the judge, the statistics, the recorder and the progress bar.
struct RunObserver {
    exchanges: ExchangeReader<Box<dyn Framing>>,
    label: fn(&[u8]) -> &'static str,
    judge: Box<dyn Judge>,
    statistics: Statistics,
    recorder: Recorder,
    bar: PhaseBar,
}

impl RunObserver {
    /// Observes an event. Returns `Break` after a finding, because later events prove little.
    fn observe(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        self.recorder.record(event);
        let Self { exchanges, label, judge, statistics, .. } = self;
        statistics.note_time(event.at_ns);
        judge.observe_event(event);
        exchanges.observe(event, |observation| {
            match &observation {
                Observation::Phase { phase, .. } => statistics.begin_phase(*phase, event.at_ns),
                Observation::Exchange(exchange) => statistics.add(label(exchange.request), exchange),
                _ => {}
            }
            judge.observe(&observation);
        });
        if self.bar.is_shown() && matches!(event.event, EventKind::Received(_) | EventKind::Phase(_)) {
            self.bar.show(self.judge.progress());
        }
        if self.judge.findings().is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
