//! Limits on the length of the requests and replies that are read.

/// The longest request that is read from a history, in bytes; far longer than any request that a workload sends.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;

/// The longest reply that is read from a target or a history, in bytes. It is far longer than any valid reply, and
/// small enough that the buffers of a thousand clients fit in memory.
pub const REPLY_BYTES_MAX: usize = 8192;
