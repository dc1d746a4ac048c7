//! `harness replay`: the requests of a file, made again and again, and how often they fail.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use crate::bounds::Bounds;
use crate::drive::Ending;
use crate::error::Error;
use crate::flags::TargetFlags;
use crate::listening::Listening;
use crate::options::choose_target;
use crate::report::{again, terminal};
use crate::shrink::run_literal;
use crate::targets::settings::Settings;
use crate::targets::{self, Target};
use crate::verdict::Verdict;
use crate::workload::literal::{BYTES_MAX, Literal};

/// Makes the requests so many times, prints how often they fail, and brings the worst verdict.
///
/// # Errors
/// The file holds no requests, or there is no target.
pub async fn replay(
    path: &Path,
    times: u32,
    reply_timeout: Duration,
    flags: &TargetFlags,
    out: &mut impl Write,
) -> Result<Verdict, Error> {
    let literal = read(path)?;
    let choice = choose_target(flags)?;
    let mut bounds = Bounds::new()?;
    // Whoever reads the output may stop reading; the verdict is in the exit code all the same.
    let _ = terminal::write_head(out, &choice.describe());
    let target = match Target::start(&choice, Settings::NONE).await {
        Ok(target) => target,
        Err(error @ (targets::Error::Taken(_) | targets::Error::NoDocker)) => return Err(error.into()),
        Err(error) => {
            let verdict = if error.is_shortage() { Verdict::Unknown } else { Verdict::Unreachable };
            let _ = writeln!(out, "\n{} {error}", verdict.word());
            return Ok(verdict);
        }
    };
    let _ = writeln!(
        out,
        "replay   {}: {} requests of {} clients",
        path.display(),
        literal.request_count(),
        literal.clients.len()
    );
    let (mut done, mut fails, mut worst) = (0, 0, Verdict::NotRun);
    while done < times && bounds.came() != Some(Ending::Interrupted) {
        done += 1;
        let listening = Listening::default();
        let outcome = run_literal(&literal, done, &target, reply_timeout, &listening, bounds.reached()).await;
        worst = worst.max(outcome.verdict);
        if outcome.verdict == Verdict::Fail {
            fails += 1;
        }
        if let (Some(finding), true) = (outcome.findings.first(), outcome.verdict == worst && fails <= 1) {
            let _ = writeln!(out, "\n{}: {}", outcome.verdict.word().to_lowercase(), finding.summary);
            let _ = terminal::write_finding(out, finding);
        }
        if outcome.verdict == Verdict::Unreachable {
            break;
        }
    }
    let _ = writeln!(out, "\n{} fails {fails} of {done} times", worst.word());
    if let (Some(line), true) = (again::by_nc(&target.addr().to_string(), &literal), fails > 0) {
        let _ = writeln!(out, "\none connection is enough:\n{line}");
    }
    Ok(worst)
}

fn read(path: &Path) -> Result<Literal, Error> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    // A byte more than is allowed tells a file that is too large from one that is just large enough.
    let file = File::open(path).map_err(unreadable)?.take(BYTES_MAX as u64 + 1);
    { file }.read_to_string(&mut text).map_err(unreadable)?;
    Literal::parse(&text).map_err(|source| Error::Literal { path: path.to_owned(), source })
}
