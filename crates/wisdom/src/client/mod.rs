//! The client of WOW/1: requests a challenge, solves it on all cores, and returns the quotation.
//!
//! It uses blocking sockets and threads, because solving occupies a core and needs no runtime.

mod connection;
mod failure;
mod purchase;
pub mod solver;

pub use failure::Failure;
pub(crate) use failure::Printable;
pub use purchase::{ATTEMPTS_MAX, Client, GaveUp, Purchased};
