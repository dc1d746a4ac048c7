//! `cargo ci controls`: chaos against positive controls and mutants, and the table of what each fault alone reveals.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::binaries::{Binaries, Binary, zoo_command};
use crate::cargo::{Cargo, Profile};
use crate::command_line::{ControlFlags, Protocol};
use crate::failure::Failure;
use crate::json_report::{Report, Run, Verdict};
use crate::mutant_list::{Control, File, controls, mutants};
use crate::parallel;
use crate::process;
use crate::workspace::Workspace;

/// The number of faults of a protocol that need not reveal anything alone.
const SHARED_MAX: usize = 10;

/// The name of a fault's own control in its row.
const CONTROL: &str = "control";

/// Faults that reveal nothing alone, and why.
const SHARED: &[(Protocol, &str, &str)] = &[
    (
        Protocol::Index,
        "readers/never-reading",
        "a server that a reader blocks sees the same as in the first half second of each fault of readers",
    ),
    (Protocol::Index, "readers/slow", "the client reads too little to let the server write more"),
    (Protocol::Index, "readers/byte-by-byte", "the client reads too little to let the server write more"),
    (
        Protocol::Index,
        "readers/leaving",
        "disconnects/end-of-stream in the state mid-reply does the same, 100 ms earlier",
    ),
    (
        Protocol::Index,
        "disconnects/descriptors-reused",
        "a timer of a closed connection also fires during resources/resets, whose rounds take as long",
    ),
    (
        Protocol::Wisdom,
        "spending/reset",
        "a server has often written its quotation before the reset arrives, and then sees the end of any session",
    ),
    (
        Protocol::Wisdom,
        "spending/half-close",
        "a server has often written its quotation before the reset arrives, and then sees the end of any session",
    ),
    (
        Protocol::Wisdom,
        "spending/key-changed",
        "a bystander's solution arrives as late when process/stopped-crowd has paused the server",
    ),
];

/// Faults of both protocols that no run against a server of the zoo contains here, and what tests them.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "packets/disturbed",
        "the kernel of the machine that wrote this table has no netem, so that the fault is not run there",
    ),
    ("process/memory-limited", "a test with a container, in harness/tests/docker/target.rs"),
];

/// Where a fault of a dependency is tested: it needs a target with a dependency, which no server of the zoo has.
const DEPENDENCY_TESTS: &str =
    "the tests of `--through` in chaos/tests/it/dependency, with a real redis-server";

/// Runs each control and each mutant for chaos once with all faults, unless its report exists already.
///
/// # Errors
/// A control is not revealed, a fault reveals nothing alone and has no reason for that, or something cannot be run.
pub(crate) fn run(workspace: &Workspace, flags: &ControlFlags) -> Result<(), Failure> {
    let binaries = Cargo::new(workspace, Profile::Ci)?.build_workspace()?;
    let kept = flags.reports.clone();
    let temporary = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let directory = kept.unwrap_or_else(|| temporary.path().to_owned());
    let protocol = flags.protocol;
    let servers = servers(protocol);
    let selected: Vec<&Server> =
        servers.iter().filter(|server| flags.only.is_empty() || flags.only.contains(&server.name)).collect();
    let mut problems = Vec::new();
    let mut revealed = BTreeMap::new();
    let work = |server: &Server| -> Result<(String, BTreeSet<String>), Failure> {
        let path = directory.join(format!("{}.json", server.name.replace('/', "_")));
        if Report::read(&path).is_err() {
            server.judge(&binaries, protocol, &path)?;
        }
        Ok((server.name.clone(), harmed(&Report::read(&path)?.into_first_run()?)))
    };
    parallel::for_each(usize::from(flags.jobs), selected, work, |done| match done {
        Ok((name, faults)) => {
            println!("{name:<40} {}", faults.iter().map(String::as_str).collect::<Vec<_>>().join(", "));
            revealed.insert(name, faults);
        }
        Err(failure) => problems.push(failure.to_string()),
    });
    if let Some(path) = &flags.markdown {
        let before = fs::read_to_string(path).unwrap_or_default();
        for (name, faults) in documented(&before) {
            revealed.entry(name).or_insert(faults);
        }
    }
    let table = Table::new(protocol, &faults(&binaries, protocol)?, &servers, &revealed);
    if let Some(path) = &flags.markdown {
        fs::write(path, table.markdown()).map_err(Failure::at(path))?;
    }
    if flags.only.is_empty() {
        problems.extend(table.problems());
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::other(problems.join("; "))) }
}

/// A server that is run: a control, which is named as its fault, or a mutant.
#[derive(Debug)]
struct Server {
    name: String,
    summary: &'static str,
    control: Option<Control>,
}

