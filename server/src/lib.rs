//! A compact TCP server on smol: a package index, and a library that runs any [`service::Service`].
//!
//! A request passes through four modules. [`listener`] accepts the connection, `connection` reads the available bytes,
//! [`service`] converts them into replies, and [`service::index`] stores the packages. Listener and connection know no
//! protocol. The module `connections` enforces deadlines and drains, `budget` counts the memory of all connections, `rates`
//! limits client addresses, and `linger` closes connections so that clients can read the last reply. This request path
//! does not depend on the modules around it: [`telemetry`] observes it, [`heartbeats`] shows
//! that its threads run, [`admin`] reports over HTTP, and [`command_line`] runs it as a program.
//!
//! - [`service::Service`]: the interface that a protocol implements.
//! - [`listener::serve`]: accepts and serves connections until it is stopped, from [`listener::Parts`].
//! - [`limits::Limits`]: every limit of a connection.
//! - [`command_line::serve`]: the same as a process, with flags, log, signals and admin endpoint.
//!
//! ```
//! use std::net::TcpListener;
//! use std::sync::Arc;
//!
//! use server::clock::MonotonicClock;
//! use server::limits::Limits;
//! use server::listener::{Ending, Parts, serve};
//! use server::service::index::{Capacity, IndexService};
//! use server::telemetry::NoTelemetry;
//! use smol::{Async, Executor};
//!
//! let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
//! let executor = Arc::new(Executor::new());
//! let parts = Parts {
//!     executor: Arc::clone(&executor),
//!     service: Arc::new(IndexService::new(64 * 1024, Capacity::default())),
//!     limits: Limits::default(),
//!     telemetry: Arc::new(NoTelemetry),
//!     clock: MonotonicClock,
//! };
//! // The first item stops the server.
//! let stops = smol::stream::once(());
//! let ending = smol::block_on(executor.run(serve(parts, listener, stops)));
//! assert_eq!(ending, Ending::Drained);
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod admin;
mod budget;
pub mod clock;
pub mod command_line;
mod connection;
mod connections;
pub mod heartbeats;
pub mod index_command;
pub mod lifecycle;
pub mod limits;
mod linger;
pub mod listener;
mod rates;
pub mod service;
pub mod telemetry;
