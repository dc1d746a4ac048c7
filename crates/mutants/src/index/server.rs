//! The state that all connections share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use super::admission::Admission;
use super::catalogue::{Defect, Defects};
use super::faults::Faults;
use super::leaks::Leaks;
use super::sharing::SharedIndex;
use crate::control::witness::Witness;
use crate::control::{Start, Units};
use crate::lifecycle::{ClientNumber, Lifecycle};
use crate::mutant::Mutant;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) defects: Defects,
    pub(super) lifecycle: Arc<Lifecycle>,
    pub(super) index: SharedIndex,
    pub(super) reply_count: AtomicU64,
    // The correct server does not use the remaining fields.
    pub(super) admission: Admission,
    pub(super) leaks: Leaks,
    pub(super) faults: Faults,
    pub(super) witness: Witness,
    /// Held by a connection that blocks all others.
    pub(super) gate: Mutex<()>,
    /// The incomplete line that all connections share.
    pub(super) shared_partial_line: Mutex<Vec<u8>>,
    /// Whether a simulated panic has poisoned the lock of the index.
    pub(super) is_poisoned: AtomicBool,
}

impl Server {
    pub(super) fn new(mutant: Option<&Mutant<Defect>>, control: Option<Start>, addr: SocketAddr) -> Self {
        let defects = Defects::of(mutant);
        Self {
            defects,
            lifecycle: Arc::new(Lifecycle::new(addr)),
            index: SharedIndex::new(defects),
            reply_count: AtomicU64::new(0),
            admission: Admission::new(defects),
            leaks: Leaks::new(defects),
            faults: Faults::new(defects),
            witness: Witness::new(control, Units::Lines),
            gate: Mutex::new(()),
            shared_partial_line: Mutex::default(),
            is_poisoned: AtomicBool::new(false),
        }
    }

    pub(super) fn dismiss(&self, number: ClientNumber) {
        self.admission.stop_awaiting(number, &self.lifecycle);
        self.lifecycle.deregister(number);
    }
}
