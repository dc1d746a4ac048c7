//! The catalogue itself, to be read: a case a line, as JSON, as Markdown; and one case in full.

use std::io::{self, Write};

use protocol::Clause;
use serde::Serialize;

use conformance::case::Allowed;
use conformance::case::Case;
use conformance::case::Step;
use conformance::suite::Suite;
use conformance::wire::client_name;
use driver::moves::Act;
use driver::moves::Source;
use protocol::text::printable;

/// A case as JSON.
#[derive(Serialize)]
struct CaseInJson {
    id: &'static str,
    clause: &'static str,
    level: &'static str,
    requirement: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    usual_cause: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_request: Option<&'static str>,
    steps: Vec<String>,
}

/// Writes a case a line.
///
/// # Errors
/// `out` cannot be written.
pub fn write_lines(out: &mut impl Write, suite: &Suite) -> io::Result<()> {
    suite
        .cases()
        .try_for_each(|case| writeln!(out, "{:<12} {:<7} {}", case.id, case.level.word(), case.requirement))
}

/// Writes the catalogue as JSON.
///
/// # Errors
/// `out` cannot be written.
pub fn write_json(out: &mut impl Write, suite: &Suite) -> io::Result<()> {
    let in_json = |case: &'static Case| CaseInJson {
        id: case.id,
        clause: case.clause.id,
        level: case.level.word(),
        requirement: case.requirement,
        usual_cause: case.usual_cause,
        on_request: case.runs.on_request(),
        steps: steps(case.steps),
    };
    let cases: Vec<CaseInJson> = suite.cases().map(in_json).collect();
    serde_json::to_writer_pretty(&mut *out, &cases)?;
    writeln!(out)
}

/// Writes the catalogue as Markdown, a section for each clause.
///
/// # Errors
/// `out` cannot be written.
pub fn write_markdown(out: &mut impl Write, suite: &Suite) -> io::Result<()> {
    writeln!(out, "# The cases\n")?;
    writeln!(
        out,
        "Written by `harness cases --format markdown`. `harness explain ID` shows one with its bytes."
    )?;
    let mut clause = "";
    for case in suite.cases() {
        if case.clause.id != clause {
            clause = case.clause.id;
            let rule = case.clause.rule;
            writeln!(out, "\n## {clause} ({})\n{rule}\n", case.clause.level.word())?;
            writeln!(out, "| id | level | what a server has to do |\n| --- | --- | --- |")?;
        }
        let requirement = case.requirement.replace('|', r"\|");
        writeln!(out, "| {} | {} | {requirement} |", case.id, case.level.word())?;
    }
    Ok(())
}

/// Writes all there is to know of a case.
///
/// # Errors
/// `out` cannot be written.
pub fn explain(out: &mut impl Write, case: &Case) -> io::Result<()> {
    writeln!(out, "{}  {}\n{}\n", case.id, case.level.word(), case.requirement)?;
    writeln!(out, "Why: {} {}\n", case.clause.id, case.clause.rule)?;
    writeln!(out, "What is done ({{a}}, {{b}} stand for names that are the case's own):")?;
    for step in steps(case.steps) {
        writeln!(out, "  {step}")?;
    }
    for (replies, meaning) in case.meanings {
        writeln!(out, "  {replies}: {meaning}")?;
    }
    if !case.usual_cause.is_empty() {
        writeln!(out, "\nThe usual cause of a failure: {}", case.usual_cause)?;
    }
    if let Some(on_request) = case.runs.on_request() {
        writeln!(out, "\nNot run by default: {on_request}.")?;
    }
    Ok(())
}

/// Writes a clause and its cases.
///
/// # Errors
/// `out` cannot be written.
pub fn explain_clause(out: &mut impl Write, clause: &Clause, suite: &Suite) -> io::Result<()> {
    writeln!(out, "{}  {}\n{}\n", clause.id, clause.level.word(), clause.rule)?;
    let mut of_clause = suite.cases().filter(|case| case.clause == *clause);
    of_clause.try_for_each(|case| writeln!(out, "{:<12} {}", case.id, case.requirement))
}

/// Steps in words, one each.
fn steps(steps: &[Step]) -> Vec<String> {
    steps.iter().map(describe).collect()
}

