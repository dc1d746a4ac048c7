//! Limits that all judges of live runs share.

/// The greatest lateness, in nanoseconds, at which a time-out still says something about the target. A time-out that
/// the harness noticed later than this describes the harness only.
pub const LATE_NS_MAX: u64 = 1_000_000_000;
