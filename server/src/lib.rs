//! A package-index server, small enough to be read in an hour.
//!
//! A request goes through four files: [`listener`] accepts its connection, `connection` reads what is there,
//! [`service`] turns lines into replies, and [`service::index`] keeps the packages. Listener and connection know
//! no protocol. `connections` holds deadlines and drain for all of them, and [`command_line`] puts flags, threads
//! and signals around it.

pub mod clock;
pub mod command_line;
mod connection;
mod connections;
pub mod limits;
pub mod listener;
pub mod service;