fn servers(protocol: Protocol) -> Vec<Server> {
    let control = |control: Control| Server {
        name: control.fault.to_owned(),
        summary: control.summary,
        control: Some(control),
    };
    let of_chaos = mutants(protocol).into_iter().filter(|mutant| mutant.has_mark("chaos"));
    let mutant = |mutant: crate::mutant_list::Mutant| Server {
        name: mutant.name.to_owned(),
        summary: mutant.summary,
        control: None,
    };
    controls(protocol).into_iter().map(control).chain(of_chaos.map(mutant)).collect()
}

impl Server {
    fn command(&self, zoo: &Path, protocol: Protocol, lock: &Path) -> String {
        let Some(control) = &self.control else { return zoo_command(zoo, protocol, Some(&self.name)) };
        let file = match control.file {
            None => String::new(),
            Some(File::Lock) => format!(" --lock-file '{}'", lock.display()),
            Some(File::Journal) => " --journal '{directory}/journal'".to_owned(),
        };
        format!("{} --control {}{file}", zoo_command(zoo, protocol, None), control.fault)
    }

    /// Runs chaos with all faults that it makes by default, or with those of the kind that it makes only on request.
    fn judge(&self, binaries: &Binaries, protocol: Protocol, report: &Path) -> Result<(), Failure> {
        let directory = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
        let target = self.command(&binaries.path(Binary::Zoo), protocol, &directory.path().join("lock"));
        let mut command = Command::new(binaries.path(Binary::Chaos));
        command.args(["--protocol", &protocol.to_string(), "--seed", "1", "--strict", "--exec", &target]);
        if self.name.ends_with("-in-thousands") {
            command.args(["--matrix", "--faults", "spending/*"]);
        }
        if self.name.starts_with("packets/") {
            command.args(["--packets", "--faults", "packets/*"]);
        }
        command.arg("--json").arg(report).stdout(Stdio::null()).stderr(Stdio::null());
        process::status(&mut command)?;
        Ok(())
    }
}

