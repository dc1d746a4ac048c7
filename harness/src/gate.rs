//! One run of the gate: a target, the catalogue, the replay, and a verdict for everything, whatever becomes of the
//! target.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use protocol::Level;
use protocol::index::clauses::A4;

use crate::bounds::Bounds;
use crate::drive::{Ending, Limits};
use crate::error::Error;
use crate::flags::Flags;
use crate::listening::Listening;
use crate::options::{Options, subjects};
use crate::report::progress::PhaseBar;
use crate::report::{Item, RunReport, again, terminal};
use crate::run::{Outcome, header, run};
use crate::select::{NOT_SELECTED, Subject};
use crate::suite::case::{Case, Runs};
use crate::suite::run::{CaseResult, REPLY_TIMEOUT_AFTER_ONE, Results, Terms};
use crate::suite::{self, Suite};
use crate::targets::{self, Target};
use crate::verdict::{Finding, Verdict};
use crate::workload::replay::{self, Replay};
use crate::workload::{Workload, pace};

const SUITE: Suite = suite::INDEX;

/// A case with many requests is run where it takes no longer than this.
const MANY_REQUESTS_TIME: Duration = Duration::from_secs(4);

/// It is given up where it takes longer than this all the same: some servers look at every package on each REMOVE.
const MANY_REQUESTS_TIME_MAX: Duration = Duration::from_secs(8);

/// A target replays half as many packages as it answers requests a second, so that forty requests a package take
/// twenty seconds; the default graph needs fifteen a package with a hundred clients.
const PACKAGES_PER_PACE: (u64, u64) = (1, 2);

/// How long after a run that did not pass it is looked whether the target has died.
const DEATH_PATIENCE: Duration = Duration::from_millis(300);

/// One run under way.
pub struct Gate<'o> {
    options: &'o Options,
    seed: u64,
    concurrency: u32,
    listening: Listening,
    results: Results,
    /// Why a subject is not run, before anything is.
    left_out: BTreeMap<&'static str, String>,
    report: RunReport,
}

impl<'o> Gate<'o> {
    /// A run that has not begun.
    #[must_use]
    pub fn new(options: &'o Options, seed: u64, concurrency: u32) -> Self {
        let report = RunReport {
            addr: String::new(),
            seed,
            concurrency,
            options: options.of_run(seed, concurrency),
            plan_sha256: String::new(),
            verdict: Verdict::Unknown,
            cause: None,
            items: Vec::new(),
            duration_ns: 0,
            requests: 0,
            case_requests: 0,
            phases: Vec::new(),
            target_ended: None,
        };
        let left_out = left_out(options);
        let (listening, results) = (Listening::default(), Results::default());
        Self { options, seed, concurrency, listening, results, left_out, report }
    }

    /// Judges the target, and prints to `out` what is known as soon as it is.
    ///
    /// # Errors
    /// Something else stands where the target was to be.
    pub async fn judge(
        mut self,
        bounds: &mut Bounds,
        troubles: &mut Vec<Error>,
        out: &mut impl Write,
    ) -> Result<RunReport, targets::Error> {
        let started = tokio::select! {
            started = Target::start(&self.options.choice) => started,
            _ = bounds.reached() => {
                return Ok(self.end_early(Verdict::Unknown, "interrupted before the target listened"));
            }
        };
        let mut target = match started {
            Ok(target) => target,
            Err(error @ targets::Error::Taken(_)) => return Err(error),
            Err(error) => {
                let verdict = if error.is_shortage() { Verdict::Unknown } else { Verdict::Unreachable };
                return Ok(self.end_early(verdict, &error.to_string()));
            }
        };
        self.report.addr = target.addr().to_string();
        self.listen(troubles);
        bounds.begin_run(self.options.flags.deadline);
        let replayed = self.judge_target(&mut target, bounds, out).await;
        if let (Err(source), Some(path)) = (self.listening.finish(), &self.options.flags.record) {
            troubles.push(Error::Write { path: path.clone(), source });
        }
        let alive = self.look_whether_alive(&mut target, bounds, replayed.as_ref()).await;
        self.report.items.push(alive);
        self.report.items.extend(replayed);
        Ok(self.finish())
    }

