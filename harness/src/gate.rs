//! One run of the gate: a target, the catalogue, the replay, and a verdict for everything, whatever becomes of the
//! target.

mod items;
mod shrinking;
mod workloads;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use crate::error::Error;
use crate::flags::Flags;
use crate::options::Options;
use crate::options::subjects;
use crate::protocols::ProtocolEntry;
use crate::workload::pace;
use conformance::case::Case;
use conformance::case::Runs;
use conformance::request_script::LeadingRequests;
use conformance::results::CaseResult;
use conformance::results::Results;
use conformance::run::RunSettings;
use conformance::workload::{Earlier, Workload};
use driver::history::Ending;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use items::{left_out, with_expectation};
use report::RunReport;
use report::terminal;
use report::{Item, ItemKind, WriteError};
use target::Target;
use verdict::Verdict;
use verdict::selection::Subject;

/// A case with many requests is run where it takes no longer than this.
const MANY_REQUESTS_TIME: Duration = Duration::from_secs(4);

/// It is given up where it takes longer than this all the same: some servers look at every package on each REMOVE.
const MANY_REQUESTS_TIME_MAX: Duration = Duration::from_secs(8);

/// One run under way.
pub(crate) struct Gate<'o> {
    options: &'o Options,
    protocol: &'static ProtocolEntry,
    seed: u64,
    concurrency: u32,
    recorder: Recorder,
    results: Results,
    /// Why a subject is not run, before anything is.
    left_out: BTreeMap<&'static str, String>,
    report: RunReport,
    /// The fewest requests a second that a workload had answered.
    pace_seen: Option<u64>,
    /// What led to the first reply that no order allows, and in which workload.
    leading: Option<(&'static str, LeadingRequests)>,
}

impl<'o> Gate<'o> {
    /// A run that has not begun.
    #[must_use]
    pub(crate) fn new(options: &'o Options, seed: u64, concurrency: u32) -> Self {
        let report = RunReport {
            addr: String::new(),
            seed,
            concurrency,
            options: options.of_run(seed, concurrency),
            verdict: Verdict::Unknown,
            cause: None,
            items: Vec::new(),
            workloads: Vec::new(),
            case_requests: 0,
            target_ended: None,
        };
        let left_out = left_out(options);
        let (recorder, results) = (Recorder::default(), Results::default());
        let protocol = options.protocol;
        Self {
            options,
            protocol,
            seed,
            concurrency,
            recorder,
            results,
            left_out,
            report,
            pace_seen: None,
            leading: None,
        }
    }

    /// Judges the target, and prints to `out` what is known as soon as it is.
    ///
    /// # Errors
    /// Something else stands where the target was to be, or this build cannot start such a target.
    pub(crate) async fn judge(
        mut self,
        limits: &mut RunLimits,
        troubles: &mut Vec<Error>,
        out: &mut dyn Write,
    ) -> Result<RunReport, target::Error> {
        let started = tokio::select! {
            started = Target::start(&self.options.choice, self.protocol.settings) => started,
            _ = limits.reached() => {
                return Ok(self.end_early(Verdict::Unknown, "interrupted before the target listened"));
            }
        };
        let mut target = match started {
            Ok(target) => target,
            Err(error @ (target::Error::Taken(_) | target::Error::NoDocker)) => return Err(error),
            Err(error) => {
                let verdict = if error.is_shortage() { Verdict::Unknown } else { Verdict::Unreachable };
                return Ok(self.end_early(verdict, &error.to_string()));
            }
        };
        self.report.addr = target.addr().to_string();
        self.listen(troubles);
        limits.begin_run(self.options.flags.deadline);
        let of_workloads = self.judge_target(&mut target, limits, out).await;
        if let (Err(source), Some(path)) = (self.recorder.finish(), &self.options.flags.reports.record) {
            troubles.push(WriteError { path: path.clone(), source }.into());
        }
        let alive = self.look_whether_alive(&mut target, limits, &of_workloads).await;
        self.shrink(&target, limits, troubles, out).await;
        self.report.items.push(alive);
        self.report.items.extend(of_workloads);
        Ok(self.finish())
    }

