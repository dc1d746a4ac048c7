//! The fault catalogue of the package index.

mod crowds;
mod dependency;
mod disconnects;
mod lines;
mod network;
mod packets;
mod process;
mod readers;
mod requests;
mod resources;
pub(crate) mod states;
mod writers;

use crate::fault::Fault;

/// All tables, in order.
pub(crate) const TABLES: &[&[Fault]] = &[
    lines::FAULTS,
    writers::FAULTS,
    readers::FAULTS,
    disconnects::FAULTS,
    crowds::FAULTS,
    network::FAULTS,
    packets::FAULTS,
    process::FAULTS,
    resources::FAULTS,
    dependency::FAULTS,
];