    /// Runs the cases and the replay; brings the replay's item.
    async fn judge_target(
        &mut self,
        target: &mut Target,
        bounds: &mut Bounds,
        out: &mut impl Write,
    ) -> Option<Item> {
        let selected: Vec<&'static Case> =
            SUITE.cases().filter(|case| !self.left_out.contains_key(case.id)).collect();
        let (many, few): (Vec<&'static Case>, Vec<&'static Case>) =
            selected.into_iter().partition(|case| matches!(case.runs, Runs::WithPace(_)));
        self.run_cases(few, None, target, bounds).await;
        if let Some(protocol) = self.results.speaks {
            self.report.cause = Some(format!("the target speaks {protocol}, not the package index"));
            self.report.verdict = Verdict::Unreachable;
            self.leave_out_rest(&many, &format!("the target speaks {protocol}"));
            return None;
        }
        let is_replay_wanted = !self.left_out.contains_key(Replay::ID);
        let obstacle = self.obstacle(target, bounds).await;
        let mut packages_max = self.options.flags.packages.map(|count| count as usize);
        if let Some(cause) = &obstacle {
            self.leave_out_rest(&many, cause);
        } else if !many.is_empty() || (is_replay_wanted && packages_max.is_none()) {
            let timeout = self.options.flags.timeout;
            let pace = pace::measure(target.addr(), self.concurrency, timeout, bounds).await;
            packages_max = packages_max.or_else(|| self.packages_for(pace));
            self.run_many(many, pace, target, bounds).await;
        }
        self.add_cases();
        if !self.options.is_matrix() {
            let _ = terminal::write_clauses(out, &self.report);
            let _ = out.flush();
        }
        if !is_replay_wanted {
            return None;
        }
        Some(match obstacle {
            Some(cause) => self.replay_left_out(&cause),
            None => self.replay(packages_max, target, bounds, out).await,
        })
    }

    async fn run_cases(
        &mut self,
        cases: Vec<&'static Case>,
        case_timeout: Option<Duration>,
        target: &mut Target,
        bounds: &mut Bounds,
    ) {
        let Flags { timeout, stall_limit, .. } = self.options.flags;
        let stall_limit = stall_limit.unwrap_or_default();
        let terms = Terms { seed: self.seed, reply_timeout: timeout, stall_limit, case_timeout };
        let listening = self.listening.clone();
        suite::run::run(SUITE, cases, terms, target, &listening, bounds, &mut self.results).await;
    }

