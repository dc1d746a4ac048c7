//! `harness replay`: sends the requests of a file repeatedly and counts the failures.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use conformance::request_script::{BYTES_MAX, RequestScript};
use conformance::workload::{Found, Judgement};
use driver::history::Ending;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use report::{reproduction, terminal};
use target::{Target, TargetFlags, choose_target};
use verdict::Verdict;

use crate::error::Error;
use crate::protocols::INDEX;
use crate::shrink::run_requests;

/// Sends the requests `times` times, prints the number of failures, and returns the worst verdict.
///
/// # Errors
/// The file contains no valid requests, or the target cannot be started.
pub(crate) async fn replay(
    path: &Path,
    times: u32,
    reply_timeout: Duration,
    flags: &TargetFlags,
    out: &mut impl Write,
) -> Result<Verdict, Error> {
    let requests = read(path)?;
    let choice = choose_target(flags)?;
    let mut limits = RunLimits::new()?;
    // The reader of standard output may stop reading; the exit code still tells the verdict.
    let _ = terminal::write_head(out, &choice.describe());
    let target = match Target::start(&choice, INDEX.settings).await {
        Ok(target) => target,
        Err(error @ (target::Error::Taken(_) | target::Error::NoDocker)) => return Err(error.into()),
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
        requests.request_count(),
        requests.clients.len()
    );
    let (mut done, mut fails, mut worst) = (0, 0, Verdict::NotRun);
    while done < times && limits.reached_limit() != Some(Ending::Interrupted) {
        done += 1;
        let recorder = Recorder::default();
        let outcome = run_requests(&requests, done, &target, reply_timeout, &recorder, &mut limits).await;
        let Judgement { verdict, found, .. } = outcome.judgement;
        worst = worst.max(verdict);
        if verdict == Verdict::Fail {
            fails += 1;
        }
        if let (Some(Found { finding, .. }), true) = (found.first(), verdict == worst && fails <= 1) {
            let _ = writeln!(out, "\n{}: {}", verdict.word().to_lowercase(), finding.summary);
            let _ = terminal::write_finding(out, finding);
        }
        if verdict == Verdict::Unreachable {
            break;
        }
    }
    let _ = writeln!(out, "\n{} fails {fails} of {done} times", worst.word());
    let addr = target.addr().to_string();
    target.stop(&limits).await;
    if let (Some(line), true) = (reproduction::nc_command(&addr, &requests), fails > 0) {
        let _ = writeln!(out, "\nreproduce with one connection:\n{line}");
    }
    Ok(worst)
}

fn read(path: &Path) -> Result<RequestScript, Error> {
    let unreadable = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    // One byte more than the limit distinguishes a file that is too large from a file of the maximum size.
    let file = File::open(path).map_err(unreadable)?.take(BYTES_MAX as u64 + 1);
    { file }.read_to_string(&mut text).map_err(unreadable)?;
    RequestScript::parse(&text).map_err(|source| Error::RequestScript { path: path.to_owned(), source })
}
