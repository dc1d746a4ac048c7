//! Tests of the proxy, as a client and a service at its two ends observe it.

mod api;
mod carrying;
mod deterministic;
mod support;
mod toxics;