    /// Runs the cases and the workloads; brings the workloads' items.
    async fn judge_target(
        &mut self,
        target: &mut Target,
        limits: &mut RunLimits,
        out: &mut dyn Write,
    ) -> Vec<Item> {
        let selected: Vec<&'static Case> =
            self.protocol.suite.cases().filter(|case| !self.left_out.contains_key(case.id)).collect();
        let (many, few): (Vec<&'static Case>, Vec<&'static Case>) =
            selected.into_iter().partition(|case| matches!(case.runs, Runs::WithPace(_)));
        self.run_cases(few, None, target, limits).await;
        if let Some(protocol) = self.results.other_protocol {
            self.report.cause =
                Some(format!("the target speaks {protocol}, not {}", self.protocol.suite.protocol_name));
            self.report.verdict = Verdict::Unreachable;
            self.leave_out_rest(&many, &format!("the target speaks {protocol}"));
            return Vec::new();
        }
        let wanted: Vec<&'static dyn Workload> = self
            .protocol
            .workloads
            .iter()
            .copied()
            .filter(|workload| !self.left_out.contains_key(workload.id()))
            .collect();
        let skip_reason = self.skip_reason(target, limits).await;
        let mut pace = 0;
        if let Some(cause) = &skip_reason {
            self.leave_out_rest(&many, cause);
        } else if !many.is_empty()
            || wanted.iter().any(|workload| workload.depends_on_pace(&self.report.options))
        {
            let timeout = self.options.flags.timeout;
            pace = pace::measure(target.addr(), self.concurrency, timeout, limits).await;
            self.run_many(many, pace, target, limits).await;
        }
        self.add_cases();
        if !self.options.is_matrix() {
            let _ = terminal::write_clauses(out, &self.report);
            let _ = out.flush();
        }
        let mut items = Vec::new();
        for workload in wanted {
            let item =
                match self.workload_skip_reason(workload, skip_reason.as_ref(), &items, target, limits).await
                {
                    Some(cause) => Item { cause: Some(cause), ..self.workload_item(workload) },
                    None => self.run_workload(workload, pace, target, limits, out).await,
                };
            items.push(item);
        }
        items
    }

    /// Returns the reason for which a workload is not run, after those that ran before it.
    async fn workload_skip_reason(
        &self,
        workload: &'static dyn Workload,
        skip_reason: Option<&String>,
        before: &[Item],
        target: &Target,
        limits: &mut RunLimits,
    ) -> Option<String> {
        if let Some(cause) = skip_reason {
            return Some(cause.clone());
        }
        if let Some(cause) = reached(limits) {
            return Some(cause);
        }
        let earlier: Vec<Earlier> = self
            .report
            .items
            .iter()
            .chain(before)
            .map(|item| Earlier { id: item.id, clause: item.clause_id(), verdict: item.verdict })
            .collect();
        if let Some(cause) = workload.skip_reason(&self.report.options, &earlier) {
            return Some(cause);
        }
        let is_bad = before.iter().any(|item| item.verdict > Verdict::Warn);
        let is_gone = is_bad && !target.is_reachable().await;
        is_gone.then(|| "the target was lost and did not return".to_owned())
    }

    /// Returns the item of a workload without a verdict yet.
    fn workload_item(&self, workload: &dyn Workload) -> Item {
        let clients = if self.concurrency == 1 {
            "1 client".to_owned()
        } else {
            format!("{} clients", self.concurrency)
        };
        Item {
            requirement: workload.requirement(&clients),
            ..Item::new(workload.id(), ItemKind::Workload, workload.level())
        }
    }

    async fn run_cases(
        &mut self,
        cases: Vec<&'static Case>,
        case_timeout: Option<Duration>,
        target: &mut Target,
        limits: &mut RunLimits,
    ) {
        let Flags { timeout, stall_limit, .. } = self.options.flags;
        let stall_limit = stall_limit.unwrap_or_default();
        let terms = RunSettings { seed: self.seed, reply_timeout: timeout, stall_limit, case_timeout };
        let recorder = self.recorder.clone();
        conformance::run::run(
            self.protocol.suite,
            cases,
            terms,
            target,
            &recorder,
            limits,
            &mut self.results,
        )
        .await;
    }