/// Returns the ids of the faults of a protocol, in order.
fn faults(binaries: &Binaries, protocol: Protocol) -> Result<Vec<String>, Failure> {
    let mut command = Command::new(binaries.path(Binary::Chaos));
    let list = process::output(command.args(["faults", "--protocol", &protocol.to_string()]))?;
    Ok(list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Returns the servers that a table names, with the faults that reveal them. Servers that no longer exist have no row in a new table.
fn documented(table: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut revealed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in table.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [fault, _, alone, with_others] = cells[..] else { continue };
        let names = alone.split(", ").chain(with_others.split(", "));
        for name in names.filter(|name| !name.is_empty()) {
            let name = if name == CONTROL { fault } else { name };
            revealed.entry(name.to_owned()).or_default().insert(fault.to_owned());
        }
    }
    revealed
}

/// Returns the faults that did harm, in any state.
fn harmed(run: &Run) -> BTreeSet<String> {
    let failed = run.items.iter().filter(|item| matches!(item.verdict, Verdict::Fail | Verdict::Warn));
    failed.filter_map(|item| Some(item.id.rsplit_once('/')?.0.to_owned())).collect()
}

/// The table of the faults of a protocol.
#[derive(Debug)]
struct Table {
    protocol: Protocol,
    rows: Vec<Row>,
}

/// What a fault reveals.
#[derive(Debug)]
struct Row {
    fault: String,
    /// What the first server that it alone reveals has seen of it.
    proof: String,
    alone: Vec<String>,
    with_others: Vec<String>,
    reason: Option<&'static str>,
}

impl Table {
    fn new(
        protocol: Protocol,
        faults: &[String],
        servers: &[Server],
        revealed: &BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        let row = |fault: &String| {
            let revealing: Vec<&Server> = servers
                .iter()
                .filter(|server| revealed.get(&server.name).is_some_and(|faults| faults.contains(fault)))
                .collect();
            let (alone, others): (Vec<&Server>, Vec<&Server>) =
                revealing.into_iter().partition(|server| revealed[&server.name].len() == 1);
            let reason = SHARED.iter().find(|(of, id, _)| *of == protocol && id == fault);
            let is_of_dependency = fault.starts_with("dependency/");
            Row {
                fault: fault.clone(),
                proof: alone.first().map_or(String::new(), |server| server.summary.to_owned()),
                alone: alone.iter().map(|server| server.shown()).collect(),
                with_others: others.iter().map(|server| server.shown()).collect(),
                reason: reason
                    .map(|(.., reason)| *reason)
                    .or_else(|| is_of_dependency.then_some(DEPENDENCY_TESTS))
                    .or_else(|| ELSEWHERE.iter().find(|(id, _)| id == fault).map(|(_, reason)| *reason)),
            }
        };
        Self { protocol, rows: faults.iter().map(row).collect() }
    }

    fn problems(&self) -> Vec<String> {
        let shared: Vec<&Row> = self.rows.iter().filter(|row| row.alone.is_empty()).collect();
        let unexplained = shared.iter().filter(|row| row.reason.is_none());
        let mut problems: Vec<String> =
            unexplained.map(|row| format!("{} reveals nothing alone", row.fault)).collect();
        if shared.len() > SHARED_MAX {
            problems.push(format!("{} faults reveal nothing alone", shared.len()));
        }
        problems
    }

    fn markdown(&self) -> String {
        let Self { protocol, rows } = self;
        let line = |row: &Row| {
            let proof = if row.alone.is_empty() { row.reason.unwrap_or_default() } else { &row.proof };
            let (alone, others) = (row.alone.join(", "), row.with_others.join(", "));
            format!("| {} | {proof} | {alone} | {others} |\n", row.fault)
        };
        let file = file(*protocol);
        let head = format!(
            "\
# Proofs of the faults

Written by `cargo ci controls --protocol {protocol} --markdown {}`, from one run with all faults (seed 1, `--strict`) against
each server.

Each fault has a *control*: a server that ends, or leaks, when it has seen what the fault does to it (`zoo --control FAULT`). The
second column says what that is. It proves that the fault reaches its target, and that the harm which follows is attributed to it.
*Alone* are the control and the mutants that no other fault reveals; at most {SHARED_MAX} faults have none, for the reason in the
second column. *With others* are mutants that several faults reveal.

| fault | what the target sees | alone | with others |
| --- | --- | --- | --- |
",
            file.display()
        );
        head + &rows.iter().map(line).collect::<String>()
    }
}

impl Server {
    fn shown(&self) -> String {
        if self.control.is_some() { CONTROL.to_owned() } else { self.name.clone() }
    }
}

fn file(protocol: Protocol) -> PathBuf {
    match protocol {
        Protocol::Index => "docs/CONTROLS.md".into(),
        Protocol::Wisdom => "docs/CONTROLS-wisdom.md".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(name: &str) -> Server {
        Server { name: name.to_owned(), summary: "it is seen", control: None }
    }

    fn table(revealed: &[(&str, &[&str])]) -> Table {
        let servers: Vec<Server> = revealed.iter().map(|(name, _)| server(name)).collect();
        let owned = |names: &&[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let revealed = revealed.iter().map(|(name, faults)| ((*name).to_owned(), owned(faults))).collect();
        let faults = ["lines/tls", "lines/http", "readers/leaving"].map(str::to_owned);
        Table::new(Protocol::Index, &faults, &servers, &revealed)
    }

    #[test]
    fn a_fault_that_reveals_nothing_alone_is_a_problem_unless_there_is_a_reason() {
        let both: &[&str] = &["lines/tls", "lines/http"];
        assert_eq!(
            table(&[("a", both)]).problems(),
            ["lines/tls reveals nothing alone", "lines/http reveals nothing alone"]
        );
        assert!(table(&[("a", &["lines/tls"]), ("b", &["lines/http"])]).problems().is_empty());
    }

    #[test]
    fn servers_that_were_not_run_keep_their_places() {
        let revealed: &[(&str, &[&str])] =
            &[("a", &["lines/tls"]), ("b", &["lines/tls", "lines/http"]), ("c", &["readers/leaving"])];
        let of = |name: &str| revealed.iter().find(|(of, _)| *of == name).unwrap().1;
        let read = documented(&table(revealed).markdown());
        for name in ["a", "b", "c"] {
            assert_eq!(Vec::from_iter(&read[name]), {
                let mut faults = of(name).to_vec();
                faults.sort_unstable();
                faults
            });
        }
        let row = "| lines/tls | a client begins a TLS handshake | control |  |";
        assert_eq!(Vec::from_iter(&documented(row)["lines/tls"]), ["lines/tls"]);
    }

    #[test]
    fn a_row_names_what_a_fault_alone_reveals() {
        let text = table(&[("a", &["lines/tls"]), ("b", &["lines/tls", "lines/http"])]).markdown();
        assert!(text.contains("| lines/tls | it is seen | a | b |\n| lines/http |  |  | b |\n"), "{text}");
        assert!(text.ends_with("100 ms earlier |  |  |\n"), "{text}");
    }
}
