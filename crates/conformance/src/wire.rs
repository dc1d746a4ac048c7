//! The transcript of one case, truncated where it would be long.

use std::collections::BTreeMap;

use serde::Serialize;

use driver::history::EventKind;
use driver::moves::Slot;
use protocol::text::printable;
use verdict::seconds;

use crate::plan::CLEANUP;

/// The number of entries kept for a case; later ones add length, not insight.
const ENTRIES_MAX: usize = 60;

/// The number of sends that are kept in full, apart from the last one.
const SENT_MAX: usize = 200;

/// The transcript of one case.
#[derive(Clone, Debug, Default)]
pub struct WireLog {
    entries: Vec<WireEntry>,
    omitted: usize,
    slots: BTreeMap<u32, Slot>,
    /// The bytes sent on each slot, in order, for the line that reproduces the case.
    sent: Vec<(Slot, Vec<u8>)>,
}

/// The direction of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The client sent the bytes.
    Sent,
    /// The client received the bytes.
    Received,
    /// No bytes; the entry describes an event.
    None,
}

impl Direction {
    /// Returns an arrow for the direction; empty for an event.
    #[must_use]
    pub const fn arrow(self) -> &'static str {
        match self {
            Self::Sent => "→",
            Self::Received => "←",
            Self::None => "",
        }
    }
}

/// One entry of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WireEntry {
    /// The time in nanoseconds since the run began.
    pub at_ns: u64,
    /// The name of the client within the case.
    pub client: String,
    /// The direction of the bytes.
    pub direction: Direction,
    /// The bytes in printable form, or a description of the event.
    pub content: String,
    /// Whether the first violation of the case occurred here.
    pub is_violation: bool,
}

impl WireLog {
    /// Returns the entries that were kept, in order.
    #[must_use]
    pub fn entries(&self) -> &[WireEntry] {
        &self.entries
    }

    /// Returns the number of entries that were omitted at the end.
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Returns the bytes sent, in order.
    #[must_use]
    pub fn sent(&self) -> &[(Slot, Vec<u8>)] {
        &self.sent
    }

    pub(crate) fn open(&mut self, connection: u32, slot: Slot, at_ns: u64) {
        self.slots.insert(connection, slot);
        self.push(connection, at_ns, Direction::None, "connects".to_owned());
    }

    pub(crate) fn add(&mut self, connection: u32, at_ns: u64, what: &EventKind<'_>) {
        let (direction, text) = match what {
            EventKind::Sent(bytes) => {
                if let Some(&slot) = self.slots.get(&connection).filter(|slot| **slot != CLEANUP) {
                    self.sent.truncate(SENT_MAX);
                    self.sent.push((slot, bytes.to_vec()));
                }
                (Direction::Sent, printable(bytes))
            }
            EventKind::Received(bytes) => (Direction::Received, printable(bytes)),
            EventKind::Flooded { bytes, .. } => {
                (Direction::Sent, format!("{bytes} bytes, repeating the same request"))
            }
            EventKind::Ended => (Direction::None, "the target closes the connection".to_owned()),
            EventKind::Lost(failure) => (Direction::None, failure.message.clone()),
            EventKind::NotOpened(failure) => {
                (Direction::None, format!("cannot connect: {}", failure.message))
            }
            EventKind::TimedOut { waited_ns, .. } => {
                (Direction::None, format!("no reply within {}", seconds(*waited_ns)))
            }
            EventKind::StayedOpen { waited_ns } => {
                (Direction::None, format!("still open after {}", seconds(*waited_ns)))
            }
            EventKind::EndedSending => (Direction::None, "shuts down its sending half".to_owned()),
            EventKind::StoppedReading => (Direction::None, "stops reading".to_owned()),
            EventKind::Closed => (Direction::None, "closes the connection".to_owned()),
            EventKind::Reset => (Direction::None, "resets the connection".to_owned()),
            EventKind::Opened(_)
            | EventKind::Phase(_)
            | EventKind::Marked(_)
            | EventKind::Sampled(_)
            | EventKind::Acted { .. }
            | EventKind::ClientDone
            | EventKind::RunEnded(_) => return,
        };
        self.push(connection, at_ns, direction, text);
    }

    /// Marks the last entry as the place of the violation.
    pub(crate) fn mark(&mut self) {
        if let Some(entry) = self.entries.last_mut() {
            entry.is_violation = true;
        }
    }

    fn push(&mut self, connection: u32, at_ns: u64, direction: Direction, content: String) {
        let Some(&slot) = self.slots.get(&connection).filter(|slot| **slot != CLEANUP) else { return };
        if self.entries.len() == ENTRIES_MAX {
            self.omitted += 1;
            return;
        }
        self.entries.push(WireEntry {
            at_ns,
            client: client_name(slot),
            direction,
            content,
            is_violation: false,
        });
    }
}

/// Returns the name of a client of a case: a letter, or a number for members of a crowd.
#[must_use]
pub fn client_name(slot: Slot) -> String {
    match u8::try_from(slot) {
        Ok(slot @ 0..26) => char::from(b'A' + slot).to_string(),
        _ => format!("#{slot}"),
    }
}
