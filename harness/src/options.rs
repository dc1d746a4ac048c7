//! The options of a run: the flags, validated against each other and against the environment.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::path::Path;

use driver::history::Params;
use fixtures::Graph;
use report::{FixtureSummary, write_file};
use settings::values::random_seed;
use target::{Choice, choose_target};
use verdict::listed::ListedItems;
use verdict::selection::{Selection, Subject};

use crate::error::Error;
use crate::flags::Flags;
use crate::protocols;
use crate::protocols::ProtocolEntry;
use crate::workload::schedule::RequestSchedule;

/// The validated options of a run.
#[derive(Debug)]
pub(crate) struct Options {
    /// The protocol to judge.
    pub protocol: &'static ProtocolEntry,
    /// The target.
    pub choice: Choice,
    /// The figures of the package graph of the replay.
    pub fixture: FixtureSummary,
    /// The seeds; each run uses one.
    pub seeds: Vec<u64>,
    /// The selected cases and workloads.
    pub selection: Selection,
    /// The known failures.
    pub known_failures: ListedItems,
    /// What decides nothing.
    pub flaky: ListedItems,
    /// All flags as given.
    pub flags: Flags,
}

impl Options {
    /// Validates the flags: reads the fixture, and checks that the reports can be written.
    ///
    /// # Errors
    /// Flags contradict each other, the fixture cannot be read, or a report cannot be written.
    pub(crate) fn new(mut flags: Flags) -> Result<Self, Error> {
        let protocol = protocols::named(flags.protocol);
        let choice = choose_target(&flags.target)?;
        let subjects = protocol.subjects();
        if let Some(path) = &flags.again {
            let failed = report::read::failed(path)?;
            flags.only = names_of(&failed.ids, &subjects);
            if flags.only.is_empty() {
                return Err(Error::Usage(
                    "--again names a report in which only the target was lost; run without it",
                ));
            }
            if flags.seeds.is_none() {
                flags.seed.get_or_insert(failed.seed);
            }
        }
        let (graph, name) = match &flags.fixture {
            None => (fixtures::debian(), "debian".to_owned()),
            Some(path) => (read_fixture(path)?, path.display().to_string()),
        };
        let fixture = FixtureSummary {
            name,
            packages: graph.packages().len(),
            named_only: graph.named_only_count(),
            dependencies: graph.dependency_count(),
        };
        let seeds = match flags.seeds {
            Some(seeds) => (seeds.first..=seeds.last).collect(),
            None => vec![flags.seed.unwrap_or_else(random_seed)],
        };
        if flags.reports.record.is_some()
            && seeds.len() * flags.concurrency.len() * usize::from(flags.repeat) > 1
        {
            return Err(Error::Usage(
                "--record writes the history of one run; give one seed and one concurrency, and do not repeat it",
            ));
        }
        if flags.process && matches!(choice, Choice::Addr(_)) {
            return Err(Error::Usage(
                "--process watches the target's process; start it with --exec or --image, or judge the built-in server",
            ));
        }
        let selection = Selection::new(&flags.only, &flags.skip, &subjects)?;
        if !subjects.iter().any(|subject| selection.wants(subject).is_ok()) {
            return Err(Error::Usage("--only and --skip leave nothing to run"));
        }
        let known_failures = read_list(flags.expect.as_deref(), &subjects)?;
        let flaky = read_list(flags.flaky.as_deref(), &subjects)?;
        if flaky.ids().any(|id| known_failures.reason(id).is_some()) {
            return Err(Error::Usage("--expect and --flaky list the same item; list it once"));
        }
        let reports = flags.reports.files();
        let files = reports.iter().copied().chain(&flags.shrink);
        if files.clone().collect::<BTreeSet<_>>().len() < files.count() {
            return Err(Error::Usage(
                "two of --json, --junit, --tap, --ctrf, --html, --badge, --record and --shrink name the same file",
            ));
        }
        // An unwritable report must be detected before the run, not after it.
        for path in reports {
            let open = |path: &Path| File::options().append(true).create(true).open(path);
            write_file(open, path, |_| Ok(()))?;
        }
        Ok(Self { protocol, choice, fixture, seeds, selection, known_failures, flaky, flags })
    }

    /// Returns the options of one run as parameters, named like the flags.
    #[must_use]
    pub(crate) fn of_run(&self, seed: u64, concurrency: u32) -> Params {
        self.of_all_runs().with("seed", seed).with("concurrency", concurrency)
    }

    /// Returns the options that all runs share: everything except the seed and the number of clients.
    #[must_use]
    pub(crate) fn of_all_runs(&self) -> Params {
        let flags = &self.flags;
        let mut named = Params::default()
            .with("timeout", flags.timeout.as_secs_f64())
            .with("deadline", flags.deadline().as_secs_f64());
        if self.protocol.replays_a_graph {
            named.set("unluckiness", flags.unluckiness);
            named.set("rounds-max", flags.rounds_max);
            named.set("edition", flags.edition.number());
        } else {
            named.set("protocol", self.protocol.name);
        }
        for (name, patterns) in [("only", &flags.only), ("skip", &flags.skip)] {
            if !patterns.is_empty() {
                named.set(name, patterns.join(","));
            }
        }
        let others = [
            ("fixture", flags.fixture.as_ref().map(|path| path.display().to_string())),
            ("packages", flags.packages.map(|count| count.to_string())),
            ("episodes", flags.episodes.map(|count| count.to_string())),
            ("schedule", (flags.schedule == RequestSchedule::Lockstep).then(|| "lockstep".to_owned())),
            ("stall-limit", flags.stall_limit.map(|limit| limit.as_secs_f64().to_string())),
        ];
        for (name, value) in others {
            if let Some(value) = value {
                named.set(name, value);
            }
        }
        named
    }

    /// Whether there is more than one run.
    #[must_use]
    pub(crate) fn is_matrix(&self) -> bool {
        self.seeds.len() * self.flags.concurrency.len() * usize::from(self.flags.repeat) > 1
    }
}

/// Returns those of the ids that name a case or workload. The survival of the target is always judged.
fn names_of(ids: &[String], subjects: &[Subject]) -> Vec<String> {
    let is_subject = |id: &&String| subjects.iter().any(|subject| subject.id == id.as_str());
    ids.iter().filter(is_subject).cloned().collect()
}

fn read_list(path: Option<&Path>, subjects: &[Subject]) -> Result<ListedItems, Error> {
    let Some(path) = path else { return Ok(ListedItems::default()) };
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let invalid = |source| Error::List { path: path.to_owned(), source };
    ListedItems::parse(&text, subjects).map_err(invalid)
}

fn read_fixture(path: &Path) -> Result<Graph, Error> {
    let text = fs::read(path).map_err(|source| Error::FixtureFile { path: path.to_owned(), source })?;
    Graph::parse(&text).map_err(|source| Error::Fixture { path: path.to_owned(), source })
}
