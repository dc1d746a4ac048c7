//! Checks whether concurrent operations on a package index are linearizable (clause C2).
//!
//! An [`Operation`] took effect at one moment between its sending and its reply; if its reply was lost, at any later
//! moment or never. [`bounds()`] is the interval check: near linear, and sound. [`search()`] is complete within a
//! budget of nodes, time and memory.

mod bounds;
mod operation;
mod requests;
pub mod search;
#[cfg(test)]
mod tests;

pub use bounds::{Violation, bounds};
pub use operation::{Operation, is_plain};
pub use search::search;
