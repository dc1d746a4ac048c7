//! The contention workloads: their sizes, their parameters and their plans.

use std::rc::Rc;
use std::time::Duration;

use conformance::workload;
use conformance::workload::{Conditions, Earlier, Pilot, PlanError, Size, Workload};
use driver::history::Params;
use driver::moves::Script;
use protocol::index::Index;
use protocol::index::clauses::{F3, S2};
use protocol::{Level, Protocol};
use verdict::Verdict;

use crate::workload::contention::judge::ContentionJudge;
use crate::workload::contention::lockstep::Lockstep;
use crate::workload::contention::options::{ContentionOptions, Edition};
use crate::workload::contention::phases::PHASES;
use crate::workload::contention::plan::ContentionPlan;
use crate::workload::contention::request_clauses::label;
use crate::workload::contention::script::ContentionScript;
use crate::workload::schedule::{is_lockstep, lockstep_skip_reason};

/// The id of the workload in which each client sends one request at a time.
const ID: &str = "index/contention";

/// The id of the workload in which each client sends several requests in one write.
const PIPELINED_ID: &str = "index/contention-pipelined";

/// The number of requests that a pipelining client sends in one write. The groups are smaller, so that the number of
/// concurrent changes stays the same.
const REQUESTS_PER_WRITE: usize = 3;

/// The mean number of requests of a client in an episode.
const REQUESTS_MEAN: u32 = 80;

/// The number of requests for a fast target.
const REQUESTS_MAX: u32 = 160_000;

/// The numbers of episodes, in coarse steps, so that equal options give equal plans on targets and machines of about the same
/// pace. More episodes find no further defects.
const EPISODES: [u32; 6] = [40, 20, 10, 4, 2, 1];

/// The time for the workload; the pace of the target determines the number of requests that fit.
const TIME: Duration = Duration::from_secs(4);

/// The time that must remain for the rest of the run.
const TIME_SPARE: Duration = Duration::from_secs(5);

/// A target that would take longer than this for the smallest plan does not run the workload.
const TIME_MAX: Duration = Duration::from_secs(12);

/// Small groups of clients change the same packages at once, one request at a time each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contention;

/// The same workload with several requests of a client in one write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentionPipelined;

impl Workload for Contention {
    fn id(&self) -> &'static str {
        ID
    }

    fn requirement(&self, clients: &str) -> String {
        format!("{clients} change the same packages at the same time and observe one index.")
    }

    fn explanation(&self) -> &'static str {
        "\
Groups of five clients index, remove and query the same eight to ten packages at the same time, with lists that make the packages
depend on each other; pairs of clients do so with hundreds of packages (C2). The replies must be linearizable: there must
be an order of the requests, each at a moment between its sending and its reply, in which one index gives all of these
replies. If there is none, the report shows the requests that have no order. Usual cause: a lock that is released between
a check of the index and the change that depends on it. With --schedule lockstep the same requests are sent one at a time:
a server that passes then and fails otherwise has a race. --shrink reduces a failure to a file for `harness replay`."
    }

    fn depends_on_pace(&self, params: &Params) -> bool {
        params.get("episodes").is_none()
    }

    fn pace_clients(&self, params: &Params) -> Option<u32> {
        is_lockstep(params).then_some(1)
    }

    fn adapted(&self, params: &Params, earlier: &[Earlier]) -> Params {
        adapted(params, earlier)
    }

    fn size(&self, params: &Params, conditions: &Conditions, _: Option<&Pilot>) -> Size {
        size(params, conditions)
    }

    fn reproduction_flags(&self, params: &Params) -> String {
        reproduction_flags(params)
    }

    fn plan(&self, params: &Params) -> Result<workload::Plan, PlanError> {
        let options = options(params)?;
        if is_lockstep(params) {
            return Ok(Lockstep::new(options).into_plan(ID));
        }
        Ok(plan(ContentionPlan::new(options, 1), ID))
    }
}

impl Workload for ContentionPipelined {
    fn id(&self) -> &'static str {
        PIPELINED_ID
    }

    fn level(&self) -> Level {
        F3.level
    }

    fn requirement(&self, clients: &str) -> String {
        format!("{clients} send several requests in one write and observe one index.")
    }

    fn explanation(&self) -> &'static str {
        "\
The same as index/contention, with three requests of a client in one write and groups of two clients (F3). It runs only if
index/contention and the cases of F3 pass, so that a failure here concerns pipelining."
    }

    fn depends_on_pace(&self, params: &Params) -> bool {
        params.get("episodes").is_none()
    }

    fn skip_reason(&self, params: &Params, earlier: &[Earlier]) -> Option<String> {
        let is_violated =
            |item: &&Earlier| item.verdict > Verdict::Expected && (item.clause == F3.id || item.id == ID);
        let violated = || earlier.iter().find(is_violated).map(|item| format!("{} was not passed", item.id));
        lockstep_skip_reason(params).or_else(violated)
    }

    fn adapted(&self, params: &Params, earlier: &[Earlier]) -> Params {
        adapted(params, earlier)
    }

    fn size(&self, params: &Params, conditions: &Conditions, _: Option<&Pilot>) -> Size {
        size(params, conditions)
    }

    fn reproduction_flags(&self, params: &Params) -> String {
        reproduction_flags(params)
    }

    fn plan(&self, params: &Params) -> Result<workload::Plan, PlanError> {
        Ok(plan(ContentionPlan::new(options(params)?, REQUESTS_PER_WRITE), PIPELINED_ID))
    }
}

