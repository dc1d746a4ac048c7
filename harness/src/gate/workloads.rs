//! Running one workload of a run: as much of it as the target has time for.

use std::io::Write;
use std::time::Duration;

use conformance::workload::{Conditions, Pilot, Plan, Size, Workload};
use driver::drive::{Limits, OPENINGS_AT_ONCE_GENTLE};
use driver::history::Params;
use driver::run_limits::RunLimits;
use report::progress::PhaseBar;
use report::statistics::per_second;
use report::{Item, WorkloadRun, terminal};
use target::Target;
use verdict::Verdict;

use super::Gate;
use crate::run::{Outcome, header, run};
use crate::workload::pace;

/// A workload with fewer requests says little about the pace of the target.
const PACE_REQUESTS_MIN: u64 = 1000;

impl Gate<'_> {
    /// Runs a workload in the size that fits the target, and returns its item.
    pub(super) async fn run_workload(
        &mut self,
        workload: &'static dyn Workload,
        pace: u64,
        target: &Target,
        limits: &mut RunLimits,
        out: &mut dyn Write,
    ) -> Item {
        let base = self.report.options.clone();
        let pace_per_second = match workload.pace_clients(&base) {
            Some(clients) => pace::measure(target.addr(), clients, self.options.flags.timeout, limits).await,
            None => pace,
        };
        let conditions = |gate: &Self, limits: &RunLimits| Conditions {
            pace_per_second,
            slowest_pace_per_second: gate.pace_seen,
            remaining: limits.remaining(),
            has_client_addresses: target.addr().ip().is_loopback(),
        };
        let mut pilot: Option<(Params, Item)> = None;
        loop {
            let of_pilot = pilot.as_ref().map(|(_, item)| Pilot {
                verdict: item.verdict,
                duration: Duration::from_nanos(item.duration_ns),
            });
            let (params, is_pilot) = match workload.size(&base, &conditions(self, limits), of_pilot.as_ref())
            {
                Size::Skip(cause) => return Item { cause: Some(cause), ..self.workload_item(workload) },
                Size::Pilot(params) => (params, true),
                Size::Run(params) => (params, false),
                Size::KeepPilot => {
                    let Some((params, item)) = pilot else { return self.workload_item(workload) };
                    self.print_plan(workload, &params, out);
                    return item;
                }
            };
            let plan = match workload.plan(&params) {
                Ok(plan) => plan,
                Err(error) => {
                    return Item {
                        verdict: Verdict::Unknown,
                        cause: Some(error.to_string()),
                        ..self.workload_item(workload)
                    };
                }
            };
            let item = self.run_plan(workload, plan, &params, is_pilot, target, limits, out).await;
            if !is_pilot {
                return item;
            }
            pilot = Some((params, item));
        }
    }

    /// Runs a plan, notes its figures and returns its item.
    #[expect(clippy::too_many_arguments, reason = "the parts of one run")]
    async fn run_plan(
        &mut self,
        workload: &'static dyn Workload,
        plan: Plan,
        params: &Params,
        is_pilot: bool,
        target: &Target,
        limits: &mut RunLimits,
        out: &mut dyn Write,
    ) -> Item {
        let (id, phases) = (workload.id(), plan.phases);
        self.report.workloads.retain(|other| other.id != id);
        self.report.workloads.push(WorkloadRun {
            id,
            plan_sha256: plan.sha256.clone(),
            duration_ns: 0,
            requests: 0,
            phases: Vec::new(),
        });
        if !is_pilot {
            self.print_plan(workload, params, out);
        }
        self.recorder.begin(&header(id, params.clone(), &plan));
        let bar = PhaseBar::new(phases, !self.options.flags.reports.debug);
        // A target that once let a request time out is not awaited for as long again.
        let timeout = self.results.reply_timeout(self.options.flags.timeout);
        let drive_limits = Limits {
            reply_timeout: timeout,
            reply_timeout_after_one: timeout,
            clients_at_once_max: usize::MAX,
            openings_at_once_max: OPENINGS_AT_ONCE_GENTLE,
        };
        let outcome = run(target.addr(), plan, drive_limits, &self.recorder, bar, limits.reached()).await;
        let Outcome { judgement, statistics } = outcome;
        let (requests, duration_ns) = (statistics.requests(), statistics.duration_ns());
        if requests >= PACE_REQUESTS_MIN {
            let pace = per_second(requests, duration_ns);
            self.pace_seen = Some(self.pace_seen.map_or(pace, |seen| seen.min(pace)));
        }
        if let Some(figures) = self.report.workloads.last_mut() {
            (figures.requests, figures.duration_ns) = (requests, duration_ns);
            if workload.replays_fixture() {
                figures.phases = statistics.phases(phases);
            }
        }
        let findings: Vec<_> = judgement.found.into_iter().map(|found| found.finding).collect();
        if judgement.verdict == Verdict::Unreachable {
            self.report.verdict = judgement.verdict;
            self.report.cause = findings.first().map(|finding| finding.summary.clone());
        }
        if !workload.replays_fixture() && !self.options.is_matrix() {
            let _ = terminal::write_pace(out, &statistics, judgement.observed.as_deref());
        }
        self.note_leading_requests(id, judgement.leading_requests);
        let reproduction = format!(
            "harness {}{}--only {id} --seed {} --concurrency {}{}",
            self.protocol.flag(),
            self.options.choice.flags(),
            self.seed,
            self.concurrency,
            workload.reproduction_flags(params),
        );
        Item {
            verdict: self.strictly(judgement.verdict),
            findings,
            observed: judgement.observed,
            duration_ns,
            reproduction: if judgement.verdict == Verdict::Pass { Vec::new() } else { vec![reproduction] },
            ..self.workload_item(workload)
        }
    }

    /// Prints the plan of a workload and, where it replays a package graph, the graph.
    fn print_plan(&self, workload: &'static dyn Workload, params: &Params, out: &mut dyn Write) {
        if self.options.is_matrix() {
            return;
        }
        if workload.replays_fixture() {
            let _ = writeln!(out);
            let _ = terminal::write_fixture(out, &self.options.fixture);
            if let (Some(count), None) = (params.get("packages"), self.options.flags.packages) {
                let _ = writeln!(out, "pace     the target is slow: it replays a part, --packages {count}");
            }
        }
        if let Some(figures) = self.report.workloads.last() {
            let _ = terminal::write_plan(out, workload.id(), &figures.plan_sha256);
        }
        let _ = out.flush();
    }
}
