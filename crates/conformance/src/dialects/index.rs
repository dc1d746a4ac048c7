//! The dialect of the package index.

use protocol::index::Index;
use protocol::index::clauses::{A1, A2, A3, A4, C1, C3, C4, F1, F2};
use protocol::index::wire::Request;
use protocol::{Clause, Protocol};

use crate::dialect::{CleanupStep, Dialect, UnsolicitedPolicy, ViolationKind};

/// The dialect of the package index.
pub const DIALECT: Dialect = Dialect {
    framing: |bytes_max| Box::new(Index::framing(bytes_max)),
    delimiter: b"\n",
    read: <[u8]>::to_vec,
    replies: &[b"OK\n", b"FAIL\n", b"ERROR\n"],
    invalid_reply: "a reply other than OK, FAIL and ERROR",
    // F1 permits this line immediately before the close.
    unsolicited: UnsolicitedPolicy::CloseReason(b"ERROR\n"),
    excuse: |_, _| None,
    may_reset: true,
    clause,
    names_in,
    clean_up,
    payload_template: None,
    // A query for a package that is never indexed.
    plain_request: b"QUERY|gauntletpace|\n",
    // Changes can take much longer than queries, as on a server that writes each to a file.
    pace_requests: |client| {
        ["INDEX", "QUERY", "REMOVE"]
            .map(|command| format!("{command}|gauntletpace{client}|\n").into_bytes())
            .to_vec()
    },
    has_index_operations: true,
    has_own_address: false,
};

fn clause(own: Clause, violation: ViolationKind<'_>) -> Clause {
    let is_about = |kinds: &[char]| own.id.starts_with(kinds);
    match violation {
        // The clause of a framing case is violated by replies that are premature or duplicated.
        ViolationKind::Unsolicited { .. } if is_about(&['F']) => own,
        ViolationKind::Unsolicited { has_sent: false, .. } => F1,
        ViolationKind::Unsolicited { is_mid_request: true, is_reply: true, .. } => F2,
        ViolationKind::Unsolicited { is_mid_request: true, .. } => F1,
        ViolationKind::Unsolicited { .. }
        | ViolationKind::InvalidReply
        | ViolationKind::Partial
        | ViolationKind::Closed { is_plain: true, is_first: true, .. }
        | ViolationKind::Timeout { is_plain: true } => A1,
        ViolationKind::Closed { is_plain: true, .. } => A3,
        ViolationKind::Closed { .. } if is_about(&['F', 'C']) => own,
        // A4 protects the connections of other clients, not that of a client that sends a malformed line.
        ViolationKind::Closed { request, .. } if own == A4 && Request::decode(request).is_ok() => own,
        // An invalid line without ERROR, unless the connection was closed because of an earlier ERROR.
        ViolationKind::Closed { request, has_erred: false, .. } if Request::decode(request).is_err() => A2,
        ViolationKind::Closed { .. } => A3,
        ViolationKind::NotOpened if !is_about(&['C']) => C1,
        ViolationKind::ResourceLeak => C4,
        // Only these clauses are about the survival of the server.
        ViolationKind::TargetLost if own != C3 => A4,
        ViolationKind::Timeout { .. }
        | ViolationKind::Reset
        | ViolationKind::NotOpened
        | ViolationKind::TargetLost => own,
    }
}

/// The longest name that can be in an index: longer than any server must accept.
const NAME_BYTES_MAX: usize = 1000;

/// Returns the names in the place of a package, whether or not a server accepts the line.
fn names_in(bytes: &[u8]) -> Vec<Vec<u8>> {
    let package = |line: &[u8]| line.split(|&byte| byte == b'|').nth(1).map(<[u8]>::to_vec);
    bytes
        .split(|&byte| byte == b'\n')
        .filter_map(package)
        .filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX)
        .collect()
}

/// Returns the requests that remove names. Usually none of them is indexed, and a REMOVE of each confirms it.
/// Otherwise each receives an empty list, so that none depends on another, and is then removed.
fn clean_up(names: &[&[u8]]) -> Vec<CleanupStep> {
    if names.is_empty() {
        return Vec::new();
    }
    let ask_all = |command: &'static [u8]| {
        names.iter().map(move |name| CleanupStep::Ask([command, name, b"|\n"].concat()))
    };
    let skip = CleanupStep::SkipIfAll(b"OK", 2 * names.len());
    ask_all(b"REMOVE|").chain([skip]).chain(ask_all(b"INDEX|")).chain(ask_all(b"REMOVE|")).collect()
}
