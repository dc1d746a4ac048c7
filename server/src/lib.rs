//! A package-index server, small enough to be read in an hour.
//!
//! A request goes through four files: [`listener`] accepts its connection, `connection` reads what is there,
//! [`service`] turns lines into replies, and [`service::index`] keeps the packages. Listener and connection know
//! no protocol, and serve [`service::wisdom`] as well. `connections` holds deadlines and drain for all of them, `rates` how often an address may come and
//! ask, and `farewell` how a client is let go. None of these knows who counts what happens ([`telemetry`]), who asks
//! over HTTP ([`admin`]), or where settings come from ([`command_line`]). [`wisdom_client`] is no part of the server: it is
//! the client of the other protocol that the server speaks.

pub mod admin;
pub mod clock;
pub mod command_line;
mod connection;
mod connections;
mod farewell;
pub mod lifecycle;
pub mod limits;
pub mod listener;
mod rates;
pub mod service;
pub mod telemetry;
pub mod wisdom_client;
