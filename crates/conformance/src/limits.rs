//! Limits that all judges of live runs share.

/// The greatest lateness, in nanoseconds, at which a timeout is still attributed to the target. A timeout that was
/// detected later shows only that this machine was overloaded.
pub const LATE_NS_MAX: u64 = 1_000_000_000;
