//! `wisdom/quotations`: clients ask for challenges, solve them, and try to get more for it than is due to them.
//!
//! Each client has an address of its own and a number of rounds. In a round it gets a challenge and brings the solution, on
//! the same connection or on another, once or once more, or on several connections at the same time. What a round does
//! follows from the seed; what is sent also from the challenges that come.

mod judge;
mod round;
mod script;
#[cfg(test)]
mod tests;
mod workload;

pub use workload::Quotations;
