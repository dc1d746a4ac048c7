//! A TCP proxy that makes a network worse on purpose, for any service.
//!
//! A [`Proxy`] takes a listener, the address of a service, a seed, and an [`Observer`] who hears of every fault. Its
//! [`Toxics`] say what is done to each direction; they can be added, changed and removed at any time, and connections
//! that are open follow.
//!
//! ```text
//! toxic ──▶ stage ──▶ chain ──▶ connection ──▶ handle
//! as data   at work   one       sockets        accepts clients,
//!           pure      direction and clock      has the toxics
//! ```

mod chain;
mod connection;
mod draws;
mod fault;
mod handle;
mod queue;
mod stage;
mod toxic;
mod toxics;

pub use fault::{Effect, Fault, Log, Observer};
pub use handle::{Options, Proxy};
pub use toxic::{Attributes, Kind, Stream, Toxic, ToxicError};
pub use toxics::{TOXICS_MAX, Toxics};
