//! The consumption of the search budget.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::search::budget::Budget;
use crate::search::result::Reason;

/// The consumption of all threads.
#[derive(Debug, Default)]
pub(super) struct Used {
    nodes: AtomicU64,
}

impl Used {
    /// Returns the number of nodes.
    pub(super) fn nodes(&self) -> u64 {
        self.nodes.load(Ordering::Relaxed)
    }
}

/// The consumption of the search of one component.
pub(super) struct Meter<'a> {
    budget: &'a Budget<'a>,
    used: &'a Used,
    nodes_max: u64,
    nodes: u64,
    /// The nodes that are not yet added to `used`.
    nodes_pending: u64,
    work_pending: usize,
    /// The memory that this search may use, in bytes.
    pub(super) bytes_max: usize,
}

impl<'a> Meter<'a> {
    /// Returns a meter that has consumed nothing.
    pub(super) fn new(budget: &'a Budget<'a>, used: &'a Used, nodes_max: u64, bytes_max: usize) -> Self {
        Self { budget, used, nodes_max, nodes: 0, nodes_pending: 0, work_pending: 0, bytes_max }
    }

    /// Counts one node with its cost.
    pub(super) fn spend(&mut self, work: usize) -> Result<(), Reason> {
        self.nodes += 1;
        self.nodes_pending += 1;
        if self.nodes > self.nodes_max {
            return Err(Reason::Nodes);
        }
        self.work(work)
    }

    /// Counts cost; checks the budget at intervals.
    pub(super) fn work(&mut self, work: usize) -> Result<(), Reason> {
        const WORK_PER_CHECK: usize = 20_000;
        self.work_pending += work;
        if self.work_pending < WORK_PER_CHECK {
            return Ok(());
        }
        self.check()
    }

    /// Checks the budget.
    pub(super) fn check(&mut self) -> Result<(), Reason> {
        self.work_pending = 0;
        let pending = std::mem::take(&mut self.nodes_pending);
        let nodes = self.used.nodes.fetch_add(pending, Ordering::Relaxed) + pending;
        match () {
            () if nodes > self.budget.nodes_max => Err(Reason::Nodes),
            () if (self.budget.is_expired)() => Err(Reason::Time),
            () => Ok(()),
        }
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        self.used.nodes.fetch_add(self.nodes_pending, Ordering::Relaxed);
    }
}
