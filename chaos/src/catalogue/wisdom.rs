//! The fault catalogue of WOW/1, quotations for a proof of work.

mod clients;
mod crowds;
mod dependency;
mod disconnects;
mod frames;
mod network;
mod packets;
mod process;
pub(crate) mod requests;
mod resources;
mod spending;
pub(crate) mod states;

use crate::fault::Fault;

/// All tables, in order.
pub(crate) const TABLES: &[&[Fault]] = &[
    frames::FAULTS,
    clients::FAULTS,
    disconnects::FAULTS,
    crowds::FAULTS,
    spending::FAULTS,
    network::FAULTS,
    packets::FAULTS,
    process::FAULTS,
    resources::FAULTS,
    dependency::FAULTS,
];
