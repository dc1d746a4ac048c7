//! What a command is to do: the flags, checked against each other and against the world.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufWriter};
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fixtures::Graph;
use protocol::Level;

use crate::error::Error;
use crate::expected::Expected;
use crate::flags::{Flags, ReportFlags, TargetFlags};
use crate::kit::Kit;
use crate::report::FixtureSummary;
use crate::select::{Selection, Subject};
use crate::suite::case::Case;
use crate::targets::Choice;
use crate::workload::contention::Schedule;

/// What the flags ask for, checked.
#[derive(Debug)]
pub struct Options {
    /// What is judged.
    pub choice: Choice,
    /// What is replayed.
    pub graph: Graph,
    /// The same in figures.
    pub fixture: FixtureSummary,
    /// One seed a run.
    pub seeds: Vec<u64>,
    /// What is run.
    pub selection: Selection,
    /// What is known to fail.
    pub expected: Expected,
    /// All else, as it was typed.
    pub flags: Flags,
}

impl Options {
    /// Checks what was typed against the world: reads the fixture, and looks whether the reports can be written.
    ///
    /// # Errors
    /// Flags that do not go together, a fixture that cannot be read, a report that cannot be written.
    pub fn new(flags: Flags) -> Result<Self, Error> {
        let choice = choose_target(&flags.target)?;
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
        if flags.reports.record.is_some() && seeds.len() * flags.concurrency.len() > 1 {
            return Err(Error::Usage(
                "--record writes the history of one run; give one seed and one concurrency",
            ));
        }
        if flags.process && matches!(choice, Choice::Addr(_)) {
            return Err(Error::Usage(
                "--process watches the target's process; start it with --exec or --image, or judge the built-in server",
            ));
        }
        let subjects = subjects(flags.protocol);
        let selection = Selection::new(&flags.only, &flags.skip, &subjects)?;
        if !subjects.iter().any(|subject| selection.wants(subject).is_ok()) {
            return Err(Error::Usage("--only and --skip leave nothing to run"));
        }
        let expected = match &flags.expect {
            None => Expected::default(),
            Some(path) => read_expected(path, &subjects)?,
        };
        let ReportFlags { json, junit, html, record, .. } = &flags.reports;
        let reports: Vec<&PathBuf> = [json, junit, html, record].into_iter().flatten().collect();
        let files = reports.iter().copied().chain(&flags.shrink);
        if files.clone().collect::<BTreeSet<_>>().len() < files.count() {
            return Err(Error::Usage(
                "two of --json, --junit, --html, --record and --shrink name the same file",
            ));
        }
        // Better now than after the run.
        for path in reports {
            let open = |path: &Path| File::options().append(true).create(true).open(path);
            write_file(open, path, |_| Ok(()))?;
        }
        Ok(Self { choice, graph, fixture, seeds, selection, expected, flags })
    }

    /// What decides a run, by the names of the flags.
    #[must_use]
    pub fn of_run(&self, seed: u64, concurrency: u32) -> BTreeMap<String, String> {
        let mut named = self.of_all_runs();
        named.insert("seed".to_owned(), seed.to_string());
        named.insert("concurrency".to_owned(), concurrency.to_string());
        named
    }

