//! One step of a run: what the fault's own clients saw, what bystanders and the newcomer did.

use std::collections::BTreeMap;
use std::rc::Rc;

use conformance::judge::CaseJudge;
use conformance::judge::CaseState;
use conformance::plan::CLEANUP;
use conformance::plan::CasePlan;
use conformance::wire::WireLog;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use driver::history::FailureKind;
use driver::moves::Slot;
use protocol::Clause;
use protocol::text::printable;
use verdict::Finding;
use verdict::Verdict;
use verdict::seconds;

use super::percentile;
use crate::fault::Scene;
use crate::kit::Kit;
use crate::scripts::{CONDUCTOR, Heard, Part};

/// A newcomer that waits longer than this has been harmed a little.
const NEWCOMER_NS_SHOULD: u64 = 1_000_000_000;

/// While others are promised to be served, a server may turn away one honest client in so many.
const TURNED_AWAY_ONE_IN: u64 = 100;

/// Fewer replies have no percentiles.
const LATENCIES_MIN: usize = 20;

/// Bystanders may wait this many times longer than in the quiet, …
const LATENCY_FACTOR_MAX: u64 = 5;

/// … or longer by this much, whichever is more.
const LATENCY_NS_MORE_MAX: u64 = 50_000_000;

/// Follows a step.
#[derive(Debug)]
pub struct StepJudge {
    kit: &'static Kit,
    scene: Scene,
    case: CaseJudge,
    begun_ns: u64,
    newcomer_ns: u64,
    over_ns: u64,
    /// How long the newcomer waited for its reply.
    newcomer_waited_ns: Option<u64>,
    harms: Vec<Finding>,
    has_ended_target: bool,
    /// Whether a client of the fault's own was never served.
    is_kept_waiting: bool,
    /// How many bystanders had what they came for, and how many were told to come again.
    served: u64,
    turned_away: u64,
    /// The slots of the connections that are open, and what came on them, where a sequel has to know it.
    slots: BTreeMap<u32, Slot>,
    heard: Heard,
}

/// How long this machine kept somebody from running at the most, which is never the target's fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeldUp {
    /// How late the harness was.
    pub(super) harness_ns: u64,
    /// How long the target was ready to run, and had no processor.
    pub(super) target_ns: u64,
}

/// What a step came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was done.
    pub scene: Scene,
    /// What it came to.
    pub verdict: Verdict,
    /// What that rests on.
    pub findings: Vec<Finding>,
    /// Why it was not decided, or not run.
    pub cause: Option<String>,
    /// The figure that decided, to be read.
    pub figure: String,
    /// What its clients were told, where a sequel has to know it.
    pub heard: Heard,
    /// Whether the target ended by it, as it had to.
    pub has_ended_target: bool,
    /// Whether nothing was found but that others were slowed down, which a busy machine does too.
    pub is_only_slow: bool,
    /// What was sent and what came.
    pub wire: WireLog,
    /// How long it took.
    pub duration_ns: u64,
}

impl Outcome {
    /// A scene that was not run.
    #[must_use]
    pub fn not_run(scene: Scene, cause: &str) -> Self {
        Self {
            scene,
            verdict: Verdict::NotRun,
            findings: Vec::new(),
            cause: Some(cause.to_owned()),
            figure: String::new(),
            heard: Heard::new(),
            has_ended_target: false,
            is_only_slow: false,
            wire: WireLog::default(),
            duration_ns: 0,
        }
    }

    /// A sequel and what it followed, together.
    #[must_use]
    pub fn after(mut self, mut before: Self) -> Self {
        before.findings.append(&mut self.findings);
        self.findings = before.findings;
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        self.verdict = self.verdict.max(before.verdict);
        self.cause = self.cause.or(before.cause);
        // Tried again, it would have nothing to follow.
        self.is_only_slow = false;
        self.duration_ns += before.duration_ns;
        self
    }
}

