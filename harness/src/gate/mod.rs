//! One run of the gate: a target, the catalogue, the replay, and a verdict for everything, whatever becomes of the
//! target.

mod contending;
pub mod index;
mod items;
mod replaying;
mod shrinking;
pub mod wisdom;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::time::Duration;

use crate::bounds::Bounds;
use crate::drive::Ending;
use crate::error::Error;
use crate::flags::Flags;
use crate::kit::{Kit, Turn, WorkloadRow};
use crate::listening::Listening;
use crate::options::{Options, subjects};
use crate::report::{Item, RunReport, terminal};
use crate::suite;
use crate::suite::case::{Case, Runs};
use crate::suite::results::{CaseResult, Results};
use crate::suite::run::Terms;
use crate::targets::{self, Target};
use crate::verdict::Verdict;
use crate::workload::literal::Led;
use crate::workload::pace;
use items::{item, left_out};
use protocol::Level;

/// A case with many requests is run where it takes no longer than this.
const MANY_REQUESTS_TIME: Duration = Duration::from_secs(4);

/// It is given up where it takes longer than this all the same: some servers look at every package on each REMOVE.
const MANY_REQUESTS_TIME_MAX: Duration = Duration::from_secs(8);

/// One run under way.
pub struct Gate<'o> {
    options: &'o Options,
    kit: &'static Kit,
    seed: u64,
    concurrency: u32,
    listening: Listening,
    results: Results,
    /// Why a subject is not run, before anything is.
    left_out: BTreeMap<&'static str, String>,
    report: RunReport,
    /// The fewest requests a second that a workload had answered.
    pace_seen: Option<u64>,
    /// What led to the first reply that no order allows, and in which workload.
    led: Option<(&'static str, Led)>,
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
        let kit = options.flags.protocol;
        Self {
            options,
            kit,
            seed,
            concurrency,
            listening,
            results,
            left_out,
            report,
            pace_seen: None,
            led: None,
        }
    }

    /// Judges the target, and prints to `out` what is known as soon as it is.
    ///
    /// # Errors
    /// Something else stands where the target was to be, or this build cannot start such a target.
    pub async fn judge(
        mut self,
        bounds: &mut Bounds,
        troubles: &mut Vec<Error>,
        out: &mut dyn Write,
    ) -> Result<RunReport, targets::Error> {
        let started = tokio::select! {
            started = Target::start(&self.options.choice, self.kit.settings) => started,
            _ = bounds.reached() => {
                return Ok(self.end_early(Verdict::Unknown, "interrupted before the target listened"));
            }
        };
        let mut target = match started {
            Ok(target) => target,
            Err(error @ (targets::Error::Taken(_) | targets::Error::NoDocker)) => return Err(error),
            Err(error) => {
                let verdict = if error.is_shortage() { Verdict::Unknown } else { Verdict::Unreachable };
                return Ok(self.end_early(verdict, &error.to_string()));
            }
        };
        self.report.addr = target.addr().to_string();
        self.listen(troubles);
        bounds.begin_run(self.options.flags.deadline);
        let of_workloads = self.judge_target(&mut target, bounds, out).await;
        if let (Err(source), Some(path)) = (self.listening.finish(), &self.options.flags.reports.record) {
            troubles.push(Error::Write { path: path.clone(), source });
        }
        let alive = self.look_whether_alive(&mut target, bounds, &of_workloads).await;
        self.shrink(&target, bounds, troubles, out).await;
        self.report.items.push(alive);
        self.report.items.extend(of_workloads);
        Ok(self.finish())
    }

    /// Runs the cases and the workloads; brings the workloads' items.
    async fn judge_target(
        &mut self,
        target: &mut Target,
        bounds: &mut Bounds,
        out: &mut dyn Write,
    ) -> Vec<Item> {
        let selected: Vec<&'static Case> =
            self.kit.suite.cases().filter(|case| !self.left_out.contains_key(case.id)).collect();
        let (many, few): (Vec<&'static Case>, Vec<&'static Case>) =
            selected.into_iter().partition(|case| matches!(case.runs, Runs::WithPace(_)));
        self.run_cases(few, None, target, bounds).await;
        if let Some(protocol) = self.results.speaks {
            self.report.cause = Some(format!("the target speaks {protocol}, not {}", self.kit.suite.spoken));
            self.report.verdict = Verdict::Unreachable;
            self.leave_out_rest(&many, &format!("the target speaks {protocol}"));
            return Vec::new();
        }
        let wanted: Vec<&'static WorkloadRow> =
            self.kit.workloads.iter().filter(|row| !self.left_out.contains_key(row.id)).collect();
        let obstacle = self.obstacle(target, bounds).await;
        let mut pace = 0;
        if let Some(cause) = &obstacle {
            self.leave_out_rest(&many, cause);
        } else if !many.is_empty() || wanted.iter().any(|row| (row.has_open_size)(&self.options.flags)) {
            let timeout = self.options.flags.timeout;
            pace = pace::measure(target.addr(), self.concurrency, timeout, bounds).await;
            self.run_many(many, pace, target, bounds).await;
        }
        self.add_cases();
        if !self.options.is_matrix() {
            let _ = terminal::write_clauses(out, &self.report);
            let _ = out.flush();
        }
        let mut items = Vec::new();
        for row in wanted {
            let item = match self.obstacle_for(row, obstacle.as_ref(), &items, target, bounds).await {
                Some(cause) => Item { cause: Some(cause), ..self.workload_item(row) },
                None => (row.run)(self, Turn { pace, target, bounds, out }).await,
            };
            items.push(item);
        }
        items
    }

    /// What stands in the way of a workload, after those that were run before it.
    async fn obstacle_for(
        &self,
        row: &WorkloadRow,
        obstacle: Option<&String>,
        before: &[Item],
        target: &Target,
        bounds: &mut Bounds,
    ) -> Option<String> {
        if let Some(cause) = obstacle {
            return Some(cause.clone());
        }
        if let Some(cause) = came(bounds) {
            return Some(cause);
        }
        let mut so_far = self.report.items.iter().chain(before);
        if let Some(cause) = (row.obstacle)(&self.options.flags, &mut so_far) {
            return Some(cause);
        }
        let is_bad = before.iter().any(|item| item.verdict > Verdict::Warn);
        let is_gone = is_bad && !target.is_reachable().await;
        is_gone.then(|| "the target was lost, and is not back".to_owned())
    }

    /// The item of a workload, of which nothing is known yet.
    fn workload_item(&self, row: &WorkloadRow) -> Item {
        let clients = if self.concurrency == 1 {
            "1 client".to_owned()
        } else {
            format!("{} clients", self.concurrency)
        };
        Item { requirement: (row.requirement)(&clients), ..item(row.id, row.level) }
    }

    /// The same, by its id.
    fn item_of(&self, id: &'static str) -> Item {
        self.kit.workload(id).map_or_else(|| item(id, Level::Must), |row| self.workload_item(row))
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
        suite::run::run(self.kit.suite, cases, terms, target, &listening, bounds, &mut self.results).await;
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
        if let Some(cause) = came(bounds) {
            return Some(cause);
        }
        let gates = self.kit.suite.gates.iter().filter(|_| self.concurrency > 1);
        if let Some(id) = [self.kit.suite.first].iter().chain(gates).find(|id| is_lost(id)) {
            return Some(format!("{id} was not passed"));
        }
        let is_gone = !self.results.losses.is_empty() && !target.is_reachable().await;
        is_gone.then(|| "the target was lost, and is not back".to_owned())
    }

    fn listen(&mut self, troubles: &mut Vec<Error>) {
        let path = self.options.flags.reports.record.as_ref();
        let file = path.and_then(|path| match File::create(path) {
            Ok(file) => Some(file),
            Err(source) => {
                troubles.push(Error::Write { path: path.clone(), source });
                None
            }
        });
        self.listening = Listening::new(self.options.flags.reports.debug, file);
    }

    /// The report of a run without a target.
    fn end_early(mut self, verdict: Verdict, cause: &str) -> RunReport {
        for subject in subjects(self.kit) {
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
        for subject in subjects(self.kit) {
            if !self.report.items.iter().any(|item| item.id == subject.id) {
                let cause = self.left_out.get(subject.id).or(self.report.cause.as_ref()).cloned();
                self.report.items.push(Item { cause, ..item(subject.id, subject.level) });
            }
        }
        for item in &mut self.report.items {
            if !item.is_case() {
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

/// Which bound of the run was reached, in words.
fn came(bounds: &Bounds) -> Option<String> {
    let came = match bounds.came()? {
        Ending::Interrupted => "interrupted",
        _ => "the time for the run was over; --deadline allows more",
    };
    Some(came.to_owned())
}
