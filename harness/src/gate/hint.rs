//! Hints: what many failures have in common.

use protocol::Level;
use report::Item;
use verdict::Verdict;

/// The case that observes a carriage return before the line end.
const CARRIAGE_RETURN: &str = "index/F7/1";

/// Returns what the failures have in common: a target that removes a carriage return before the line end, and that answers
/// `ERROR` wherever a valid request without it must succeed.
pub(super) fn hint(items: &[Item]) -> Option<String> {
    let removes = |item: &Item| {
        item.id == CARRIAGE_RETURN && item.observed.as_ref().is_some_and(|observed| observed.contains("(OK)"))
    };
    let is_refused = |item: &Item| {
        item.verdict == Verdict::Fail
            && item.findings.first().is_some_and(|finding| finding.actual.as_deref() == Some("ERROR\\n"))
    };
    let mut rules = items
        .iter()
        .filter(|item| item.is_case() && item.level == Level::Must && item.clause_id().starts_with('S'))
        .filter(|item| item.verdict != Verdict::NotRun)
        .peekable();
    let expects_crlf = rules.peek().is_some() && rules.all(is_refused) && items.iter().any(removes);
    expects_crlf.then(|| {
        "every request is answered ERROR, except one that ends in \\r\\n: this server seems to expect CRLF line ends; \
         the protocol's lines end in \\n"
            .to_owned()
    })
}
