//! WOW/1, quotations for a proof of work: its row in the protocol registry.

mod bystander;
mod bystander_judge;
mod invariant;

use std::sync::OnceLock;
use std::time::Duration;

use protocol::Protocol;
use protocol::wisdom::Wisdom;
use protocol::wisdom::clauses::W31;
use protocol::wisdom::messages::Response;
use target::settings::{BuiltIn, Settings};

use crate::catalogue::wisdom::TABLES;
use crate::catalogue::wisdom::requests::REQUEST;
use crate::catalogue::wisdom::states::STATES;
use crate::chaos_protocol::ChaosProtocol;
use crate::harm::evidence::Newcomer;
use crate::wisdom::bystander::{ASK_INTERVAL, Bystander};
use crate::wisdom::bystander_judge::WisdomJudge;
use crate::wisdom::invariant::SpentOnce;

/// Quotations for a proof of work.
pub(crate) static WISDOM: ChaosProtocol = ChaosProtocol {
    name: "wisdom",
    dialect: &conformance::dialects::wisdom::DIALECT,
    workload: "wisdom/chaos",
    title: "Faults for WOW/1 servers",
    flag: " --protocol wisdom",
    settings: SETTINGS,
    states: STATES,
    tables: TABLES,
    ask_interval: ASK_INTERVAL,
    bystander: |number, seed| Box::new(Bystander::new(number, seed)),
    bystander_judge: || Box::new(WisdomJudge::default()),
    invariant: || Box::new(SpentOnce::new()),
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

/// A low difficulty, and limits above the crowds that must be served in addition to the bystanders.
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
