//! `wisdom/quotations`: clients solve challenges and try to get more than one quotation for each.
//!
//! Each client has its own address and executes a number of rounds. In a round it requests a challenge and sends the
//! solution: on the same connection or on another, once or twice, or on several connections at the same time. The seed
//! determines the kind of each round; the bytes sent also depend on the challenges received.

mod judge;
mod round;
mod script;
#[cfg(test)]
mod tests;
mod workload;

pub(crate) use workload::Quotations;
