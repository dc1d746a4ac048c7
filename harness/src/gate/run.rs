//! The sequence of a run: start the target, run the cases and the workloads, check the target, and complete the report.

use std::fs::File;
use std::io::Write;

use conformance::case::{Case, Runs};
use conformance::workload::Workload;
use driver::history::Ending;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use report::{Item, ItemKind, RunReport, WriteError, terminal};
use target::Target;
use verdict::Verdict;
use verdict::selection::Subject;

use crate::error::Error;
use crate::gate::expectation::apply_lists;
use crate::gate::hint::hint;
use crate::gate::state::Gate;
use crate::workload::pace;

/// The number of clients of cases with many requests. Runs with fewer clients measure the pace for these cases separately.
const CLIENTS_OF_CASES: u32 = 25;

impl Gate<'_> {
    /// Judges the target and prints each result to `out` as soon as it is available.
    ///
    /// # Errors
    /// The address of the target is already in use, or this build cannot start such a target.
    pub(crate) async fn judge(
        mut self,
        limits: &mut RunLimits,
        file_errors: &mut Vec<Error>,
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
        self.start_recorder(file_errors);
        limits.begin_run(self.options.flags.deadline());
        let workload_items = self.judge_target(&mut target, limits, out).await;
        if let (Err(source), Some(path)) = (self.recorder.finish(), &self.options.flags.reports.record) {
            file_errors.push(WriteError { path: path.clone(), source }.into());
        }
        let survival = self.judge_survival(&mut target, limits, &workload_items).await;
        self.verify_reproductions(&target, limits).await;
        self.shrink(&target, limits, file_errors, out).await;
        target.stop(limits).await;
        self.report.items.push(survival);
        self.report.items.extend(workload_items);
        Ok(self.finish())
    }

    /// Runs the cases and the workloads. Returns the items of the workloads.
    async fn judge_target(
        &mut self,
        target: &mut Target,
        limits: &mut RunLimits,
        out: &mut dyn Write,
    ) -> Vec<Item> {
        let selected: Vec<&'static Case> =
            self.protocol.suite.cases().filter(|case| !self.skipped.contains_key(case.id)).collect();
        let (many, few): (Vec<&'static Case>, Vec<&'static Case>) =
            selected.into_iter().partition(|case| matches!(case.runs, Runs::WithPace(_)));
        self.run_cases(few, None, target, limits).await;
        if let Some(protocol) = self.results.other_protocol {
            self.report.cause =
                Some(format!("the target speaks {protocol}, not {}", self.protocol.suite.protocol_name));
            self.report.verdict = Verdict::Unreachable;
            self.skip_cases(&many, &format!("the target speaks {protocol}"));
            return Vec::new();
        }
        let selected: Vec<&'static dyn Workload> = self
            .protocol
            .workloads
            .iter()
            .copied()
            .filter(|workload| !self.skipped.contains_key(workload.id()))
            .collect();
        let skip_reason = self.skip_reason(target, limits).await;
        let mut pace = 0;
        if let Some(cause) = &skip_reason {
            self.skip_cases(&many, cause);
        } else if !many.is_empty()
            || selected.iter().any(|workload| workload.depends_on_pace(&self.report.options))
        {
            pace = self.pace_with(self.concurrency, target, limits).await;
            let is_limited_by_clients = self.concurrency < CLIENTS_OF_CASES && pace < pace::ENOUGH_PER_SECOND;
            let pace_of_cases = if is_limited_by_clients && !many.is_empty() {
                pace.max(self.pace_with(CLIENTS_OF_CASES, target, limits).await)
            } else {
                pace
            };
            self.run_cases_with_pace(many, pace_of_cases, target, limits).await;
        }
        self.add_cases();
        if !self.options.is_matrix() {
            let _ = terminal::write_clauses(out, &self.report);
            let _ = out.flush();
        }
        let mut items = Vec::new();
        for workload in selected {
            let skipped =
                self.workload_skip_reason(workload, skip_reason.as_ref(), &items, target, limits).await;
            let mut item = match skipped {
                Some(cause) => Item { cause: Some(cause), ..self.workload_item(workload) },
                None => self.run_workload(workload, pace, &items, target, limits, out).await,
            };
            self.note_loss_during(&mut item, target, limits).await;
            items.push(item);
        }
        items
    }

    /// Measures the requests per second that the target answers with this number of clients.
    pub(super) async fn pace_with(&self, clients: u32, target: &Target, limits: &mut RunLimits) -> u64 {
        let timeout = self.options.flags.timeout;
        pace::measure(target.addr(), self.protocol.suite.dialect, clients, timeout, limits).await
    }

    /// Returns the reason for which a workload is not run, given the items of the workloads before it.
    async fn workload_skip_reason(
        &mut self,
        workload: &'static dyn Workload,
        skip_reason: Option<&String>,
        before: &[Item],
        target: &mut Target,
        limits: &mut RunLimits,
    ) -> Option<String> {
        if let Some(cause) = skip_reason {
            return Some(cause.clone());
        }
        if let Some(cause) = reached_limit(limits) {
            return Some(cause);
        }
        if let Some(cause) = workload.skip_reason(&self.report.options, &self.earlier(before)) {
            return Some(cause);
        }
        (!self.restore(target, limits).await).then(|| "the target was lost and did not recover".to_owned())
    }

    /// Returns the reason for which no case or workload with many clients is run.
    async fn skip_reason(&self, target: &Target, limits: &mut RunLimits) -> Option<String> {
        let is_violated =
            |id: &str| self.results.cases.get(id).is_some_and(|result| result.verdict > Verdict::Warn);
        if let Some(cause) = reached_limit(limits) {
            return Some(cause);
        }
        let suite = &self.protocol.suite;
        let first = Some(suite.first).filter(|id| is_violated(id));
        let gate = || suite.failed_gate(is_violated).filter(|_| self.concurrency > 1);
        if let Some(id) = first.or_else(gate) {
            return Some(format!("{id} was not passed"));
        }
        let is_lost = !self.results.losses.is_empty() && !target.is_reachable().await;
        is_lost.then(|| "the target was lost and did not recover".to_owned())
    }

    /// Creates the recorder and, with `--record`, the history file.
    fn start_recorder(&mut self, file_errors: &mut Vec<Error>) {
        let path = self.options.flags.reports.record.as_ref();
        let file = path.and_then(|path| match File::create(path) {
            Ok(file) => Some(file),
            Err(source) => {
                file_errors.push(WriteError { path: path.clone(), source }.into());
                None
            }
        });
        self.recorder = Recorder::new(self.options.flags.reports.observer(), file);
    }

    /// Returns the item of a subject that did not run.
    fn skipped_item(&self, subject: &Subject) -> Item {
        let suite = self.protocol.suite;
        if subject.id == suite.alive {
            return Item::new(subject.id, ItemKind::Alive, subject.level);
        }
        let is_case = suite.find(subject.id).is_some();
        Item::new(subject.id, if is_case { ItemKind::Case } else { ItemKind::Workload }, subject.level)
    }

    /// Returns whether a selected case or workload was decided. The survival of the target counts only if nothing else is
    /// selected.
    fn has_decided(&self) -> bool {
        let suite = self.protocol.suite;
        let is_selected = |subject: &Subject| self.options.selection.wants(subject).is_ok();
        let selects_others =
            self.protocol.subjects().iter().any(|subject| subject.id != suite.alive && is_selected(subject));
        let is_decided = |item: &Item| item.verdict != Verdict::NotRun;
        self.report.items.iter().any(|item| is_decided(item) && (item.id != suite.alive || !selects_others))
    }

    /// Returns the report of a run without a target.
    fn end_early(mut self, verdict: Verdict, cause: &str) -> RunReport {
        for subject in self.protocol.subjects() {
            self.skipped.entry(subject.id).or_insert_with(|| cause.to_owned());
        }
        self.report.cause = Some(cause.to_owned());
        self.report.verdict = verdict;
        self.finish()
    }

    /// Adds the missing items, applies the list of known failures, and decides the verdict of the run.
    fn finish(mut self) -> RunReport {
        if !self.report.items.iter().any(Item::is_case) {
            let others = std::mem::take(&mut self.report.items);
            self.add_cases();
            self.report.items.extend(others);
        }
        for subject in self.protocol.subjects() {
            if !self.report.items.iter().any(|item| item.id == subject.id) {
                let cause = self.skipped.get(subject.id).or(self.report.cause.as_ref()).cloned();
                self.report.items.push(Item { cause, ..self.skipped_item(&subject) });
            }
        }
        for item in &mut self.report.items {
            if !item.is_case() {
                *item = apply_lists(item.clone(), self.options);
            }
        }
        self.report.hint = hint(&self.report.items);
        if self.report.cause.is_none() {
            let worst = self.report.items.iter().map(|item| item.verdict).max();
            self.report.verdict = worst.unwrap_or(Verdict::Unknown);
            if self.report.verdict <= Verdict::Pass && !self.has_decided() {
                self.report.verdict = Verdict::Unknown;
            }
        }
        self.report
    }
}

/// Returns a description of the limit that the run has reached.
fn reached_limit(limits: &RunLimits) -> Option<String> {
    let description = match limits.reached_limit()? {
        Ending::Interrupted => "interrupted",
        _ => "the run reached its deadline; --deadline allows more time",
    };
    Some(description.to_owned())
}
