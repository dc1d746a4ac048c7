//! The workloads of a run, each in the size for which the target is fast enough.

use std::io::Write;
use std::time::Duration;

use conformance::workload::{Conditions, Earlier, Pilot, Plan, Size, Workload};
use driver::history::Params;
use driver::run_limits::RunLimits;
use report::progress::PhaseBar;
use report::statistics::{Pace, per_second};
use report::{Item, ItemKind, WorkloadRun, terminal};
use target::Target;
use verdict::Verdict;

use crate::gate::consequences;
use crate::gate::state::Gate;
use crate::run::{RunOutcome, header, run};

/// The minimum number of requests from which the pace of the target is computed.
const PACE_REQUESTS_MIN: u64 = 1000;

impl Gate<'_> {
    /// Returns the item of a workload without a verdict yet.
    pub(super) fn workload_item(&self, workload: &dyn Workload) -> Item {
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

    /// Returns the results so far: those of the cases and those in `before`.
    pub(super) fn earlier(&self, before: &[Item]) -> Vec<Earlier> {
        let items = self.report.items.iter().chain(before);
        items.map(|item| Earlier { id: item.id, clause: item.clause_id(), verdict: item.verdict }).collect()
    }

    /// Runs a workload in the size that fits the target and returns its item.
    pub(super) async fn run_workload(
        &mut self,
        workload: &'static dyn Workload,
        pace: u64,
        before: &[Item],
        target: &Target,
        limits: &mut RunLimits,
        out: &mut dyn Write,
    ) -> Item {
        let base = workload.adapted(&self.report.options, &self.earlier(before));
        let pace_per_second = match workload.pace_clients(&base) {
            Some(clients) => self.pace_with(clients, target, limits).await,
            None => pace,
        };
        let conditions = |gate: &Self, limits: &RunLimits| Conditions {
            pace_per_second,
            slowest_pace_per_second: gate.slowest_pace_per_second,
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

    /// Runs a plan, records its figures and returns its item.
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
            latencies: Vec::new(),
            pace: Pace::default(),
            phases: Vec::new(),
        });
        if !is_pilot {
            self.print_plan(workload, params, out);
        }
        self.recorder.begin(&header(id, params.clone(), &plan));
        let bar = PhaseBar::new(phases, !self.options.flags.reports.debug);
        // After a request has timed out, later requests wait for a shorter time.
        let drive_limits = workload.limits(self.results.reply_timeout(self.options.flags.timeout));
        let outcome = run(target.addr(), plan, drive_limits, &self.recorder, bar, limits).await;
        let RunOutcome { judgement, statistics } = outcome;
        let (requests, duration_ns) = (statistics.requests(), statistics.duration_ns());
        if requests >= PACE_REQUESTS_MIN {
            let pace = per_second(requests, duration_ns);
            let slowest = self.slowest_pace_per_second.map_or(pace, |slowest| slowest.min(pace));
            self.slowest_pace_per_second = Some(slowest);
        }
        if let Some(figures) = self.report.workloads.last_mut() {
            (figures.requests, figures.duration_ns) = (requests, duration_ns);
            (figures.latencies, figures.pace) = (statistics.latencies(), statistics.pace());
            if workload.replays_fixture() {
                figures.phases = statistics.phases(phases);
            }
        }
        let mut findings: Vec<_> = judgement.found.into_iter().map(|found| found.finding).collect();
        if workload.replays_fixture() {
            let verdict_of =
                |id: &str| self.report.items.iter().find(|item| item.id == id).map(|item| item.verdict);
            consequences::attribute_refused_names(&self.protocol.suite, verdict_of, &mut findings);
        }
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
            verdict: self.apply_strict(judgement.verdict),
            findings,
            cause: judgement.inconclusive.into_iter().next().map(|part| part.cause),
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
                let _ =
                    writeln!(out, "pace     a part of the graph fits the target's pace: --packages {count}");
            }
        }
        if let (Some(edition), Some(chosen)) = (params.get("edition"), self.report.options.get("edition"))
            && edition != chosen
        {
            let _ = writeln!(out, "edition  S2 is violated, so no list is changed: --edition {edition}");
        }
        if let Some(figures) = self.report.workloads.last() {
            let _ = terminal::write_plan(out, workload.id(), &figures.plan_sha256);
        }
        let _ = out.flush();
    }
}