    /// Cases of many requests, each where the target is quick enough for it.
    async fn run_many(
        &mut self,
        many: Vec<&'static Case>,
        pace: u64,
        target: &mut Target,
        bounds: &mut Bounds,
    ) {
        let fits = |case: &&'static Case| match case.runs {
            Runs::WithPace(requests) => u64::from(requests) <= pace * MANY_REQUESTS_TIME.as_secs(),
            _ => true,
        };
        let (quick, slow): (Vec<&'static Case>, Vec<&'static Case>) = many.into_iter().partition(fits);
        self.run_cases(quick, Some(MANY_REQUESTS_TIME_MAX), target, bounds).await;
        self.leave_out_rest(&slow, &format!("the target answers {pace} requests a second, too few for it"));
    }

    fn leave_out_rest(&mut self, cases: &[&'static Case], cause: &str) {
        for case in cases {
            self.results
                .cases
                .entry(case.id)
                .or_insert_with(|| CaseResult::without(Verdict::NotRun, cause.to_owned()));
        }
    }

    /// What stands in the way of everything that takes many clients, if anything does.
    async fn obstacle(&self, target: &Target, bounds: &mut Bounds) -> Option<String> {
        let is_lost =
            |id: &str| self.results.cases.get(id).is_some_and(|result| result.verdict > Verdict::Warn);
        match bounds.came() {
            Some(Ending::Interrupted) => return Some("interrupted".to_owned()),
            Some(_) => return Some("the time for the run was over; --deadline allows more".to_owned()),
            None => {}
        }
        let gates = SUITE.gates.iter().filter(|_| self.concurrency > 1);
        if let Some(id) = [SUITE.first].iter().chain(gates).find(|id| is_lost(id)) {
            return Some(format!("{id} was not passed"));
        }
        let is_gone = !self.results.losses.is_empty() && !target.is_reachable().await;
        is_gone.then(|| "the target was lost, and is not back".to_owned())
    }

    /// How many packages a slow target replays; all, if it is quick.
    fn packages_for(&self, pace: u64) -> Option<usize> {
        let (count, of) = PACKAGES_PER_PACE;
        let packages = usize::try_from(pace * count / of).unwrap_or(usize::MAX).max(1);
        (packages < self.options.graph.packages().len()).then_some(packages)
    }

    async fn replay(
        &mut self,
        packages_max: Option<usize>,
        target: &mut Target,
        bounds: &mut Bounds,
        out: &mut impl Write,
    ) -> Item {
        let Flags { unluckiness, rounds_max, timeout, debug, .. } = self.options.flags;
        let (seed, concurrency) = (self.seed, self.concurrency);
        let options = replay::Options { seed, concurrency, unluckiness, rounds_max };
        let graph = match packages_max {
            None => self.options.graph.clone(),
            Some(count) => {
                self.report.options.insert("packages".to_owned(), count.to_string());
                self.options.graph.part(count)
            }
        };
        let workload = Replay::new(graph, options);
        let header = header(&workload, self.report.options.clone());
        self.report.plan_sha256.clone_from(&header.plan_sha256);
        if !self.options.is_matrix() {
            let _ = writeln!(out);
            let _ = terminal::write_fixture(out, &self.options.fixture);
            if let (Some(count), None) = (packages_max, self.options.flags.packages) {
                let _ = writeln!(out, "pace     the target is slow: it replays a part, --packages {count}");
            }
            let _ = terminal::write_plan(out, Replay::ID, &header.plan_sha256);
            let _ = out.flush();
        }
        self.listening.begin(&header);
        let bar = PhaseBar::new(Replay::PHASES, !debug);
        // A target that has let somebody wait in vain is not waited for as long again.
        let timeout = if self.results.has_timed_out { timeout.min(REPLY_TIMEOUT_AFTER_ONE) } else { timeout };
        let limits = Limits {
            reply_timeout: timeout,
            reply_timeout_after_one: timeout,
            clients_at_once_max: usize::MAX,
        };
        let addr = target.addr();
        let outcome = run(addr, &workload, limits, &self.listening, bar, bounds.reached()).await;
        let Outcome { verdict, findings, statistics } = outcome;
        self.report.duration_ns = statistics.duration_ns();
        self.report.requests = statistics.requests();
        self.report.phases = statistics.phases(Replay::PHASES);
        if verdict == Verdict::Unreachable {
            self.report.verdict = verdict;
            self.report.cause = findings.first().map(|finding| finding.summary.clone());
        }
        let flags = self.options.choice.flags();
        let again = format!(
            "harness {flags}--only {} --seed {} --concurrency {}",
            Replay::ID,
            self.seed,
            self.concurrency
        );
        Item {
            verdict,
            findings,
            duration_ns: self.report.duration_ns,
            again: if verdict == Verdict::Pass { Vec::new() } else { vec![again] },
            ..replay_item(concurrency)
        }
    }

    fn replay_left_out(&self, cause: &str) -> Item {
        Item { cause: Some(cause.to_owned()), ..replay_item(self.concurrency) }
    }

    /// Whether the target lived through it all.
    async fn look_whether_alive(
        &mut self,
        target: &mut Target,
        bounds: &mut Bounds,
        replayed: Option<&Item>,
    ) -> Item {
        let mut item = Item {
            requirement: "The target lives through the run.".to_owned(),
            clause: A4.id,
            ..item(SUITE.alive, Level::Must)
        };
        if self.report.verdict == Verdict::Unreachable || self.left_out.contains_key(SUITE.alive) {
            item.cause = self.report.cause.clone().or_else(|| self.left_out.get(SUITE.alive).cloned());
            return item;
        }
        let is_bad = replayed.is_some_and(|item| item.verdict > Verdict::Warn);
        let patience = if is_bad { DEATH_PATIENCE } else { Duration::ZERO };
        self.report.target_ended = target.ended(patience).await;
        item.verdict = Verdict::Pass;
        for loss in &self.results.losses {
            let mut finding =
                Finding { clause: Some(A4), ..Finding::new(Verdict::Fail, "the target was lost") };
            let during = loss.last_sent.join("; ");
            finding.show(during, loss.how.clone(), "a target that goes on serving".to_owned());
            finding.reason = (!loss.during.is_empty())
                .then(|| format!("cases that were under way: {}", loss.during.join(" ")));
            item.findings.push(finding);
        }
        let is_gone =
            is_bad && !target.is_started() && bounds.came().is_none() && !target.is_reachable().await;
        let ended = self.report.target_ended.clone();
        let ended = ended.map(|ended| format!("the target's process ended: {ended}"));
        if let Some(how) = ended.or_else(|| is_gone.then(|| "nothing takes connections any more".to_owned()))
        {
            let mut finding =
                Finding { clause: Some(A4), ..Finding::new(Verdict::Fail, "the target is gone") };
            finding.came = Some(how);
            item.findings.push(finding);
        }
        if !item.findings.is_empty() {
            item.verdict = Verdict::Fail;
        }
        item
    }

    /// Makes items of what the cases came to.
    fn add_cases(&mut self) {
        for case in SUITE.cases() {
            let plain = Item {
                clause: case.clause.id,
                requirement: case.requirement.to_owned(),
                ..item(case.id, case.level)
            };
            let item = match (self.results.cases.remove(case.id), self.left_out.get(case.id)) {
                (Some(result), _) => self.with_result(plain, result),
                (None, Some(cause)) => Item { cause: Some(cause.clone()), ..plain },
                (None, None) => Item { cause: Some("the run ended before it".to_owned()), ..plain },
            };
            self.report.items.push(item);
        }
        self.report.case_requests = self.results.requests;
    }

    fn with_result(&self, plain: Item, result: CaseResult) -> Item {
        let flags = self.options.choice.flags();
        let is_wrong = matches!(result.verdict, Verdict::Fail | Verdict::Warn);
        let again = if is_wrong {
            again::lines(plain.id, self.seed, &flags, &self.report.addr, &result.wire)
        } else {
            Vec::new()
        };
        let verdict = self.strictly(result.verdict);
        Item {
            verdict,
            cause: result.cause,
            findings: result.finding.into_iter().collect(),
            observed: result.observed,
            duration_ns: result.duration_ns,
            wire: result.wire.entries().to_vec(),
            wire_left_out: result.wire.left_out(),
            again,
            ..plain
        }
        .with_expectation(self.options)
    }

    fn strictly(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Warn if self.options.flags.strict => Verdict::Fail,
            verdict => verdict,
        }
    }

    fn listen(&mut self, troubles: &mut Vec<Error>) {
        let path = self.options.flags.record.as_ref();
        let file = path.and_then(|path| match File::create(path) {
            Ok(file) => Some(file),
            Err(source) => {
                troubles.push(Error::Write { path: path.clone(), source });
                None
            }
        });
        self.listening = Listening::new(self.options.flags.debug, file);
    }

    /// The report of a run without a target.
    fn end_early(mut self, verdict: Verdict, cause: &str) -> RunReport {
        for subject in subjects() {
            self.left_out.entry(subject.id).or_insert_with(|| cause.to_owned());
        }
        self.report.cause = Some(cause.to_owned());
        self.report.verdict = verdict;
        self.finish()
    }

    fn finish(mut self) -> RunReport {
        if !self.report.items.iter().any(|item| SUITE.find(item.id).is_some()) {
            let others = std::mem::take(&mut self.report.items);
            self.add_cases();
            self.report.items.extend(others);
        }
        for subject in subjects() {
            if !self.report.items.iter().any(|item| item.id == subject.id) {
                let cause = self.left_out.get(subject.id).or(self.report.cause.as_ref()).cloned();
                self.report.items.push(Item { cause, ..item(subject.id, subject.level) });
            }
        }
        for item in &mut self.report.items {
            if SUITE.find(item.id).is_none() {
                *item = item.clone().with_expectation(self.options);
            }
        }
        if self.report.cause.is_none() {
            let worst = self.report.items.iter().map(|item| item.verdict).max();
            self.report.verdict = worst.unwrap_or(Verdict::Unknown);
        }
        self.report
    }
}

