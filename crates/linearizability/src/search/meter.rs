//! What a search has used of its budget.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Budget, Reason};

/// What all searches have used together.
#[derive(Debug, Default)]
pub(super) struct Used {
    nodes: AtomicU64,
}

impl Used {
    /// How many nodes.
    pub(super) fn nodes(&self) -> u64 {
        self.nodes.load(Ordering::Relaxed)
    }
}

/// What one search has used.
pub(super) struct Meter<'a> {
    budget: &'a Budget<'a>,
    used: &'a Used,
    nodes_max: u64,
    nodes: u64,
    /// What is not counted in `used` yet.
    nodes_pending: u64,
    work_pending: usize,
    /// How much memory this search may take.
    pub(super) bytes_max: usize,
}

impl<'a> Meter<'a> {
    /// Nothing used yet.
    pub(super) fn new(budget: &'a Budget<'a>, used: &'a Used, nodes_max: u64, bytes_max: usize) -> Self {
        Self { budget, used, nodes_max, nodes: 0, nodes_pending: 0, work_pending: 0, bytes_max }
    }

    /// Counts a node, of so much work.
    pub(super) fn spend(&mut self, work: usize) -> Result<(), Reason> {
        self.nodes += 1;
        self.nodes_pending += 1;
        if self.nodes > self.nodes_max {
            return Err(Reason::Nodes);
        }
        self.work(work)
    }

    /// Counts work; the budget is looked at now and then.
    pub(super) fn work(&mut self, work: usize) -> Result<(), Reason> {
        const WORK_PER_LOOK: usize = 20_000;
        self.work_pending += work;
        if self.work_pending < WORK_PER_LOOK {
            return Ok(());
        }
        self.look()
    }

    /// Looks at the budget.
    pub(super) fn look(&mut self) -> Result<(), Reason> {
        self.work_pending = 0;
        let pending = std::mem::take(&mut self.nodes_pending);
        let nodes = self.used.nodes.fetch_add(pending, Ordering::Relaxed) + pending;
        match () {
            () if nodes > self.budget.nodes_max => Err(Reason::Nodes),
            () if (self.budget.is_over)() => Err(Reason::Time),
            () => Ok(()),
        }
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        self.used.nodes.fetch_add(self.nodes_pending, Ordering::Relaxed);
    }
}
