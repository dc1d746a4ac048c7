//! State of races. It is protected by the lock of the index.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::names::Name;
use super::replies::Reply;

/// State that only servers with a race need.
#[derive(Debug, Default)]
pub(super) struct RaceState {
    /// Cached results of QUERY; a change of the package removes its entry.
    pub(super) cache: BTreeMap<Name, bool>,
    /// Queries in progress, each with its result.
    pub(super) queries: BTreeMap<Name, Arc<OnceLock<bool>>>,
    /// The indexed packages as QUERY sees them.
    pub(super) published: BTreeSet<Name>,
    /// The number of completed changes, and of changes in progress.
    pub(super) change_count: u64,
    pub(super) changes_under_way: u32,
    /// The number of changes of each package.
    pub(super) versions: BTreeMap<Name, u64>,
    /// The number of dependents of each package.
    pub(super) dependents: BTreeMap<Name, u64>,
    /// Packages that were acknowledged but not yet indexed.
    pub(super) queue: Vec<Name>,
    /// The latest reply.
    pub(super) slot: Option<Reply>,
}
