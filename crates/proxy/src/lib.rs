//! A TCP proxy that injects network faults for any service.
//!
//! A [`Proxy`] takes a listener, the address of a service, a seed, and an [`Observer`] that is notified of every fault. Its
//! [`Toxics`] are applied to each direction of a connection. They can be added, changed and removed at any time, also for
//! open connections. [`Proxies`] holds several proxies by name, and [`api`] serves Toxiproxy's HTTP API for them. The
//! command `chaos proxy` runs both; [`parse_toxic`] reads its flags.
//!
//! ```text
//! toxic ──▶ stage ──▶ chain ──▶ connection ──▶ handle ──▶ proxies ──▶ api
//! data      one       all of    sockets        accept     several     HTTP
//!           toxic,    one       and clock      loop       by name
//!           pure      direction
//! ```

pub mod api;
mod chain;
mod connection;
mod draws;
mod handle;
mod injected_fault;
mod parse;
mod proxies;
mod queue;
mod stage;
mod timing;
mod toxic;
mod toxics;

pub use handle::{Proxy, ProxyOptions};
pub use injected_fault::{Effect, InjectedFault, Log, Observer};
pub use parse::parse_toxic;
pub use proxies::{Proxies, ProxiesError, ProxyRequest};
pub use timing::Timing;
pub use toxic::{Kind, Stream, Toxic, ToxicError};
pub use toxics::Toxics;
