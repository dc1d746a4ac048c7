//! A TCP proxy that injects network faults for any service.
//!
//! A [`Proxy`] takes a listener, the address of a service, a seed, and an [`Observer`] that is notified of every fault. Its
//! [`Toxics`] are applied to each direction of a connection. They can be added, changed and removed at any time, also for
//! open connections. [`Proxies`] holds several proxies by name, and [`api`] serves Toxiproxy's HTTP API for them. The
//! command `chaos proxy` runs both.
//!
//! ```text
//! toxic ──▶ stage ──▶ chain ──▶ connection ──▶ handle ──▶ proxies ──▶ api, command
//! data      one       all of    sockets        accept     several     HTTP,
//!           toxic,    one       and clock      loop       by name     terminal
//!           pure      direction
//! ```

pub mod api;
mod chain;
pub(crate) mod command;
mod connection;
mod draws;
mod handle;
mod injected_fault;
mod parse;
mod proxies;
mod queue;
mod stage;
mod toxic;
mod toxics;

pub use handle::{Proxy, ProxyOptions};
pub use injected_fault::{Effect, InjectedFault, Log, Observer};
pub use proxies::Proxies;
pub use toxic::{Kind, Stream, Toxic, ToxicError};
pub use toxics::Toxics;
