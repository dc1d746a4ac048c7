//! One run of the gate: it judges one target with one seed and one number of clients.
//!
//! Every case and every workload receives a verdict, even if the target is lost during the run.

mod cases;
mod consequences;
mod expectation;
mod hint;
mod reproductions;
mod run;
mod shrinking;
mod skip_reasons;
mod state;
mod survival;
mod workloads;

pub(crate) use state::Gate;
