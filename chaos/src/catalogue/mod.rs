//! The catalogue of faults, a table for each kind.

mod crowds;
mod disconnects;
mod lines;
pub(crate) mod network;
mod process;
mod readers;
mod resources;
mod writers;

use crate::fault::Fault;

/// All faults, in order.
pub fn faults() -> impl Iterator<Item = &'static Fault> {
    const TABLES: [&[Fault]; 8] = [
        lines::FAULTS,
        writers::FAULTS,
        readers::FAULTS,
        disconnects::FAULTS,
        crowds::FAULTS,
        network::FAULTS,
        process::FAULTS,
        resources::FAULTS,
    ];
    TABLES.into_iter().flatten()
}
