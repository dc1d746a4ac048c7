//! `index/replay`: the steps of the challenge's own harness. A package graph is divided among clients; each removes its
//! packages, indexes them, queries them, removes them again and queries them again.

mod draws;
mod judge;
mod next_request;
mod plan;
mod requests;
mod script;
mod steps;
mod walk;
mod workload;

pub(crate) use workload::Replay;
