//! The proxy from outside: what a client and a service at its two ends observe.

mod api;
mod carrying;
mod clients;
mod command_line;
mod deterministic;
mod support;
mod toxics;
