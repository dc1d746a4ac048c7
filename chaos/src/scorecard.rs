//! What a chaos run came to, as items of the kit's report, as a scorecard, and as a page with a timeline.

mod page;
mod plot;
mod progress;

use std::collections::BTreeMap;
use std::io::{self, Write};

use driver::history::Params;
use report::Item;
use report::Report;
use report::VERSION;
use report::terminal;
use report::{ItemKind, RunReport, WorkloadRun};
use verdict::Verdict;

use crate::fault::State;
use crate::judge::Outcome;
use crate::kit::Kit;
use crate::run::Ran;
use crate::schedule::Schedule;
use crate::scripts::BYSTANDERS;

pub use page::write_page;
pub use progress::SceneBar;

/// The items of a run: each scene with its verdict.
#[must_use]
pub fn run_report(
    ran: &Ran,
    schedule: &Schedule,
    addr: &str,
    target_flags: &str,
    options: Params,
    is_strict: bool,
) -> RunReport {
    let items: Vec<Item> =
        ran.outcomes.iter().map(|outcome| item(outcome, schedule, target_flags, is_strict)).collect();
    // Where it is not known whether a SHOULD was broken, the worst it could do is to warn.
    let is_known =
        |outcome: &Outcome| is_strict || !outcome.is_only_slow || outcome.verdict != Verdict::Unknown;
    let known = ran.outcomes.iter().zip(&items).filter(|(outcome, _)| is_known(outcome));
    let worst = known.map(|(_, item)| item.verdict).max();
    // Where nothing was run nothing is known.
    let verdict = worst.filter(|worst| *worst > Verdict::NotRun).unwrap_or(Verdict::Unknown);
    RunReport {
        addr: addr.to_owned(),
        seed: schedule.seed,
        concurrency: BYSTANDERS,
        options,
        verdict,
        cause: None,
        workloads: vec![WorkloadRun {
            id: schedule.kit.workload,
            plan_sha256: schedule.sha256(),
            duration_ns: items.iter().map(|item| item.duration_ns).sum(),
            requests: ran.timelines.iter().map(|timeline| timeline.requests.len() as u64).sum(),
            phases: Vec::new(),
        }],
        items,
        case_requests: 0,
        target_ended: None,
    }
}

/// A report of these runs.
#[must_use]
pub fn report(target: &str, runs: Vec<RunReport>) -> Report {
    let verdict = runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unknown);
    Report { report: VERSION, target: target.to_owned(), fixture: None, verdict, runs }
}

fn item(outcome: &Outcome, schedule: &Schedule, target_flags: &str, is_strict: bool) -> Item {
    let case = outcome.scene.case;
    let verdict = match outcome.verdict {
        Verdict::Warn if is_strict => Verdict::Fail,
        verdict => verdict,
    };
    let is_wrong = !matches!(verdict, Verdict::Pass | Verdict::NotRun);
    let protocol = schedule.kit.flag.trim_start();
    let space = if protocol.is_empty() { "" } else { " " };
    let reproduction = format!(
        "chaos {protocol}{space}{target_flags}--seed {} --matrix --faults {}",
        schedule.seed, case.id
    );
    Item {
        clause: Some(case.clause),
        requirement: format!("{} ({})", case.requirement, outcome.scene.fault.parameters),
        verdict,
        cause: outcome.cause.clone(),
        findings: outcome.findings.clone(),
        duration_ns: outcome.duration_ns,
        wire: outcome.wire.entries().to_vec(),
        wire_omitted: outcome.wire.omitted(),
        reproduction: if is_wrong { vec![reproduction] } else { Vec::new() },
        ..Item::new(case.id, ItemKind::Case, case.level)
    }
}

/// The word for a verdict on a scorecard.
#[must_use]
pub const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass | Verdict::Expected => "held",
        Verdict::Warn => "warned",
        Verdict::Fail => "harmed",
        Verdict::Unknown | Verdict::Unreachable => "unknown",
        Verdict::NotRun => "not run",
    }
}

/// A line for a scene that is over.
///
/// # Errors
/// `out` cannot be written.
pub fn write_line(out: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let style = report::format::style_of(outcome.verdict);
    let (id, word) = (outcome.scene.case.id, word(outcome.verdict));
    writeln!(out, "{style}{word:<8}{style:#} {id:<52} {}", outcome.figure)
}

/// What was found, and the verdict, at the end.
///
/// # Errors
/// `out` cannot be written.
pub fn write_outcome(out: &mut impl Write, run: &RunReport) -> io::Result<()> {
    for (cause, count) in left_out(run) {
        writeln!(out, "\nnot run: {count} faults: {cause}")?;
    }
    for verdict in [Verdict::Unknown, Verdict::Warn, Verdict::Fail] {
        terminal::write_items(out, run, verdict, "`chaos faults`")?;
    }
    let style = report::format::style_of(run.verdict);
    write!(out, "\n{style}{}{style:#} ", run.verdict.word())?;
    let broken: Vec<String> =
        run.violated_clauses().iter().map(|(clause, count)| format!("{clause} ({count})")).collect();
    if !broken.is_empty() {
        write!(out, "{}: ", broken.join(", "))?;
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

fn left_out(run: &RunReport) -> BTreeMap<&str, usize> {
    let mut causes = BTreeMap::new();
    for item in run.with(Verdict::NotRun) {
        *causes.entry(item.cause.as_deref().unwrap_or_default()).or_default() += 1;
    }
    causes
}

/// The catalogue, a fault a line.
///
/// # Errors
/// `out` cannot be written.
pub fn write_faults(out: &mut impl Write, kit: &Kit) -> io::Result<()> {
    for fault in kit.faults() {
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

/// The catalogue as the text of docs/FAULTS.md, or of the page of another protocol.
///
/// # Errors
/// `out` cannot be written.
pub fn write_faults_as_markdown(out: &mut impl Write, kit: &Kit) -> io::Result<()> {
    let count = kit.faults().count();
    let scenes = kit.scenes().len();
    writeln!(out, "# {}\n", kit.title)?;
    writeln!(
        out,
        "{count} faults, in {scenes} combinations with the state that a connection is in. Written by"
    )?;
    writeln!(
        out,
        "`chaos faults{} --markdown`. *Meanwhile* says whether the protocol promises that others are served while",
        kit.flag
    )?;
    writeln!(
        out,
        "it lasts; otherwise only what happens afterwards counts, and whether the target lives. *Started* says that it"
    )?;
    writeln!(out, "takes a target that the kit starts itself.\n")?;
    writeln!(out, "| fault | clause | level | states | meanwhile | started | what is done |")?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for fault in kit.faults() {
        let yes = |is: bool| if is { "yes" } else { "" };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} {} |",
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
