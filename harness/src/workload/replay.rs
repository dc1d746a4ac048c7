//! `index/replay` and `index/official`: the steps of the challenge's own harness. A package graph is divided among clients;
//! each removes its packages, indexes them, queries them, removes them again and queries them again.

mod draws;
mod form;
mod judge;
mod next_request;
mod official;
mod plan;
mod requests;
mod script;
mod steps;
mod walk;
mod workload;

pub(crate) use official::Official;
pub(crate) use workload::Replay;
