//! From the header of a recorded part to the judge of its plan.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;

use fixtures::Graph;
use protocol::Protocol;

use super::Found;
use crate::drive::Ending;
use crate::history::{Event, Header};
use crate::kit::{self, KITS};
use crate::run::JudgeAgain;
use crate::suite::again::{BatchAgain, CasesAgain};
use crate::verdict::Verdict;
use crate::workload::Workload;
use crate::workload::contention::{self, Edition, Lockstep, OneByOne};
use crate::workload::replay::{Options, Replay};

/// A fixture that a history names is read up to this size.
const FIXTURE_BYTES_MAX: u64 = 64 << 20;

/// The judge of the plan of one part.
pub enum Plan {
    /// A batch of cases.
    Cases(Box<CasesAgain>),
    /// A workload.
    Workload(Box<dyn WorkloadAgain>),
}

/// What the judge of a plan says.
#[derive(Debug, Default)]
pub struct PlanOutcome {
    pub(super) found: Vec<Found>,
    pub(super) undecided: Vec<Undecided>,
    /// How many cases were decided, if there are any.
    pub(super) cases: Option<usize>,
    pub(super) has_served: bool,
}

/// Something that was not decided.
#[derive(Debug)]
pub(super) struct Undecided {
    pub(super) cause: String,
    /// Of which case; nothing for the whole part.
    pub(super) id: Option<&'static str>,
    pub(super) verdict: Verdict,
}

impl Undecided {
    pub(super) fn of_all(cause: String) -> Self {
        Self { cause, id: None, verdict: Verdict::Unknown }
    }
}

/// The judge that a header names; nothing if its workload has none here.
///
/// # Errors
/// It has one, but its plan cannot be made again, for this reason.
pub(super) fn rebuild(header: &Header, has_served: bool) -> Result<Option<Plan>, String> {
    let id = header.workload.as_str();
    if let Some(kit) = KITS.into_iter().find(|kit| kit.suite.workload == id) {
        let cases = CasesAgain::new(kit.suite, header, has_served)?;
        return Ok(Some(Plan::Cases(Box::new(cases))));
    }
    kit::find_workload(id).map(|row| (row.judge_again)(header)).transpose()
}

/// That of `index/contention`, whichever way clients took their turns.
pub(crate) fn one_by_one(header: &Header) -> Result<Plan, String> {
    let options = contention_of(&header.options)?;
    if header.options.contains_key("schedule") {
        planned(header, &Lockstep::new(options))
    } else {
        planned(header, &OneByOne::new(options))
    }
}

impl Plan {
    pub(super) fn observe(&mut self, event: &Event<'_>) {
        match self {
            Self::Cases(cases) => cases.observe(event),
            Self::Workload(workload) => workload.observe(event),
        }
    }

    pub(super) fn finish(self, ending: Option<Ending>) -> PlanOutcome {
        match self {
            Self::Cases(cases) => of_batch(cases.finish(ending)),
            Self::Workload(workload) => workload.finish(ending),
        }
    }
}

/// A plan, if it is the one that the header names.
pub(crate) fn planned<W: Workload + 'static>(header: &Header, workload: &W) -> Result<Plan, String>
where
    <W::Protocol as Protocol>::Framing: 'static,
{
    if workload.plan_sha256() != header.plan_sha256 {
        return Err("its options make another one here; has its fixture changed?".to_owned());
    }
    Ok(Plan::Workload(Box::new(JudgeAgain::new(workload))))
}

/// The judge of any workload.
pub trait WorkloadAgain {
    /// Takes in an event.
    fn observe(&mut self, event: &Event<'_>);

    /// Takes in how the part ended.
    fn finish(self: Box<Self>, ending: Option<Ending>) -> PlanOutcome;
}

impl<W: Workload> WorkloadAgain for JudgeAgain<W> {
    fn observe(&mut self, event: &Event<'_>) {
        Self::observe(self, event);
    }

    fn finish(self: Box<Self>, ending: Option<Ending>) -> PlanOutcome {
        let (_, findings) = Self::finish(*self, ending);
        let found = |finding| Found { id: W::ID.to_owned(), finding };
        PlanOutcome { found: findings.into_iter().map(found).collect(), ..PlanOutcome::default() }
    }
}

fn of_batch(batch: BatchAgain) -> PlanOutcome {
    let mut outcome = PlanOutcome { has_served: batch.has_served, ..PlanOutcome::default() };
    let is_decided = |verdict| matches!(verdict, Verdict::Pass | Verdict::Warn | Verdict::Fail);
    let decided = batch
        .items
        .iter()
        .filter(|item| is_decided(item.verdict) && item.id != kit::of_id(item.id).suite.alive);
    outcome.cases = Some(decided.count());
    for item in batch.items {
        let id = item.id;
        outcome.found.extend(item.finding.map(|finding| Found { id: id.to_owned(), finding }));
        let undecided = |cause| Undecided { cause, id: Some(id), verdict: item.verdict };
        outcome.undecided.extend(item.cause.map(undecided));
    }
    outcome
}

pub(crate) fn replay_of(options: &BTreeMap<String, String>) -> Result<Replay, String> {
    let graph = match options.get("fixture") {
        None => fixtures::debian(),
        Some(path) => {
            read_fixture(Path::new(path)).map_err(|error| format!("its fixture '{path}': {error}"))?
        }
    };
    let graph = match options.get("packages") {
        None => graph,
        Some(_) => graph.part(number(options, "packages", 0..=usize::MAX)?),
    };
    let options = Options {
        seed: number(options, "seed", 0..=u64::MAX)?,
        concurrency: number(options, "concurrency", 1..=10_000)?,
        unluckiness: number(options, "unluckiness", 0..=100)?,
        rounds_max: number(options, "rounds-max", 1..=u32::MAX)?,
    };
    Ok(Replay::new(graph, options))
}

pub(crate) fn contention_of(options: &BTreeMap<String, String>) -> Result<contention::Options, String> {
    Ok(contention::Options {
        seed: number(options, "seed", 0..=u64::MAX)?,
        concurrency: number(options, "concurrency", 1..=10_000)?,
        episodes: number(options, "episodes", 1..=1000)?,
        edition: if number(options, "edition", 1..=2)? == 1 { Edition::First } else { Edition::Second },
    })
}

pub(crate) fn number<N: FromStr + PartialOrd>(
    options: &BTreeMap<String, String>,
    name: &str,
    range: RangeInclusive<N>,
) -> Result<N, String> {
    let number = options.get(name).and_then(|text| text.parse().ok()).filter(|number| range.contains(number));
    number.ok_or_else(|| format!("its header names no --{name}"))
}

fn read_fixture(path: &Path) -> Result<Graph, String> {
    // Who made the history is not known: what is no file is not opened, and what is large is not read.
    let metadata = path.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() || metadata.len() > FIXTURE_BYTES_MAX {
        return Err("no file, or a very large one".to_owned());
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    file.take(FIXTURE_BYTES_MAX).read_to_end(&mut text).map_err(|error| error.to_string())?;
    Graph::parse(&text).map_err(|error| error.to_string())
}
