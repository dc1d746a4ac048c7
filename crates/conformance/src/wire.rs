//! What went over the wire in one case, to be shown: cut where it would be long.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::CLEANUP;
use driver::history::EventKind;
use driver::moves::Slot;
use protocol::text::printable;
use verdict::seconds;

/// How many entries are kept of a case; what follows says more of the case's length than of the target.
const ENTRIES_MAX: usize = 60;

/// How many sendings are kept whole, and the last one.
const SENT_MAX: usize = 200;

/// The log of one case.
#[derive(Clone, Debug, Default)]
pub struct WireLog {
    entries: Vec<WireEntry>,
    left_out: usize,
    slots: BTreeMap<u32, Slot>,
    /// Which bytes were sent on which slot, in order, for a line that does it again.
    sent: Vec<(Slot, Vec<u8>)>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WireEntry {
    /// Since the run began.
    pub at_ns: u64,
    /// The client, as the case calls it.
    pub client: String,
    /// The direction, or nothing.
    pub way: &'static str,
    /// The bytes, printable, or what happened.
    pub what: String,
    /// Whether the first thing that is wrong shows here.
    pub is_wrong: bool,
}

impl WireLog {
    /// What is kept, in order.
    #[must_use]
    pub fn entries(&self) -> &[WireEntry] {
        &self.entries
    }

    /// How many entries were left out at the end.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// What was sent, in order.
    #[must_use]
    pub fn sent(&self) -> &[(Slot, Vec<u8>)] {
        &self.sent
    }

    pub(crate) fn open(&mut self, connection: u32, slot: Slot, at_ns: u64) {
        self.slots.insert(connection, slot);
        self.push(connection, at_ns, "", "connects".to_owned());
    }

    pub(crate) fn add(&mut self, connection: u32, at_ns: u64, what: &EventKind<'_>) {
        let (way, text) = match what {
            EventKind::Sent(bytes) => {
                if let Some(&slot) = self.slots.get(&connection).filter(|slot| **slot != CLEANUP) {
                    self.sent.truncate(SENT_MAX);
                    self.sent.push((slot, bytes.to_vec()));
                }
                ("→", printable(bytes))
            }
            EventKind::Received(bytes) => ("←", printable(bytes)),
            EventKind::Flooded { bytes, .. } => ("→", format!("{bytes} bytes, the same over and over")),
            EventKind::Ended => ("", "the target ends the connection".to_owned()),
            EventKind::Lost(failure) => ("", failure.message.clone()),
            EventKind::NotOpened(failure) => ("", format!("cannot connect: {}", failure.message)),
            EventKind::TimedOut { waited_ns, .. } => ("", format!("nothing within {}", seconds(*waited_ns))),
            EventKind::StayedOpen { waited_ns } => ("", format!("still open after {}", seconds(*waited_ns))),
            EventKind::Closed => ("", "closes".to_owned()),
            EventKind::Reset => ("", "vanishes".to_owned()),
            EventKind::Opened(_)
            | EventKind::Phase(_)
            | EventKind::Marked(_)
            | EventKind::Sampled(_)
            | EventKind::Acted { .. }
            | EventKind::ClientDone
            | EventKind::RunEnded(_) => return,
        };
        self.push(connection, at_ns, way, text);
    }

    /// The last entry is where it went wrong.
    pub(crate) fn mark(&mut self) {
        if let Some(entry) = self.entries.last_mut() {
            entry.is_wrong = true;
        }
    }

    fn push(&mut self, connection: u32, at_ns: u64, way: &'static str, what: String) {
        let Some(&slot) = self.slots.get(&connection).filter(|slot| **slot != CLEANUP) else { return };
        if self.entries.len() == ENTRIES_MAX {
            self.left_out += 1;
            return;
        }
        self.entries.push(WireEntry { at_ns, client: client_name(slot), way, what, is_wrong: false });
    }
}

/// The name of a client of a case: a letter, or a number in a crowd.
#[must_use]
pub fn client_name(slot: Slot) -> String {
    match u8::try_from(slot) {
        Ok(slot @ 0..26) => char::from(b'A' + slot).to_string(),
        _ => format!("#{slot}"),
    }
}