    /// What decides every run, beside its seed and its number of clients.
    #[must_use]
    pub fn of_all_runs(&self) -> BTreeMap<String, String> {
        let Flags { unluckiness, rounds_max, timeout, deadline, fixture, edition, schedule, .. } =
            &self.flags;
        let mut named = BTreeMap::from([
            ("unluckiness".to_owned(), unluckiness.to_string()),
            ("rounds-max".to_owned(), rounds_max.to_string()),
            ("timeout".to_owned(), timeout.as_secs_f64().to_string()),
            ("deadline".to_owned(), deadline.as_secs_f64().to_string()),
            ("edition".to_owned(), edition.number().to_string()),
        ]);
        if !self.flags.protocol.replays_a_graph {
            for of_graphs in ["unluckiness", "rounds-max", "edition"] {
                named.remove(of_graphs);
            }
            named.insert("protocol".to_owned(), self.flags.protocol.name.to_owned());
        }
        let lists = [("only", &self.flags.only), ("skip", &self.flags.skip)];
        let lists = lists.into_iter().filter(|(_, patterns)| !patterns.is_empty());
        named.extend(lists.map(|(name, patterns)| (name.to_owned(), patterns.join(","))));
        let seconds = |limit: &Duration| limit.as_secs_f64().to_string();
        let others = [
            ("fixture", fixture.as_ref().map(|path| path.display().to_string())),
            ("packages", self.flags.packages.map(|count| count.to_string())),
            ("episodes", self.flags.episodes.map(|count| count.to_string())),
            ("schedule", (*schedule == Schedule::Lockstep).then(|| "lockstep".to_owned())),
            ("stall-limit", self.flags.stall_limit.as_ref().map(seconds)),
        ];
        named.extend(others.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        named
    }

    /// Whether there is more than one run.
    #[must_use]
    pub fn is_matrix(&self) -> bool {
        self.seeds.len() * self.flags.concurrency.len() > 1
    }
}

/// The target that these flags choose.
///
/// # Errors
/// Flags that do not go together, or are not enough.
pub fn choose_target(flags: &TargetFlags) -> Result<Choice, Error> {
    if let Some(name) = &flags.image {
        return Ok(Choice::Image { name: name.clone(), port: flags.port });
    }
    let addr = match (&flags.addr, &flags.host, flags.port) {
        (Some(addr), ..) => Some(addr.clone()),
        (None, None, None) => None,
        (None, host, port) => {
            let host = host.as_deref().unwrap_or("127.0.0.1");
            let is_ipv6 = host.parse::<Ipv6Addr>().is_ok();
            let host = if is_ipv6 { format!("[{host}]") } else { host.to_owned() };
            Some(format!("{host}:{}", port.unwrap_or(8080)))
        }
    };
    if addr.as_deref().is_some_and(|addr| !is_host_and_port(addr)) {
        return Err(Error::Usage(
            "a host and a port are needed, as in --addr 127.0.0.1:8080 or --host ::1 --port 8080",
        ));
    }
    match (&flags.exec, addr) {
        (None, None) => Ok(Choice::BuiltIn),
        (None, Some(addr)) => Ok(Choice::Addr(addr)),
        (Some(command), addr) => {
            if addr.is_none() && !["{port}", "{addr}"].iter().any(|place| command.contains(place)) {
                return Err(Error::Usage(
                    "--exec needs {port} or {addr} in its command, or --addr to say where the command will listen",
                ));
            }
            Ok(Choice::Exec { command: command.clone(), addr })
        }
    }
}

fn is_host_and_port(addr: &str) -> bool {
    let Some((host, port)) = addr.rsplit_once(':') else { return false };
    let is_bracketed = host.starts_with('[') && host.ends_with(']');
    let is_plain = !host.is_empty() && !host.contains(|letter: char| letter == ':' || letter.is_whitespace());
    (is_plain || is_bracketed) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

impl Choice {
    /// The flags that choose it, with a blank behind them.
    #[must_use]
    pub fn flags(&self) -> String {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        match self {
            Self::BuiltIn => String::new(),
            Self::Addr(addr) => format!("--addr {addr} "),
            Self::Exec { command, addr: None } => format!("--exec {} ", quoted(command)),
            Self::Exec { command, addr: Some(addr) } => format!("--exec {} --addr {addr} ", quoted(command)),
            Self::Image { name, port: None } => format!("--image {name} "),
            Self::Image { name, port: Some(port) } => format!("--image {name} --port {port} "),
        }
    }

    /// What is judged, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::BuiltIn => {
                "the built-in reference server (--addr, --exec or --image choose another)".to_owned()
            }
            Self::Addr(addr) => addr.clone(),
            Self::Exec { command, .. } => format!("the command '{command}'"),
            Self::Image { name, .. } => format!("the image {name}"),
        }
    }
}

/// All that can be run, or has a verdict.
#[must_use]
pub fn subjects(kit: &Kit) -> Vec<Subject> {
    let case = |case: &'static Case| Subject { id: case.id, clause: case.clause.id, level: case.level };
    let other = |id| Subject { id, clause: "", level: Level::Must };
    let others = [kit.suite.alive].into_iter().chain(kit.workloads.iter().map(|row| row.id)).map(other);
    kit.suite.cases().map(case).chain(others).collect()
}

fn read_expected(path: &Path, subjects: &[Subject]) -> Result<Expected, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let wrong = |source| Error::Expected { path: path.to_owned(), source };
    Expected::parse(&text, subjects).map_err(wrong)
}

fn read_fixture(path: &Path) -> Result<Graph, Error> {
    let text = fs::read(path).map_err(|source| Error::FixtureFile { path: path.to_owned(), source })?;
    Graph::parse(&text).map_err(|source| Error::Fixture { path: path.to_owned(), source })
}

/// Writes a report.
///
/// # Errors
/// It cannot be written.
pub fn write_file<'a>(
    open: impl FnOnce(&'a Path) -> io::Result<File>,
    path: &'a Path,
    write: impl FnOnce(BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let written = open(path).map(BufWriter::new).and_then(write);
    written.map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// A seed that is short enough to be typed again. The one draw that no seed decides.
fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}
