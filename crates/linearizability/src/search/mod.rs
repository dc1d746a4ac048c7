//! The complete check: searches for a linearization of the operations of many clients (C2).
//!
//! The algorithm is just-in-time linearization: the set of all possible configurations is advanced through the events of
//! the history, and an operation takes effect only when a returning operation depends on it (Lowe, "Testing for
//! linearizability", 2017; after Wing and Gong, "Testing and verifying concurrent objects", 1993). Packages that cannot
//! influence each other are searched separately (Horn and Kroening, "Faster linearizability checking via
//! P-compositionality", 2015).
//!
//! The search assumes that the index contains none of the packages at the beginning, and that no other clients change
//! them. A lost change may have taken effect at any time after its send, or never. A send at the time of a reply may have
//! preceded it. Requests whose interpretation the protocol does not specify are not judged, nor is what depends on them.

mod budget;
mod component;
mod describe;
mod explain;
mod meter;
mod partition;
mod pending;
mod result;
mod run;
mod shared;
mod states;
mod walk;

pub use budget::Budget;
pub use result::{Conclusion, Inconclusive, Reason, SearchResult, Statistics, Violation};
pub use run::search;
