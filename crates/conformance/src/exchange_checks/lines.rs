//! Requests and replies as text for findings.

use protocol::index::wire::Reply;
use protocol::text::printable;

/// The replies that a request can have.
pub(super) const ANY_REPLY: [Reply; 3] = [Reply::Ok, Reply::Fail, Reply::Error];

/// Returns a frame as the printable line that it was on the wire.
pub(super) fn line(frame: &[u8]) -> String {
    printable(&[frame, b"\n"].concat())
}

/// Returns replies as printable lines, joined by "or".
#[must_use]
pub fn one_of(replies: &[Reply]) -> String {
    let lines: Vec<String> = replies.iter().map(|reply| printable(reply.line())).collect();
    lines.join(" or ")
}
