//! One run: drives a workload against a target and gives each event to all who read it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;

use protocol::Protocol;

use crate::drive::{Ending, Limits, drive};
use crate::history::{Event, Header, VERSION, What, Writer};
use crate::pairing::{Pairing, REPLY_BYTES_MAX, Seen};
use crate::report::progress::PhaseBar;
use crate::report::statistics::Statistics;
use crate::report::transcript::write_event;
use crate::verdict::{Finding, Verdict};
use crate::workload::{Judge, Workload};

/// Who is told what happens in a run, beside its judge.
#[derive(Debug)]
pub struct Listeners {
    /// A bar on the terminal.
    pub bar: PhaseBar,
    /// The history on disk.
    pub recorder: Option<Writer<BufWriter<File>>>,
    /// Every event on standard error.
    pub is_debug: bool,
}

/// What a run comes to.
#[derive(Debug)]
pub struct Outcome {
    /// The judge's word.
    pub verdict: Verdict,
    /// What it rests on.
    pub findings: Vec<Finding>,
    /// What was measured.
    pub statistics: Statistics,
    /// Whether the history is on disk.
    pub recorded: io::Result<()>,
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
    listeners: Listeners,
    interrupted: impl Future<Output = ()>,
) -> Outcome
where
    <W::Protocol as Protocol>::Framing: 'static,
{
    let observation = Rc::new(RefCell::new(Observation::<W>::new(workload.judge(), listeners)));
    let observer = {
        let observation = Rc::clone(&observation);
        move |event: &Event<'_>| observation.borrow_mut().observe(event)
    };
    let framing = || W::Protocol::framing(REPLY_BYTES_MAX);
    let sampler = Box::new(|| None);
    let (ending, _) =
        drive(target, workload.scripts(), framing, limits, sampler, observer, interrupted).await;
    // The driver's tasks are gone, and with them their hold on the observation.
    let mut observation = observation.borrow_mut();
    let verdict = observation.judge.finish(ending);
    Outcome {
        verdict,
        findings: observation.judge.findings().to_vec(),
        recorded: observation.finish_recording(ending),
        statistics: std::mem::take(&mut observation.statistics),
    }
}

/// All that reads the events of a run as they happen.
struct Observation<W: Workload> {
    pairing: Pairing<<W::Protocol as Protocol>::Framing>,
    judge: W::Judge,
    statistics: Statistics,
    listeners: Listeners,
    recording_failed: Option<io::Error>,
}

impl<W: Workload> Observation<W> {
    fn new(judge: W::Judge, listeners: Listeners) -> Self {
        Self {
            pairing: Pairing::new(W::Protocol::framing),
            judge,
            statistics: Statistics::default(),
            listeners,
            recording_failed: None,
        }
    }

    /// Takes in an event; `Break` once something was found, for what follows a violation proves little.
    fn observe(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        if self.listeners.is_debug {
            // Somebody who closes standard error wants to see no more.
            let _ = write_event(&mut io::stderr(), event);
        }
        if let Some(recorder) = &mut self.listeners.recorder
            && let Err(error) = recorder.write(event)
        {
            self.recording_failed.get_or_insert(error);
            return ControlFlow::Break(());
        }
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
        if self.listeners.bar.is_shown() && matches!(event.event, What::Received(_) | What::Phase(_)) {
            self.listeners.bar.show(self.judge.progress());
        }
        if self.judge.findings().is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn finish_recording(&mut self, ending: Ending) -> io::Result<()> {
        if let Some(error) = self.recording_failed.take() {
            return Err(error);
        }
        let Some(mut recorder) = self.listeners.recorder.take() else {
            return Ok(());
        };
        let at_ns = self.statistics.last_ns();
        recorder.write(&Event { at_ns, client: 0, connection: 0, event: What::RunEnded(ending) })?;
        recorder.finish().map(drop)
    }
}

/// Judges a recorded history of a workload again, without a target. One that is cut short is undecided.
///
/// # Errors
/// The first event that cannot be read.
pub fn judge_again<W: Workload, E>(
    workload: &W,
    events: impl Iterator<Item = Result<Event<'static>, E>>,
) -> Result<(Verdict, Vec<Finding>), E> {
    let mut pairing = Pairing::new(W::Protocol::framing);
    let mut judge = workload.judge();
    let mut ending = Ending::Stopped;
    for event in events {
        let event = event?;
        if let What::RunEnded(how) = event.event {
            ending = how;
        }
        pairing.observe(&event, |seen| judge.observe(&seen));
    }
    let verdict = judge.finish(ending);
    Ok((verdict, judge.findings().to_vec()))
}
