//! Counters of the index service.

use protocol::index::wire::{Command, Reply};

/// The number of requests by command and reply. Unreadable requests have no command.
///
/// The counters are plain numbers under the lock of the index. With many lines per read, atomic counters would cost a
/// tenth of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    by_command_and_reply: [[u64; 3]; 4],
    /// Lines longer than the limit.
    pub(super) lines_too_long: u64,
    /// INDEX requests that exceeded the limit of packages.
    pub(super) packages_too_many: u64,
    /// INDEX requests that exceeded the limit of memory.
    pub(super) bytes_too_many: u64,
}

impl Counts {
    pub(super) fn count(&mut self, command: Option<Command>, reply: Reply) {
        self.by_command_and_reply[command.map_or(3, |command| command as usize)][reply as usize] += 1;
    }

    /// The number of requests with this command that were answered with this reply.
    #[must_use]
    pub fn requests(&self, command: Option<Command>, reply: Reply) -> u64 {
        self.by_command_and_reply[command.map_or(3, |command| command as usize)][reply as usize]
    }

    /// The number of requests answered `ERROR` because of a limit, with the name of the limit.
    #[must_use]
    pub fn refusals(&self) -> [(&'static str, u64); 3] {
        [
            ("line_bytes", self.lines_too_long),
            ("packages", self.packages_too_many),
            ("index_bytes", self.bytes_too_many),
        ]
    }
}
