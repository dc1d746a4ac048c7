//! What the index service counts of itself, for whoever wants to know.

use protocol::index::wire::{Command, Reply};

/// How often each command got each reply. What could not be read counts as no command.
///
/// Plain numbers, kept under the lock of the index: at many lines a read, atomic ones cost a tenth of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    by_command_and_reply: [[u64; 3]; 4],
    /// Lines beyond the limit.
    pub(super) lines_too_long: u64,
    /// INDEX requests beyond the limit of packages.
    pub(super) packages_too_many: u64,
    /// INDEX requests beyond the limit of memory.
    pub(super) bytes_too_many: u64,
}

impl Counts {
    pub(super) fn count(&mut self, command: Option<Command>, reply: Reply) {
        self.by_command_and_reply[command.map_or(3, |command| command as usize)][reply as usize] += 1;
    }

    /// How often `command` got `reply`.
    #[must_use]
    pub fn requests(&self, command: Option<Command>, reply: Reply) -> u64 {
        self.by_command_and_reply[command.map_or(3, |command| command as usize)][reply as usize]
    }

    /// What was refused for a limit, by the limit's name.
    #[must_use]
    pub fn refusals(&self) -> [(&'static str, u64); 3] {
        [
            ("line_bytes", self.lines_too_long),
            ("packages", self.packages_too_many),
            ("index_bytes", self.bytes_too_many),
        ]
    }
}
