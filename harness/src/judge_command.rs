//! `harness judge`: judges a recorded history without a target.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use conformance::CaseBatch;
use conformance::rejudge::rejudge;
use conformance::workload::Workload;
use report::rejudged;
use verdict::Verdict;

use crate::error::Error;
use crate::protocols::PROTOCOLS;

/// Judges a history, prints the judgement of each part, and returns the verdict. A read error after the first part is
/// returned beside the verdict of the parts before it.
///
/// # Errors
/// The file cannot be read from its beginning, or is not a history.
pub(crate) fn judge(path: &Path, out: &mut impl Write) -> Result<(Verdict, Option<Error>), Error> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let history_error = |source| Error::History { path: path.to_owned(), source };
    let batches = PROTOCOLS.map(|entry| CaseBatch(entry.suite));
    let batches = batches.iter().map(|batch| -> &dyn Workload { batch });
    let workloads: Vec<&dyn Workload> =
        batches.chain(PROTOCOLS.iter().flat_map(|entry| entry.workloads.iter().copied())).collect();
    let mut is_head_written = false;
    // The reader of standard output may stop reading; the exit code still tells the verdict.
    let (totals, error) = rejudge(file, &workloads, |part| {
        if !is_head_written {
            let _ = rejudged::write_head(out, path);
            is_head_written = true;
        }
        let _ = rejudged::write_part(out, part);
    })
    .map_err(history_error)?;
    if !is_head_written {
        let _ = rejudged::write_head(out, path);
    }
    let verdict = totals.verdict();
    let _ = rejudged::write_verdict(out, &totals, verdict);
    Ok((verdict, error.map(history_error)))
}
