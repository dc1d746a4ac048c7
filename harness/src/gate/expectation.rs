//! The list of known failures, applied to the items of a run.

use report::Item;
use verdict::{Finding, Verdict};

use crate::options::Options;

/// Applies the list of known failures. A listed failure is expected. A listed item that passes is an error, so that the list
/// can only shrink.
pub(super) fn apply_known_failures(mut item: Item, options: &Options) -> Item {
    let Some(reason) = options.known_failures.reason(item.id) else { return item };
    match item.verdict {
        Verdict::Fail | Verdict::Warn => {
            item.verdict = Verdict::Expected;
            item.cause = Some(reason.to_owned());
        }
        Verdict::Pass => {
            item.verdict = Verdict::Fail;
            let summary = "it is listed as a known failure and passes: remove it from the list";
            item.findings.push(Finding::new(Verdict::Fail, summary));
        }
        _ => {}
    }
    item
}
