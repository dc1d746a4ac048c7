//! What the index service counts of itself, for whoever wants to know.

use std::sync::atomic::{AtomicU64, Ordering};

use protocol::index::wire::{Command, Reply};

/// How often each command got each reply. What could not be read counts as no command.
#[derive(Debug, Default)]
pub struct Counts {
    by_command_and_reply: [[AtomicU64; 3]; 4],
    /// Lines beyond the limit.
    pub(super) lines_too_long: AtomicU64,
    /// INDEX requests beyond the limit of packages.
    pub(super) packages_too_many: AtomicU64,
    /// INDEX requests beyond the limit of memory.
    pub(super) bytes_too_many: AtomicU64,
}

impl Counts {
    pub(super) fn count(&self, command: Option<Command>, reply: Reply) {
        self.of(command, reply).fetch_add(1, Ordering::Relaxed);
    }

    /// How often `command` got `reply`.
    pub fn requests(&self, command: Option<Command>, reply: Reply) -> u64 {
        self.of(command, reply).load(Ordering::Relaxed)
    }

    /// What was refused for a limit, by the limit's name.
    pub fn refusals(&self) -> [(&'static str, u64); 3] {
        [
            ("line_bytes", &self.lines_too_long),
            ("packages", &self.packages_too_many),
            ("index_bytes", &self.bytes_too_many),
        ]
        .map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }

    fn of(&self, command: Option<Command>, reply: Reply) -> &AtomicU64 {
        &self.by_command_and_reply[command.map_or(3, |command| command as usize)][reply as usize]
    }
}