fn describe(step: &Step) -> String {
    match *step {
        Step::Open(slot) => format!("{} connects", client_name(slot)),
        Step::OpenAlternate(slot) => format!("{} connects by way of the relay", client_name(slot)),
        Step::OpenMapped(slot) => {
            format!("{} connects by IPv6 to the mapped IPv4 address", client_name(slot))
        }
        Step::OpenFrom(slot, source) => {
            format!("{} connects from {}", client_name(slot), source_name(source))
        }
        Step::Gather(count, source) => format!("{count} clients connect from {}", source_name(source)),
        Step::Send(slot, bytes) => format!("{} → {}", client_name(slot), printable(bytes)),
        Step::SendTimes(slot, bytes, times) => {
            format!("{} → {}, {times} times at once", client_name(slot), printable(bytes))
        }
        Step::ExpectTimes(slot, allowed, times) => {
            format!("{} ← {}, {times} times", client_name(slot), replies(allowed))
        }
        Step::SendCut(slot, bytes, part_bytes, pause_ms) => {
            let name = client_name(slot);
            format!("{name} → {} in parts of {part_bytes} bytes, {pause_ms} ms apart", printable(bytes))
        }
        Step::Ask(slot, bytes, allowed) => {
            format!("{} → {}  ← {}", client_name(slot), printable(bytes), replies(allowed))
        }
        Step::Expect(slot, allowed) => {
            let all: Vec<String> = allowed.iter().map(|allowed| replies(*allowed)).collect();
            format!("{} ← {}", client_name(slot), all.join(", then "))
        }
        Step::Pause(milliseconds) => format!("{milliseconds} ms pass"),
        Step::PauseForStallLimit => "as much time passes as --stall-limit says".to_owned(),
        Step::EndSending(slot) => format!("{} ends its sending half", client_name(slot)),
        Step::Close(slot) => format!("{} leaves", client_name(slot)),
        Step::Reset(slot) => format!("{} vanishes (a reset)", client_name(slot)),
        Step::Flood(slot, bytes, bytes_max) => {
            let name = client_name(slot);
            format!(
                "{name} → {} over and over, {bytes_max} bytes at the most, and reads nothing",
                printable(bytes)
            )
        }
        Step::AwaitEnd(slot) => {
            format!(
                "{} waits for the end of the connection, for --stall-limit at the most",
                client_name(slot)
            )
        }
        Step::AwaitEndWithin(slot, milliseconds) => {
            format!("{} reads, and waits {milliseconds} ms for the end of the connection", client_name(slot))
        }
        Step::Ends(slot) => format!("{} ← the end of the stream", client_name(slot)),
        Step::EndsSaying(slot, allowed, milliseconds) => format!(
            "{} ← {} and the end of the stream, within {milliseconds} ms",
            client_name(slot),
            replies(allowed)
        ),
        Step::Join(count, bytes, allowed) => {
            format!("{count} clients connect; each → {}  ← {}", printable(bytes), replies(allowed))
        }
        Step::AllAsk(count, times, bytes, allowed) => {
            let bytes = printable(bytes);
            format!("{count} of them at once, {times} times: each → {bytes}  ← {}", replies(allowed))
        }
        Step::AllSend(count, bytes) => format!("{count} of them at once: each → {}", printable(bytes)),
        Step::CloseAll => "all leave".to_owned(),
        Step::Repeat(times, steps) => {
            let steps: Vec<String> = steps.iter().map(describe).collect();
            format!("{times} times: {}", steps.join("; "))
        }
        Step::TakeSlowly(slot, bytes_max, pause_ms, times) => format!(
            "{} reads at most {bytes_max} bytes, {times} times, with {pause_ms} ms between",
            client_name(slot)
        ),
        Step::ResetCrowd(count) => format!("{count} of them vanish (a reset)"),
        Step::Act(act) => match act {
            Act::Stop => "the target's process is stopped".to_owned(),
            Act::Continue => "it goes on".to_owned(),
            Act::Kill => "it is killed".to_owned(),
            Act::LimitDescriptors(most) => format!("it may have {most} descriptors"),
            Act::RestoreDescriptors => "it may have as many as before".to_owned(),
            Act::BeginCondition(way) => format!("the relay makes the way worse (number {way})"),
            Act::EndCondition => "the relay mends the way".to_owned(),
            Act::ChangeSetting(version) => format!("its file of settings becomes version {version}"),
        },
        Step::Sample => "the target's descriptors, threads and memory are looked at".to_owned(),
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Any => "the address of the case",
        Source::Own(_) | Source::Exactly(_) => "an address of its own",
        Source::Each(_) => "addresses of their own",
    }
}

fn replies(allowed: Allowed) -> String {
    let lines: Vec<String> = allowed.lines().iter().map(|line| printable(line)).collect();
    match allowed {
        Allowed::Lines(_) => lines.join(" or "),
        Allowed::LinesOrEnd(_) => format!("{} or the end of the connection", lines.join(" or ")),
        Allowed::Observed => "whatever comes".to_owned(),
    }
}
