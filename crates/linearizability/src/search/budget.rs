//! The budget of a search.

/// The limits of a search.
pub struct Budget<'a> {
    /// The number of nodes of all components: events passed and changes tried. It may be exceeded by some thousands.
    pub nodes_max: u64,
    /// The number of nodes of one component, so that a hopeless one does not consume the whole budget.
    pub component_nodes_max: u64,
    /// The memory in bytes, in addition to that of the history.
    pub memory_bytes_max: usize,
    /// Returns whether the time limit is reached; called every few milliseconds, from all threads.
    pub is_expired: &'a (dyn Fn() -> bool + Sync),
}
