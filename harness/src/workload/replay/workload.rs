//! The replay as a workload: its size, its parameters, its plan and the hash of the plan.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use conformance::workload::{Conditions, Earlier, Pilot, PlanError, Size, Workload};
use driver::history::Params;
use driver::moves::Script;
use fixtures::Graph;
use protocol::Protocol;
use protocol::index::Index;
use protocol::index::wire::{Reply, Request};
use protocol::text::hex;
use verdict::Verdict;

use crate::workload::replay::form::Form;
use crate::workload::replay::judge::ReplayJudge;
use crate::workload::replay::plan::{ReplayOptions, ReplayPlan};
use crate::workload::replay::script::ReplayScript;
use crate::workload::replay::steps::{PHASES, ReplayStep};
use crate::workload::replay::walk::Walk;
use crate::workload::schedule::lockstep_skip_reason;

impl ReplayPlan {
    /// Returns the plan as the runner executes it.
    fn into_plan(self) -> conformance::workload::Plan {
        let sha256 = self.sha256();
        let plan = Rc::new(self);
        let script = |client| -> Box<dyn Script> { Box::new(ReplayScript::new(Rc::clone(&plan), client)) };
        conformance::workload::Plan {
            sha256,
            phases: PHASES,
            framing: |bytes_max| Box::new(Index::framing(bytes_max)),
            label: |request| Request::decode(request).map_or("malformed", |request| request.command.word()),
            scripts: (0..plan.options.concurrency).map(script).collect(),
            judge: Box::new(ReplayJudge::new(Rc::clone(&plan))),
        }
    }

    /// Returns the SHA-256 of the options and of the requests that each client sends if every request succeeds. All other
    /// requests follow from the same seed.
    #[must_use]
    fn sha256(&self) -> String {
        let ReplayOptions { form, seed, concurrency, unluckiness, rounds_max } = self.options;
        let id = form.id();
        let mut hash = Sha256::new();
        hash.update(format!(
            "{id} 1 seed {seed} concurrency {concurrency} unluckiness {unluckiness} rounds {rounds_max}\n"
        ));
        for client in 0..concurrency {
            let mut walk = Walk::new(client);
            for step in ReplayStep::ALL {
                hash.update(format!("client {client} step {}\n", step.name()));
                walk.begin(step, self);
                while let Some(request) = walk.next_request(self) {
                    hash.update(self.line(step, request));
                    walk.advance(Reply::Ok, self);
                }
            }
        }
        hex(&hash.finalize())
    }
}

/// A target that answers this many requests per second replays the default graph in a few seconds, however it stores
/// its index. A slower target replays a small part first, and then as much as fits.
const QUICK_PACE_PER_SECOND: u64 = 50_000;

/// A target that takes 100 ms per reply answers a hundred clients at this pace.
const SLOW_PACE_PER_SECOND: u64 = 2_000;

/// The number of packages of the small part.
const PILOT_PACKAGES: usize = 300;

/// The number of packages of the small part below [`SLOW_PACE_PER_SECOND`].
const SLOW_PILOT_PACKAGES: usize = 75;

/// The time that a slow target may take for its replay.
const REPLAY_TIME: Duration = Duration::from_secs(10);

/// A fixture named by a recorded history is read up to this size.
const FIXTURE_BYTES_MAX: u64 = 64 << 20;

/// The replay of a package graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replay;

impl Workload for Replay {
    fn id(&self) -> &'static str {
        Form::Gradual.id()
    }

    fn requirement(&self, clients: &str) -> String {
        format!("A package graph is replayed by {clients}.")
    }

    fn explanation(&self) -> &'static str {
        "\
The packages of a graph are divided among the clients. Each client removes its packages, indexes them, queries them, removes
them again and queries them again. It repeats a step until the packages of other clients are no longer in the way.
docs/PROTOCOL.md describes the steps."
    }

    fn depends_on_pace(&self, params: &Params) -> bool {
        params.get("packages").is_none()
    }

    fn replays_fixture(&self) -> bool {
        true
    }

    fn skip_reason(&self, params: &Params, _: &[Earlier]) -> Option<String> {
        lockstep_skip_reason(params)
    }

    fn size(&self, params: &Params, conditions: &Conditions, pilot: Option<&Pilot>) -> Size {
        // An unreadable fixture is reported when the plan is made.
        let whole = load_graph(params).map_or(0, |graph| graph.packages().len());
        let pilot_packages = match conditions.pace_per_second {
            _ if params.get("packages").is_some() => whole,
            ..SLOW_PACE_PER_SECOND => SLOW_PILOT_PACKAGES,
            SLOW_PACE_PER_SECOND..QUICK_PACE_PER_SECOND => PILOT_PACKAGES,
            _ => whole,
        };
        let Some(pilot) = pilot else {
            return if pilot_packages < whole {
                Size::Pilot(params.clone().with("packages", pilot_packages))
            } else {
                Size::Run(params.clone())
            };
        };
        let fitting = coarse(pilot_packages, packages_that_fit(pilot_packages, pilot.duration));
        if pilot.verdict != Verdict::Pass || fitting == pilot_packages {
            Size::KeepPilot
        } else if fitting < whole {
            Size::Run(params.clone().with("packages", fitting))
        } else {
            Size::Run(params.clone())
        }
    }

    fn reproduction_flags(&self, params: &Params) -> String {
        graph_flags(params)
    }

    fn plan(&self, params: &Params) -> Result<conformance::workload::Plan, PlanError> {
        plan(Form::Gradual, params)
    }
}