impl StepJudge {
    pub(super) fn new(kit: &'static Kit, scene: Scene, plan: Rc<CasePlan>) -> Self {
        Self {
            kit,
            scene,
            case: CaseJudge::new(plan),
            begun_ns: 0,
            newcomer_ns: 0,
            over_ns: 0,
            newcomer_waited_ns: None,
            harms: Vec::new(),
            has_ended_target: false,
            is_kept_waiting: false,
            served: 0,
            turned_away: 0,
            slots: BTreeMap::new(),
            heard: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, part: Part, at_ns: u64) {
        match part {
            Part::Fault => self.begun_ns = at_ns,
            Part::Newcomer => {
                self.newcomer_ns = at_ns;
                self.over_ns = at_ns;
                let event = EventKind::ClientDone;
                self.case.note(&Event { at_ns, client: CONDUCTOR, connection: 0, event });
            }
            Part::Over => self.over_ns = at_ns,
        }
    }

    /// When it began and was over; both 0 if it did not begin.
    pub(super) fn span_ns(&self) -> (u64, u64) {
        (self.begun_ns, if self.over_ns > 0 { self.over_ns } else { self.begun_ns })
    }

    /// Takes in an event of the fault's clients as it is.
    pub(super) fn note(&mut self, event: &Event<'_>) {
        if let EventKind::Acted { act, is_done: false } = &event.event {
            let mut finding = Finding::new(Verdict::Unknown, "the fault could not be made");
            finding.reason = Some(format!("the target's process: {act:?}"));
            self.harms.push(finding);
        }
        self.case.note(event);
    }

    /// A bystander has what it came for.
    pub(super) fn serve(&mut self) {
        self.served += 1;
    }

    /// Whether others are promised to be served beside the fault.
    pub(super) fn is_promised(&self) -> bool {
        self.scene.fault.is_promised
    }

    /// A bystander was told to come again.
    pub(super) fn turn_away(&mut self) {
        self.turned_away += 1;
    }

    /// Takes in what is seen of the fault's clients.
    pub(super) fn see(&mut self, seen: &Observation<'_>) {
        if self.scene.sequel.is_some() {
            self.hear(seen);
        }
        self.is_kept_waiting |=
            matches!(seen, Observation::Unanswered { end: EventKind::TimedOut { .. }, .. });
        let _ = self.case.observe(seen);
    }

    fn hear(&mut self, seen: &Observation<'_>) {
        match seen {
            Observation::Opened { connection, slot, .. } if *slot != CLEANUP => {
                self.slots.insert(*connection, *slot);
            }
            Observation::Exchange(replied) => {
                let slot = self.slots.get(&replied.place.connection);
                self.heard.extend(slot.map(|slot| (*slot, replied.reply.to_vec())));
            }
            _ => {}
        }
    }

    /// Takes in what is seen of the newcomer.
    pub(super) fn see_newcomer(&mut self, seen: &Observation<'_>, at_ns: u64) {
        let mut clause = None;
        let came = match seen {
            Observation::Exchange(replied) if (self.kit.newcomer.is_served)(replied.reply) => {
                self.newcomer_waited_ns = Some(at_ns.saturating_sub(self.newcomer_ns));
                return;
            }
            Observation::Exchange(replied) => printable(replied.reply),
            Observation::Unanswered { end: EventKind::TimedOut { waited_ns, .. }, .. } => {
                clause = Some(self.kit.kept_waiting);
                format!("nothing within {}", seconds(*waited_ns))
            }
            Observation::Unanswered { .. } => "the end of the connection".to_owned(),
            Observation::NotOpened { failure, .. } if failure.kind == FailureKind::OutOfResources => {
                let mut finding = Finding::new(Verdict::Unknown, "a new client could not be tried");
                finding.reason = Some(format!("this machine: {}", failure.message));
                return self.harm(finding);
            }
            Observation::NotOpened { failure, .. } => failure.message.clone(),
            _ => return,
        };
        let mut finding = Finding::new(Verdict::Fail, "a new client is not served after the fault");
        let newcomer = &self.kit.newcomer;
        finding.show(printable(newcomer.request), came, format!("{} within 10 s", newcomer.wanted));
        finding.clause = clause;
        self.harm(finding);
    }

    /// Somebody was harmed. Whoever waits without end is kept waiting by somebody else; all else breaks the fault's own
    /// clause.
    pub(super) fn harm(&mut self, mut finding: Finding) {
        finding.clause.get_or_insert(self.clause());
        self.harms.push(finding);
    }

    /// The MUST that harm to others breaks, whatever the fault's own clause asks for.
    fn clause(&self) -> Clause {
        (self.kit.harmed)(self.scene.fault.clause)
    }

    /// The target was lost in this step, as it had to be, or not.
    pub(super) fn lose(&mut self, how: &str) {
        if self.scene.fault.ends_target {
            self.harms.clear();
            self.has_ended_target = true;
            return;
        }
        let mut finding = Finding::new(Verdict::Fail, "the target is gone");
        finding.actual = Some(how.to_owned());
        finding.expected = Some("a target that goes on serving".to_owned());
        finding.clause = Some(self.clause());
        self.harms.insert(0, finding);
    }

    /// What it came to, given how long replies took in the quiet and beside it, and how late the harness was.
    pub(super) fn finish(mut self, quiet: &[u64], beside: &[u64], held_up: HeldUp) -> Outcome {
        let is_begun = self.begun_ns > 0;
        self.judge_newcomer();
        self.judge_service();
        let has_harm = !self.harms.is_empty();
        let p99_ns = percentile(beside, 99);
        self.judge_latency(quiet, beside, held_up);
        let is_only_slow = !has_harm && !self.harms.is_empty();
        let (begun_ns, over_ns) = self.span_ns();
        let is_done = self.case.state() == CaseState::Done;
        let mut own = self.case.outcome();
        if let (Some(finding), true) = (&mut own.finding, self.is_kept_waiting) {
            finding.clause = Some(self.kit.kept_waiting);
        }
        if let Some(finding) = &mut own.finding {
            excuse(finding, self.kit, held_up);
        }
        let mut findings = self.harms;
        findings.extend(own.finding.filter(|_| is_done));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let needs_block = self.scene.case.needs_block;
        let cause = match (is_begun, is_done) {
            (false, _) => Some("the time for the run was over".to_owned()),
            (true, false) if self.has_ended_target => None,
            (true, false) if findings.is_empty() => Some("the run ended before it".to_owned()),
            _ => own.cause.filter(|_| needs_block && findings.is_empty()),
        };
        let verdict = match (&findings.first(), &cause) {
            (Some(finding), _) => finding.verdict,
            (None, None) => Verdict::Pass,
            // Without proof that the fault happened nothing is known.
            (None, Some(_)) if is_done => Verdict::Unknown,
            (None, Some(_)) => Verdict::NotRun,
        };
        let newcomer = self.newcomer_waited_ns.map_or("not served".to_owned(), milliseconds);
        let p99 = if beside.len() < LATENCIES_MIN { "-".to_owned() } else { milliseconds(p99_ns) };
        let figure = format!("p99 {p99:>9}, newcomer {newcomer:>9}, {:.1} s", seconds_of(over_ns - begun_ns));
        Outcome {
            scene: self.scene,
            verdict,
            is_only_slow: is_only_slow && findings.iter().all(|finding| finding.verdict != Verdict::Fail),
            findings,
            cause,
            figure,
            heard: self.heard,
            has_ended_target: self.has_ended_target,
            wire: own.wire,
            duration_ns: over_ns - begun_ns,
        }
    }

    fn judge_newcomer(&mut self) {
        let Some(waited_ns) = self.newcomer_waited_ns.filter(|waited_ns| *waited_ns > NEWCOMER_NS_SHOULD)
        else {
            return;
        };
        let mut finding = Finding::new(Verdict::Warn, "a new client waits long after the fault");
        let (came, expected) = (format!("its reply after {}", seconds(waited_ns)), "within 1 s".to_owned());
        finding.show(printable(self.kit.newcomer.request), came, expected);
        finding.clause = Some(self.kit.kept_waiting);
        self.harms.push(finding);
    }

    /// Whether bystanders were let in beside the fault.
    fn judge_service(&mut self) {
        let Self { served, turned_away, .. } = *self;
        if !self.scene.fault.is_promised || turned_away * TURNED_AWAY_ONE_IN <= served + turned_away {
            return;
        }
        let mut finding = Finding::new(Verdict::Warn, "bystanders are turned away");
        finding.actual = Some(format!("{turned_away} of {} were told to come again", served + turned_away));
        finding.expected = Some(format!("at most one in {TURNED_AWAY_ONE_IN}"));
        finding.clause = Some(self.kit.kept_waiting);
        self.harms.push(finding);
    }

    fn judge_latency(&mut self, quiet: &[u64], beside: &[u64], held_up: HeldUp) {
        if !self.scene.fault.is_promised || quiet.len() < LATENCIES_MIN || beside.len() < LATENCIES_MIN {
            return;
        }
        let (quiet_ns, beside_ns) = (percentile(quiet, 99), percentile(beside, 99));
        let allowed_ns = (quiet_ns * LATENCY_FACTOR_MAX).max(quiet_ns + LATENCY_NS_MORE_MAX);
        if beside_ns <= allowed_ns {
            return;
        }
        // What the harness was late itself is not the target's fault.
        let HeldUp { harness_ns, target_ns } = held_up;
        let is_ours = harness_ns.max(target_ns) > allowed_ns / 2;
        let (verdict, summary) = if is_ours {
            (Verdict::Unknown, "bystanders waited long, but this machine was busy")
        } else {
            (Verdict::Warn, "bystanders are slowed down")
        };
        let mut finding = Finding::new(verdict, summary);
        finding.actual = Some(format!("99 of 100 replies within {}", milliseconds(beside_ns)));
        finding.expected = Some(format!(
            "within {}; in the quiet it was {}",
            milliseconds(allowed_ns),
            milliseconds(quiet_ns)
        ));
        finding.reason = is_ours.then(|| {
            let (harness, target) = (milliseconds(harness_ns), milliseconds(target_ns));
            format!("the harness itself was {harness} late, and the target {target} without a processor")
        });
        finding.clause = Some(self.kit.kept_waiting);
        self.harms.push(finding);
    }
}

/// Where this machine was held up, a target may have met a deadline that its client was to keep.
fn excuse(finding: &mut Finding, kit: &Kit, held_up: HeldUp) {
    let HeldUp { harness_ns, target_ns } = held_up;
    let late_ns = harness_ns.max(target_ns);
    if finding.verdict != Verdict::Unknown
        && kit.deadline.is_some_and(|deadline| u128::from(late_ns) * 3 > deadline.as_nanos())
    {
        finding.verdict = Verdict::Unknown;
        finding.reason = Some(format!("this machine was held up for {}", milliseconds(late_ns)));
    }
}

fn seconds_of(ns: u64) -> f64 {
    std::time::Duration::from_nanos(ns).as_secs_f64()
}

fn milliseconds(ns: u64) -> String {
    format!("{:.1} ms", seconds_of(ns) * 1e3)
}
