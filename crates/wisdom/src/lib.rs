//! Quotations for a proof of work (WOW/1): a service on the server library, and its client.
//!
//! A client requests a challenge, finds a counter whose SHA-256 hash begins with enough zero bits, and receives one
//! quotation for it. The messages and the proof are defined by [`protocol::wisdom`].
//!
//! - [`service::WisdomService`]: the [`server::service::Service`] that issues challenges and checks solutions.
//! - [`service::ChallengeSettings`]: difficulty, keys and limits of the challenges.
//! - [`service::quotations`]: prefetched, cached and embedded quotations.
//! - [`client::Client`]: obtains a quotation, with several attempts and on all cores.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::time::{Duration, Instant};
//!
//! use wisdom::client::solver;
//!
//! let token = [7; 64];
//! let deadline = Instant::now() + Duration::from_secs(30);
//! let outcome = solver::solve(&token, 8, NonZeroUsize::MIN, deadline, &|_hashes| ());
//! let counter = outcome.counter.expect("eight zero bits are found within a second");
//! assert!(protocol::wisdom::proof::zero_bits(&token, counter) >= 8);
//! ```

pub mod client;
pub mod command_line;
mod metrics;
pub mod service;
