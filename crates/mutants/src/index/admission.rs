//! Admission of clients: the correct server accepts each client at once; some defects delay or reject clients.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::catalogue::{Defect, Defects};
use crate::lifecycle::{ClientNumber, Lifecycle};

#[derive(Debug)]
pub(super) struct Admission {
    defects: Defects,
    /// The client whose first line must arrive before the next client is accepted.
    awaited: Mutex<Option<ClientNumber>>,
    /// The number of connections that were reset.
    lost_count: AtomicUsize,
}

impl Admission {
    pub(super) fn new(defects: Defects) -> Self {
        Self { defects, awaited: Mutex::default(), lost_count: AtomicUsize::new(0) }
    }

    /// Waits until the next client may be accepted.
    pub(super) fn wait_for_room(&self, lifecycle: &Lifecycle) {
        match self.defects.get() {
            Some(Defect::OneClientAtATime) => lifecycle.wait_until(|open_count| open_count == 0),
            Some(Defect::FiftyClients) => lifecycle.wait_until(|open_count| open_count < 50),
            Some(Defect::ReadsFirstLineBeforeNextAccept) => lifecycle.wait_until(|_| self.lock().is_none()),
            _ => {}
        }
    }

    /// Returns whether an accepted connection must be closed at once.
    pub(super) fn is_full(&self, lifecycle: &Lifecycle) -> bool {
        match self.defects.get() {
            Some(Defect::SixtyClientsOthersRefused) => lifecycle.open_count() >= 60,
            Some(Defect::LostClientsStayCounted) => self.lost_count.load(Ordering::Relaxed) >= 500,
            _ => false,
        }
    }

    /// Records that a client was admitted.
    pub(super) fn note_client(&self, number: ClientNumber) {
        if self.defects.has(Defect::ReadsFirstLineBeforeNextAccept) {
            *self.lock() = Some(number);
        }
    }

    /// Records that a connection was reset.
    pub(super) fn note_lost(&self) {
        self.lost_count.fetch_add(1, Ordering::Relaxed);
    }

    /// Records that a client has sent a line or has left.
    pub(super) fn stop_awaiting(&self, number: ClientNumber, lifecycle: &Lifecycle) {
        let was_awaited = self.lock().take_if(|awaited| *awaited == number).is_some();
        if was_awaited {
            lifecycle.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<ClientNumber>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
