//! WOW/1, quotations for a proof of work: its row in the protocol registry.

mod bystander;
mod bystander_judge;
mod invariant;

use std::sync::OnceLock;
use std::time::Duration;

use protocol::Protocol;
use protocol::wisdom::Wisdom;
use protocol::wisdom::clauses::{W02, W31, W32};
use protocol::wisdom::messages::Response;
use target::settings::{BuiltIn, Settings};

use crate::catalogue::wisdom::TABLES;
use crate::catalogue::wisdom::requests::REQUEST;
use crate::catalogue::wisdom::states::STATES;
use crate::chaos_protocol::ChaosProtocol;
use crate::harm::evidence::{HarmClauses, Newcomer};
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
    without_fault: |_| W02,
    half_closed: None,
    idle: None,
    // Clients that are not served because earlier ones still occupy something: W32.
    harm_clauses: |fault, _| HarmClauses {
        other: if fault.clause == W32 { W32 } else { W31 },
        ..HarmClauses::all(W31)
    },
    scenes: OnceLock::new(),
};

/// A low difficulty, and limits above the crowds that must be served in addition to the bystanders. The connections of a
/// crowd may still be closing when the next scene opens its own, so the limit leaves room for two crowds (of 400 and 300
/// clients). The storms of 800 clients exceed it.
const SETTINGS: Settings = Settings {
    values: &[
        ("difficulty", "6"),
        ("ttl", "60"),
        ("max-connections", "760"),
        ("max-connections-per-address", "32"),
        ("key-grace", "10"),
    ],
    file: Some(("secret-file", &["1 the first secret of a test\n", "2 the second secret of a test\n"])),
    built_in: BuiltIn { server: "wisdom", arguments: &["--difficulty-min=4", "--difficulty-max=12"] },
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use conformance::case::Step;

    use super::*;
    use crate::timing::BYSTANDERS;

    /// Returns the size of the largest crowd that these steps connect.
    fn crowd(steps: &[Step]) -> usize {
        let sizes = steps.iter().map(|step| match step {
            Step::ConnectCrowd(count, _) => *count as usize,
            Step::Repeat(_, steps) | Step::RepeatWithin(.., steps) | Step::UntilDecided(steps) => {
                crowd(steps)
            }
            _ => 0,
        });
        sizes.max().unwrap_or(0)
    }

    /// The server may refuse clients above its limit without a reply, which would be harm to bystanders.
    #[test]
    fn two_crowds_that_must_be_served_fit_within_the_limit_and_a_storm_does_not() {
        let (_, limit) = SETTINGS.values.iter().find(|(name, _)| *name == "max-connections").unwrap();
        let limit: usize = limit.parse().unwrap();
        let crowds: BTreeMap<&str, (usize, bool)> = WISDOM
            .scenes()
            .iter()
            .map(|scene| (scene.fault.id, (crowd(scene.fault.steps), scene.fault.is_promised)))
            .collect();
        let mut served: Vec<usize> =
            crowds.values().filter(|(_, is_promised)| *is_promised).map(|(size, _)| *size).collect();
        served.sort_unstable();
        let largest_two: usize = served.iter().rev().take(2).sum();
        assert!(largest_two + BYSTANDERS as usize <= limit, "{crowds:?}");
        for storm in ["crowds/storm", "crowds/silent-storm"] {
            let (size, is_promised) = crowds[storm];
            assert!(size > limit && !is_promised, "{storm}");
        }
    }
}
