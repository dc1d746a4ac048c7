//! The lists of known failures and of flaky items, applied to the items of a run.

use report::Item;
use verdict::{Finding, Verdict};

use crate::options::Options;

/// Applies both lists. A listed failure is expected. A known failure that passes is an error, so that the list can only shrink; a
/// flaky item may pass, fail or remain unknown.
pub(super) fn apply_lists(mut item: Item, options: &Options) -> Item {
    if let Some(reason) = options.flaky.reason(item.id) {
        if matches!(item.verdict, Verdict::Fail | Verdict::Warn | Verdict::Unknown) {
            item.verdict = Verdict::Expected;
            item.cause = Some(format!("flaky: {reason}"));
        }
        return item;
    }
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
