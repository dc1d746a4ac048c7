//! Output of runs: items of the report, the scorecard in the terminal, and the list of faults.

mod page;
mod plot;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::SystemTime;

use driver::history::Params;
use report::Item;
use report::Origin;
use report::Report;
use report::VERSION;
use report::statistics::Pace;
use report::{ItemKind, RunReport, WorkloadRun};
use report::{format, terminal};
use verdict::Verdict;

use crate::chaos_protocol::ChaosProtocol;
use crate::fault::State;
use crate::harm::{self, word};
use crate::outcome::{RunOutcome, SceneOutcome};
use crate::schedule::Schedule;
use crate::timing::BYSTANDERS;

pub(crate) use page::write_page;

/// Returns the report of a run: each scene with its verdict.
#[must_use]
pub(crate) fn run_report(
    outcome: &RunOutcome,
    schedule: &Schedule,
    addr: &str,
    target_flags: &str,
    options: Params,
    is_strict: bool,
) -> RunReport {
    let items: Vec<Item> =
        outcome.outcomes.iter().map(|outcome| item(outcome, schedule, target_flags, is_strict)).collect();
    let verdict = harm::of_run(outcome.outcomes.iter().map(|outcome| &outcome.harm), is_strict);
    RunReport {
        addr: addr.to_owned(),
        seed: schedule.seed,
        concurrency: BYSTANDERS,
        options,
        verdict,
        hint: None,
        cause: None,
        workloads: vec![WorkloadRun {
            id: schedule.protocol.workload,
            plan_sha256: schedule.sha256(),
            duration_ns: items.iter().map(|item| item.duration_ns).sum(),
            requests: outcome.timelines.iter().map(|timeline| timeline.requests.len() as u64).sum(),
            latencies: Vec::new(),
            pace: Pace::default(),
            phases: Vec::new(),
        }],
        items,
        case_requests: 0,
        target_ended: None,
    }
}

/// Returns the report of several runs, which end now.
#[must_use]
pub(crate) fn report(target: &str, began: SystemTime, runs: Vec<RunReport>) -> Report {
    let verdict = runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unknown);
    let origin = Origin::new("chaos", began, SystemTime::now());
    Report {
        report: VERSION,
        origin,
        target: target.to_owned(),
        fixture: None,
        verdict,
        frequencies: Vec::new(),
        runs,
    }
}

fn item(outcome: &SceneOutcome, schedule: &Schedule, target_flags: &str, is_strict: bool) -> Item {
    let case = outcome.scene.case;
    let verdict = harm::strict(&outcome.harm, is_strict);
    let needs_reproduction = !matches!(verdict, Verdict::Pass | Verdict::NotRun);
    let protocol = schedule.protocol.flag.trim_start();
    let space = if protocol.is_empty() { "" } else { " " };
    let reproduction = format!(
        "chaos {protocol}{space}{target_flags}--seed {} --matrix --faults {}",
        schedule.seed, case.id
    );
    Item {
        clause: Some(case.clause),
        requirement: format!("{} ({})", case.requirement, outcome.scene.fault.parameters),
        verdict,
        cause: outcome.harm.cause.clone(),
        findings: outcome.harm.findings.clone(),
        repetitions: outcome.repetitions,
        duration_ns: outcome.duration_ns,
        wire: outcome.wire.entries().to_vec(),
        wire_omitted: outcome.wire.omitted(),
        reproduction: if needs_reproduction { vec![reproduction] } else { Vec::new() },
        ..Item::new(case.id, ItemKind::Case, case.level)
    }
}

/// Writes one line about a scene.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write_line(out: &mut impl Write, outcome: &SceneOutcome) -> io::Result<()> {
    let style = format::style_of(outcome.harm.verdict);
    let (id, word) = (outcome.scene.case.id, word(outcome.harm.verdict));
    let repeated = match outcome.repetitions {
        0 => String::new(),
        times => format!(", repeated {times}x"),
    };
    writeln!(out, "{style}{word:<8}{style:#} {id:<52} {}{repeated}", outcome.figure)
}

/// Writes the findings and the verdict of a run.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write_outcome(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    for (cause, count) in not_run(run) {
        writeln!(out, "\nnot run: {count} faults: {cause}")?;
    }
    for verdict in [Verdict::Unknown, Verdict::Warn, Verdict::Fail] {
        terminal::write_items(out, run, verdict, "`chaos faults`")?;
    }
    let style = report::format::style_of(run.verdict);
    write!(out, "\n{style}{}{style:#} ", run.verdict.word())?;
    let violated: Vec<String> =
        run.violated_clauses().iter().map(|(clause, count)| format!("{clause} ({count})")).collect();
    if !violated.is_empty() {
        write!(out, "{}: ", violated.join(", "))?;
    }
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict, run.with(verdict).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| format!("{count} {}", word(verdict)))
        .collect();
    writeln!(
        out,
        "{}; {} requests of {BYSTANDERS} bystanders",
        counts.join(", "),
        run.workloads.iter().map(|workload| workload.requests).sum::<u64>()
    )
}

fn not_run(run: &RunReport) -> BTreeMap<&str, usize> {
    let mut causes = BTreeMap::new();
    for item in run.with(Verdict::NotRun) {
        *causes.entry(item.cause.as_deref().unwrap_or_default()).or_default() += 1;
    }
    causes
}

/// Writes the list of faults, one per line.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write_faults(out: &mut impl Write, protocol: &ChaosProtocol) -> io::Result<()> {
    for fault in protocol.faults() {
        let states = names(fault.states);
        writeln!(
            out,
            "{:<38} {:<3} {:<7} {states:<42} {} ({})",
            fault.id,
            fault.clause.id,
            fault.level.word(),
            fault.summary,
            fault.parameters
        )?;
    }
    Ok(())
}

/// Writes the list of faults as Markdown: the text of docs/FAULTS.md or docs/FAULTS-wisdom.md.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write_faults_as_markdown(out: &mut impl Write, protocol: &ChaosProtocol) -> io::Result<()> {
    let count = protocol.faults().count();
    let scenes = protocol.scenes().len();
    writeln!(out, "# {}\n", protocol.title)?;
    writeln!(out, "Generated by `chaos faults{} --markdown`.\n", protocol.flag)?;
    writeln!(out, "There are {count} faults. With the states of a connection they form {scenes} scenes.\n")?;
    writeln!(
        out,
        "- *promised*: the protocol promises that other clients are served during the fault. Otherwise"
    )?;
    writeln!(out, "  only the service after the fault counts, and whether the target survives.")?;
    writeln!(out, "- *process*: the fault needs a target process that chaos starts.\n")?;
    writeln!(out, "| fault | clause | level | states | promised | process | description | parameters |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    for fault in protocol.faults() {
        let yes = |is: bool| if is { "yes" } else { "" };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            fault.id,
            fault.clause.id,
            fault.level.word(),
            names(fault.states),
            yes(fault.is_promised),
            yes(fault.needs_process),
            fault.summary,
            fault.parameters
        )?;
    }
    Ok(())
}

fn names(states: &[State]) -> String {
    states.iter().map(|state| state.name).collect::<Vec<_>>().join(", ")
}
