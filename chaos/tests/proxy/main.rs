//! The proxy from outside: what a client and a service at its two ends observe.

mod carrying;
mod deterministic;
mod support;
mod toxics;
