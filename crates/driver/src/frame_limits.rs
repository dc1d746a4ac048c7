//! Limits on the length of requests and replies that are read.

/// The longest request that is read from a history, far beyond any that a workload sends.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The longest reply that is read, from a target as from a history: far beyond any that a protocol gives, and little
/// enough that a thousand clients can be told as much.
pub const REPLY_BYTES_MAX: usize = 8192;
