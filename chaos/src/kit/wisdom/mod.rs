//! Quotations for a proof of work under faults.

mod bystander;
mod truth;
mod witness;

use std::sync::OnceLock;
use std::time::Duration;

use protocol::Protocol;
use protocol::wisdom::Wisdom;
use protocol::wisdom::clauses::W31;
use protocol::wisdom::messages::Response;
use target::settings::{BuiltIn, Settings};

use super::{Kit, Newcomer};
use crate::catalogue::wisdom::states::STATES;
use crate::catalogue::wisdom::{REQUEST, TABLES};
use bystander::{ASK_INTERVAL, Bystander};
use truth::Once;
use witness::WisdomWitness;

/// Bystanders solve their challenges in passing, so that harder ones would hold up everybody.
const DIFFICULTY_MAX: u8 = 16;

pub(super) static KIT: Kit = Kit {
    name: "wisdom",
    dialect: &conformance::dialects::wisdom::DIALECT,
    workload: "wisdom/chaos",
    title: "The faults of quotations for a proof of work",
    flag: " --protocol wisdom",
    settings: SETTINGS,
    states: STATES,
    tables: TABLES,
    ask_interval: ASK_INTERVAL,
    bystander: |number, seed| Box::new(Bystander::new(number, seed)),
    witness: || Box::new(WisdomWitness::default()),
    truth: || Box::new(Once::new()),
    newcomer: Newcomer {
        request: REQUEST,
        is_served: |reply| matches!(Wisdom::decode_response(reply), Ok(Response::Challenge(_))),
        wanted: "a CHALLENGE",
    },
    deadline: Some(Duration::from_secs(5)),
    kept_waiting: W31,
    harmed: |_| W31,
    scenes: OnceLock::new(),
};

/// Hardly any work, and room for the crowds that are promised it beside the bystanders.
const SETTINGS: Settings = Settings {
    values: &[
        ("difficulty", "6"),
        ("ttl", "60"),
        ("max-connections", "512"),
        ("max-connections-per-address", "32"),
        ("key-grace", "10"),
    ],
    file: Some(("secret-file", &["1 the first secret of a test\n", "2 the second secret of a test\n"])),
    built_in: BuiltIn { server: "wisdom", arguments: &["--difficulty-min=4", "--difficulty-max=12"] },
};
