//! Operations: requests with the interval in which each took effect.

use protocol::index::wire::{Command, Reply, Request};

/// A request of one client, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which client.
    pub client: u32,
    /// The line, without its end.
    pub line: Vec<u8>,
    /// Taken before it was sent.
    pub sent_ns: u64,
    /// The reply, and when it had come; nothing if it was lost.
    pub replied: Option<(Reply, u64)>,
}

/// Whether the protocol says how a request is to be taken: all names are such as R9 has them, the list is one that can be
/// read in one way only (R5, R6), and the line is not too long for anybody (F6).
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

/// Whether names that have to be taken may have this byte (R9).
pub(crate) fn is_ordinary(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@+._-".contains(&byte)
}