/// Returns parameters of the first edition if cases show that the target violates S2. Otherwise the lists that it did not
/// change would look like races.
fn adapted(params: &Params, earlier: &[Earlier]) -> Params {
    let is_violated = |item: &Earlier| item.clause == S2.id && item.verdict > Verdict::Warn;
    if earlier.iter().any(is_violated) { params.clone().with("edition", 1) } else { params.clone() }
}

/// Decides the number of episodes from the pace of the target, if the parameters do not name it.
fn size(params: &Params, conditions: &Conditions) -> Size {
    if params.get("episodes").is_some() {
        return Size::Run(params.clone());
    }
    let concurrency = params.number("concurrency", 1..=u32::MAX).unwrap_or(1);
    let Conditions { pace_per_second: pace, slowest_pace_per_second, remaining, .. } = *conditions;
    // A target is slower while it serves clients for longer than the measurement of its pace took.
    let pace = match slowest_pace_per_second {
        Some(slowest) if !is_lockstep(params) => slowest.min(pace),
        _ => pace,
    };
    let needed = u64::from(requests_min(concurrency)) / pace.max(1);
    if remaining < TIME_SPARE + Duration::from_secs(needed) {
        return Size::Skip("too little time remains in this run; --deadline allows more".to_owned());
    }
    if needed > TIME_MAX.as_secs() {
        return Size::Skip(format!(
            "the target answers {pace} requests per second, which is too slow for this workload"
        ));
    }
    let time = TIME.min(remaining.saturating_sub(TIME_SPARE) / 2);
    let fitting = u32::try_from(pace * time.as_secs()).unwrap_or(u32::MAX);
    Size::Run(params.clone().with("episodes", episodes(fitting.min(REQUESTS_MAX), concurrency)))
}

fn options(params: &Params) -> Result<ContentionOptions, PlanError> {
    let edition = if params.number("edition", 1..=2)? == 1 { Edition::First } else { Edition::Second };
    Ok(ContentionOptions {
        seed: params.number("seed", 0..=u64::MAX)?,
        concurrency: params.number("concurrency", 1..=10_000)?,
        episodes: params.number("episodes", 1..=1000)?,
        edition,
    })
}

fn reproduction_flags(params: &Params) -> String {
    let flag = |name: &str| params.get(name).map(|value| format!(" --{name} {value}"));
    let edition = flag("edition").filter(|flag| !flag.ends_with(" 2"));
    [flag("episodes"), edition, flag("schedule")].into_iter().flatten().collect()
}

fn plan(plan: ContentionPlan, id: &'static str) -> workload::Plan {
    let ContentionOptions { concurrency, edition, .. } = plan.options;
    let plan = Rc::new(plan);
    let script = |client| -> Box<dyn Script> { Box::new(ContentionScript::new(Rc::clone(&plan), client)) };
    let judges_cleanup = edition == Edition::Second;
    workload::Plan {
        sha256: plan.sha256(),
        phases: PHASES,
        framing: |bytes_max| Box::new(Index::framing(bytes_max)),
        label,
        scripts: (0..concurrency).map(script).collect(),
        judge: Box::new(ContentionJudge::new(
            id,
            plan.request_count(),
            plan.requests_per_write > 1,
            judges_cleanup,
        )),
    }
}

/// Returns the number of episodes with about this many requests in total, at least one.
fn episodes(requests: u32, concurrency: u32) -> u32 {
    let fitting = requests / (REQUESTS_MEAN * concurrency.max(1));
    EPISODES.into_iter().find(|episodes| *episodes <= fitting).unwrap_or(1)
}

/// Returns the number of requests of the smallest plan, including the cleanup.
fn requests_min(concurrency: u32) -> u32 {
    let plan = ContentionPlan::new(
        ContentionOptions { seed: 0, concurrency, episodes: 1, edition: Edition::Second },
        1,
    );
    let packages: usize = plan.groups.iter().map(|group| plan.component(group, 0).size()).sum();
    REQUESTS_MEAN * concurrency + 4 * u32::try_from(packages).unwrap_or(u32::MAX)
}
