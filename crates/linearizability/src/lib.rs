//! Checks whether concurrent operations on a package index are linearizable (clause C2).
//!
//! An [`Operation`] takes effect at one time between its send and its reply; if its reply was lost, at any later time or
//! never. [`interval_check()`] is nearly linear and sound. [`search()`] is complete within a [`search::Budget`] of nodes,
//! time and memory.
//!
//! ```
//! use linearizability::search::{Budget, Conclusion};
//! use linearizability::{Operation, search};
//! use protocol::index::wire::Reply;
//!
//! let operation = |client, line: &str, sent_ns, reply, replied_ns| {
//!     Operation { client, line: line.into(), sent_ns, replied: Some((reply, replied_ns)) }
//! };
//! let operations = [operation(0, "INDEX|a|", 1, Reply::Ok, 2), operation(1, "QUERY|a|", 3, Reply::Fail, 4)];
//! let budget = Budget {
//!     nodes_max: 1_000,
//!     component_nodes_max: 1_000,
//!     memory_bytes_max: 1 << 20,
//!     is_expired: &|| false,
//! };
//! assert!(matches!(search(&operations, &budget).conclusion, Conclusion::Violation(_)));
//! ```

mod interval_check;
mod operation;
mod requests;
pub mod search;
#[cfg(test)]
mod tests;

pub use interval_check::{IntervalViolation, interval_check};
pub use operation::{Operation, is_plain};
pub use search::search;
