//! A TCP proxy that makes a network worse on purpose, for any service.
//!
//! A [`Proxy`] takes a listener, the address of a service, a seed, and an [`Observer`] who hears of every fault. Its
//! [`Toxics`] say what is done to each direction; they can be added, changed and removed at any time, and connections
//! that are open follow. [`Proxies`] keeps several under names, and [`api`] lets Toxiproxy's clients at them;
//! [`command`] is all of it for a terminal.
//!
//! ```text
//! toxic ──▶ stage ──▶ chain ──▶ connection ──▶ handle ──▶ proxies ──▶ api, command
//! as data   at work   one       sockets        accepts    many,       HTTP,
//!           pure      direction and clock      clients    by name     terminal
//! ```

pub mod api;
mod chain;
pub mod command;
mod connection;
mod draws;
mod fault;
mod handle;
mod proxies;
mod queue;
mod stage;
mod toxic;
mod toxics;
mod written;

pub use fault::{Effect, Fault, Log, Observer};
pub use handle::{Options, Proxy};
pub use proxies::{PROXIES_MAX, Proxies, ProxiesError, Wanted};
pub use toxic::{Attributes, Kind, Stream, Toxic, ToxicError};
pub use toxics::{TOXICS_MAX, Toxics};
pub use written::parse_toxic;
