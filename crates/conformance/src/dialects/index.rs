//! The wire of the package index, as its cases have to know it.

use protocol::index::Index;
use protocol::index::clauses::{A1, A2, A3, A4, C1, C4, F1};
use protocol::index::wire::Request;
use protocol::{Clause, Protocol};

use crate::dialect::Broken;
use crate::dialect::CleanupStep;
use crate::dialect::Dialect;
use crate::dialect::Unasked;

/// The wire of the package index.
pub const DIALECT: Dialect = Dialect {
    framing: |bytes_max| Box::new(Index::framing(bytes_max)),
    delimiter: b"\n",
    read: <[u8]>::to_vec,
    replies: &[b"OK\n", b"FAIL\n", b"ERROR\n"],
    no_reply: "a reply that is none of the three",
    // F1 allows it just before the end.
    unasked: Unasked::LastWord(b"ERROR\n"),
    excuse: |_, _| None,
    may_reset: true,
    clause,
    names_in,
    clean_up,
    payload_template: None,
    has_own_address: false,
};

fn clause(own: Clause, broken: Broken<'_>) -> Clause {
    let is_about = |kinds: &[char]| own.id.starts_with(kinds);
    match broken {
        // What a framing case is about shows in what comes too early, or too often.
        Broken::Unsolicited { .. } if is_about(&['F']) => own,
        Broken::Unsolicited { has_sent: false } => F1,
        Broken::Unsolicited { .. }
        | Broken::NoReply
        | Broken::Partial
        | Broken::Ended { is_plain: true, is_first: true, .. }
        | Broken::Silent { is_plain: true } => A1,
        Broken::Ended { is_plain: true, .. } => A3,
        Broken::Ended { .. } if is_about(&['F', 'C']) || own == A4 => own,
        // A broken line that gets no ERROR, and not the end after an ERROR before it.
        Broken::Ended { request, has_erred: false, .. } if Request::decode(request).is_err() => A2,
        Broken::Ended { .. } => A3,
        Broken::NotOpened if !is_about(&['C']) => C1,
        Broken::Kept => C4,
        Broken::Lost if !is_about(&['C', 'F']) => A4,
        Broken::Silent { .. } | Broken::Reset | Broken::NotOpened | Broken::Lost => own,
    }
}

/// A name that is longer than any server needs to take is in no index.
const NAME_BYTES_MAX: usize = 1000;

/// The names that stand in the place of a package, whether a server should take the line or not.
fn names_in(bytes: &[u8]) -> Vec<Vec<u8>> {
    let package = |line: &[u8]| line.split(|&byte| byte == b'|').nth(1).map(<[u8]>::to_vec);
    bytes
        .split(|&byte| byte == b'\n')
        .filter_map(package)
        .filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX)
        .collect()
}

/// The names' way out. Most of the time none is in, and a REMOVE of each says so. Where one is, each gets an empty
/// list, so that none holds another, and then goes.
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
