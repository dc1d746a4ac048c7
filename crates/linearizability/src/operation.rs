//! Operations: requests with the interval in which each took effect.

use protocol::index::wire::{Command, Reply, Request};

/// A request of one client and its reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The number of the client.
    pub client: u32,
    /// The request line, without its line end.
    pub line: Vec<u8>,
    /// The time before the request was sent, in nanoseconds.
    pub sent_ns: u64,
    /// The reply and the time after it was received, in nanoseconds; `None` if the reply was lost.
    pub replied: Option<(Reply, u64)>,
}

/// Returns whether the protocol specifies how a request is interpreted: all names consist of the characters of R9,
/// the list is unambiguous (R5, R6), and the line does not exceed the length that every server accepts (F6).
#[must_use]
pub fn is_plain(request: &Request<'_>) -> bool {
    const NAME_BYTES_MAX: usize = 100;
    const LINE_BYTES_MAX: usize = 64 * 1024;
    let is_plain = |name: &[u8]| {
        (1..=NAME_BYTES_MAX).contains(&name.len()) && name.iter().all(|&byte| is_ordinary(byte))
    };
    let Request { command, package, list } = request;
    let bytes = command.word().len() + package.len() + list.len() + b"||\n".len();
    let has_plain_list =
        list.is_empty() || (*command == Command::Index && list.split(|&byte| byte == b',').all(is_plain));
    is_plain(package) && has_plain_list && bytes <= LINE_BYTES_MAX
}

/// Returns whether a byte may occur in names that every server accepts (R9).
pub(crate) fn is_ordinary(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@+._-".contains(&byte)
}
