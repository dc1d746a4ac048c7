//! The state that the threads of a search share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::operation::Operation;
use crate::requests::Requests;
use crate::search::budget::Budget;
use crate::search::component::{Component, Event};
use crate::search::meter::{Meter, Used};
use crate::search::partition::Parts;
use crate::search::result::Reason;
use crate::search::walk::{Stop, Walk};

/// The search of all components.
pub(super) struct Search<'a> {
    pub(super) operations: &'a [Operation],
    pub(super) requests: &'a Requests<'a>,
    pub(super) parts: &'a Parts,
    pub(super) budget: &'a Budget<'a>,
    pub(super) used: Used,
    /// The memory that one component may use, in bytes.
    pub(super) bytes_max: usize,
    /// The component to be searched next.
    pub(super) next: AtomicUsize,
    /// The time of the earliest violation found so far.
    pub(super) violated_ns: AtomicU64,
}

impl Search<'_> {
    /// Searches a component. Returns the event after which no linearization exists, if there is one.
    pub(super) fn walk(
        &self,
        component: &Component<'_>,
        walk: &mut Walk,
        meter: &mut Meter<'_>,
    ) -> Result<Option<u32>, Reason> {
        for (event, Event { at_ns, .. }) in (0..).zip(&component.events) {
            if *at_ns > self.violated_ns.load(Ordering::Relaxed) {
                break;
            }
            match walk.advance(component, event, meter) {
                Ok(()) => {}
                Err(Stop::NoLinearization) => return Ok(Some(event)),
                Err(Stop::Unknown(reason)) => return Err(reason),
            }
        }
        Ok(None)
    }
}