    /// Cases of many requests, each where the target is quick enough for it.
    async fn run_many(
        &mut self,
        many: Vec<&'static Case>,
        pace: u64,
        target: &mut Target,
        limits: &mut RunLimits,
    ) {
        let fits = |case: &&'static Case| match case.runs {
            Runs::WithPace(requests) => u64::from(requests) <= pace * MANY_REQUESTS_TIME.as_secs(),
            _ => true,
        };
        let (quick, slow): (Vec<&'static Case>, Vec<&'static Case>) = many.into_iter().partition(fits);
        self.run_cases(quick, Some(MANY_REQUESTS_TIME_MAX), target, limits).await;
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

    /// Returns the reason for which nothing that takes many clients is run.
    async fn skip_reason(&self, target: &Target, limits: &mut RunLimits) -> Option<String> {
        let is_lost =
            |id: &str| self.results.cases.get(id).is_some_and(|result| result.verdict > Verdict::Warn);
        if let Some(cause) = reached(limits) {
            return Some(cause);
        }
        let gates = self.protocol.suite.gates.iter().filter(|_| self.concurrency > 1);
        if let Some(id) = [self.protocol.suite.first].iter().chain(gates).find(|id| is_lost(id)) {
            return Some(format!("{id} was not passed"));
        }
        let is_gone = !self.results.losses.is_empty() && !target.is_reachable().await;
        is_gone.then(|| "the target was lost and did not return".to_owned())
    }

    fn listen(&mut self, troubles: &mut Vec<Error>) {
        let path = self.options.flags.reports.record.as_ref();
        let file = path.and_then(|path| match File::create(path) {
            Ok(file) => Some(file),
            Err(source) => {
                troubles.push(WriteError { path: path.clone(), source }.into());
                None
            }
        });
        self.recorder = Recorder::new(self.options.flags.reports.observer(), file);
    }

    /// Returns the item of a subject that did not run.
    fn protocol_item(&self, subject: &Subject) -> Item {
        let suite = self.protocol.suite;
        if subject.id == suite.alive {
            return Item::new(subject.id, ItemKind::Alive, subject.level);
        }
        let is_case = suite.find(subject.id).is_some();
        Item::new(subject.id, if is_case { ItemKind::Case } else { ItemKind::Workload }, subject.level)
    }

    /// The report of a run without a target.
    fn end_early(mut self, verdict: Verdict, cause: &str) -> RunReport {
        for subject in subjects(self.protocol) {
            self.left_out.entry(subject.id).or_insert_with(|| cause.to_owned());
        }
        self.report.cause = Some(cause.to_owned());
        self.report.verdict = verdict;
        self.finish()
    }

    fn finish(mut self) -> RunReport {
        if !self.report.items.iter().any(Item::is_case) {
            let others = std::mem::take(&mut self.report.items);
            self.add_cases();
            self.report.items.extend(others);
        }
        for subject in subjects(self.protocol) {
            if !self.report.items.iter().any(|item| item.id == subject.id) {
                let cause = self.left_out.get(subject.id).or(self.report.cause.as_ref()).cloned();
                self.report.items.push(Item { cause, ..self.protocol_item(&subject) });
            }
        }
        for item in &mut self.report.items {
            if !item.is_case() {
                *item = with_expectation(item.clone(), self.options);
            }
        }
        if self.report.cause.is_none() {
            let worst = self.report.items.iter().map(|item| item.verdict).max();
            self.report.verdict = worst.unwrap_or(Verdict::Unknown);
        }
        self.report
    }
}

/// Returns the limit of the run that was reached, in words.
fn reached(limits: &RunLimits) -> Option<String> {
    let reached = match limits.reached_limit()? {
        Ending::Interrupted => "interrupted",
        _ => "the time for the run was over; --deadline allows more",
    };
    Some(reached.to_owned())
}