/// Why each subject that is not run is not, as far as the options say it.
fn left_out(options: &Options) -> BTreeMap<&'static str, String> {
    let why = |subject: &Subject| {
        // Whatever is run, a target that does not live through it has failed.
        let is_always = subject.id == SUITE.alive;
        let unwanted = options.selection.wants(subject).err();
        let unwanted = unwanted.filter(|cause| !is_always || *cause != NOT_SELECTED);
        let runs = SUITE.find(subject.id).map_or(Runs::Always, |case| case.runs);
        let is_asked_for = match runs {
            Runs::WithStallLimit => options.flags.stall_limit.is_some(),
            Runs::WithProcess => options.flags.process,
            Runs::Always | Runs::WithPace(_) => true,
        };
        let on_request = runs.on_request().filter(|_| !is_asked_for);
        unwanted.or(on_request).map(|cause| (subject.id, cause.to_owned()))
    };
    subjects().iter().filter_map(why).collect()
}

/// An item of which nothing is known yet.
fn item(id: &'static str, level: Level) -> Item {
    Item {
        id,
        clause: "",
        level,
        requirement: String::new(),
        verdict: Verdict::NotRun,
        cause: None,
        findings: Vec::new(),
        observed: None,
        duration_ns: 0,
        wire: Vec::new(),
        wire_left_out: 0,
        again: Vec::new(),
    }
}

fn replay_item(concurrency: u32) -> Item {
    let clients = if concurrency == 1 { "client" } else { "clients" };
    Item {
        requirement: format!("A package graph is replayed by {concurrency} {clients}."),
        ..item(Replay::ID, Level::Must)
    }
}

impl Item {
    /// A listed failure is expected; a listed item that passes is an error, so that the list can only shrink.
    fn with_expectation(mut self, options: &Options) -> Self {
        let Some(reason) = options.expected.reason(self.id) else { return self };
        match self.verdict {
            Verdict::Fail | Verdict::Warn => {
                self.verdict = Verdict::Expected;
                self.cause = Some(reason.to_owned());
            }
            Verdict::Pass => {
                self.verdict = Verdict::Fail;
                let summary = "it is listed as an expected failure, and passes: take it off the list";
                self.findings.push(Finding::new(Verdict::Fail, summary));
            }
            _ => {}
        }
        self
    }
}
