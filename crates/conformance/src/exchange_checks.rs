//! Checks that apply to every exchange with a package-index server, whatever a workload sends.
//!
//! Each request receives exactly one of the three replies, the server sends no other bytes, and it refuses no client that
//! the protocol promises to serve. [`ExchangeChecks`] observes a run and passes valid replies on to the workload's judge.

mod checks;
mod findings;
mod lines;
#[cfg(test)]
mod tests;

pub use checks::ExchangeChecks;
pub use lines::one_of;
