//! The limit on open file descriptors: raised for this process, restored for started targets.

use std::sync::OnceLock;

use rustix::process::{Resource, getrlimit, setrlimit};

static ORIGINAL_LIMIT: OnceLock<Option<u64>> = OnceLock::new();

/// Raises the limit on open file descriptors of this process to its maximum.
///
/// Many systems start a process with 1,024, and each client needs one. Started targets receive the original limit.
pub fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    let _ = ORIGINAL_LIMIT.set(limit.current);
    limit.current = limit.maximum;
    // If this fails, a run with too many clients reports what it lacks.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Returns the limit for a target; 0 means unlimited.
pub(crate) fn original_descriptor_limit() -> u64 {
    ORIGINAL_LIMIT.get().copied().unwrap_or_else(|| getrlimit(Resource::Nofile).current).unwrap_or(0)
}