/// Returns the flags of a run that name its graph, each with a space before it.
pub(super) fn graph_flags(params: &Params) -> String {
    let flag = |name: &str| params.get(name).map(|value| format!(" --{name} {value}"));
    ["packages", "fixture"].into_iter().filter_map(flag).collect()
}

/// Makes the plan of a replay in this form.
///
/// # Errors
/// A parameter is missing or invalid, or the fixture cannot be read.
pub(super) fn plan(form: Form, params: &Params) -> Result<conformance::workload::Plan, PlanError> {
    let graph = load_graph(params)?;
    let graph = match params.get("packages") {
        None => graph,
        Some(_) => graph.part(params.number("packages", 0..=usize::MAX)?),
    };
    let options = ReplayOptions {
        form,
        seed: params.number("seed", 0..=u64::MAX)?,
        concurrency: params.number("concurrency", 1..=10_000)?,
        unluckiness: params.number("unluckiness", 0..=100)?,
        rounds_max: params.number("rounds-max", 1..=u32::MAX)?,
    };
    Ok(ReplayPlan::new(graph, options).into_plan())
}

/// Returns the graph that the parameters name, or the default one.
pub(super) fn load_graph(params: &Params) -> Result<Graph, PlanError> {
    let Some(path) = params.get("fixture") else { return Ok(fixtures::debian()) };
    read_fixture(Path::new(path)).map_err(|error| format!("cannot read the fixture '{path}': {error}").into())
}

fn read_fixture(path: &Path) -> Result<Graph, PlanError> {
    // A history may come from anywhere: special files are not opened, and large files are not read.
    let metadata = path.metadata()?;
    if !metadata.is_file() || metadata.len() > FIXTURE_BYTES_MAX {
        return Err(format!("not a regular file of at most {FIXTURE_BYTES_MAX} bytes").into());
    }
    let mut text = Vec::new();
    File::open(path)?.take(FIXTURE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(Graph::parse(&text)?)
}

/// Returns the largest doubling of the pilot's number of packages that is at most `fitting`, or that number. With coarse
/// sizes, equal options give equal plans on targets and machines of about the same pace.
fn coarse(pilot_packages: usize, fitting: usize) -> usize {
    std::iter::successors(Some(pilot_packages), |size| size.checked_mul(2))
        .take_while(|size| *size <= fitting)
        .last()
        .unwrap_or(pilot_packages)
}

/// Returns the number of packages that a target replays in [`REPLAY_TIME`], given the duration of the pilot run. Some
/// servers look at every package for each REMOVE, so the time can grow with the square of the number.
fn packages_that_fit(pilot_packages: usize, pilot: Duration) -> usize {
    let times = REPLAY_TIME.as_secs_f64() / pilot.as_secs_f64().max(1e-3);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the square root of at most ten thousand"
    )]
    let fitting = (times.sqrt() * pilot_packages as f64) as usize;
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::replay::steps::{MALFORMED_LINES, Malformation};

    fn options(seed: u64, concurrency: u32) -> ReplayOptions {
        ReplayOptions { form: Form::Gradual, seed, concurrency, unluckiness: 5, rounds_max: 10_000 }
    }

    #[test]
    fn targets_of_about_the_same_pace_replay_the_same_part() {
        let size = |pilot_ms| coarse(300, packages_that_fit(300, Duration::from_millis(pilot_ms)));
        assert_eq!(size(80), 2400);
        assert_eq!(size(120), 2400);
        assert_eq!([size(1_000), size(20_000)], [600, 300]);
    }

    #[test]
    fn every_package_belongs_to_one_client_even_if_there_are_more_clients_than_packages() {
        for concurrency in [1, 2, 7, 15, 16, 100, 1000] {
            let plan = ReplayPlan::new(fixtures::tiny(), options(1, concurrency));
            let owned: Vec<u32> = (0..concurrency).flat_map(|client| plan.packages_of(client)).collect();
            assert_eq!(owned, (0..15).collect::<Vec<_>>());
            for package in 0..15 {
                assert!(plan.packages_of(plan.client_of(package)).contains(&package));
            }
        }
    }

    #[test]
    fn a_plan_depends_on_its_options_and_on_nothing_else() {
        let hash = |options| ReplayPlan::new(fixtures::tiny(), options).sha256();
        let base = options(7, 10);
        let plans = [
            hash(base),
            hash(options(8, 10)),
            hash(options(7, 11)),
            hash(ReplayOptions { unluckiness: 6, ..base }),
            hash(ReplayOptions { form: Form::Official, ..base }),
            ReplayPlan::new(fixtures::debian(), base).sha256(),
        ];
        for (number, plan) in plans.iter().enumerate() {
            assert_eq!(plan.len(), 64);
            assert!(!plans[..number].contains(plan));
        }
        assert_eq!(hash(base), plans[0]);
    }

    #[test]
    fn the_hash_of_the_default_plan_does_not_change() {
        // A change of this hash changes the meaning of seeds, which CHANGELOG.md must announce.
        insta::assert_snapshot!(ReplayPlan::new(fixtures::debian(), options(7, 100)).sha256());
    }

    #[test]
    fn every_malformed_line_violates_its_clause() {
        use protocol::index::wire::Malformed;
        for (line, malformation) in MALFORMED_LINES {
            let expected = match malformation {
                Malformation::Fields => Malformed::Fields,
                Malformation::Command => Malformed::Command,
            };
            assert_eq!(Request::decode(line.trim_end().as_bytes()), Err(expected));
        }
    }
}
