//! `index/official`: exactly what the challenge's own harness does, under a clause of its own.

use std::time::Duration;

use conformance::workload::{Conditions, Earlier, Pilot, Plan, PlanError, Size, Workload};
use driver::drive::Limits;
use driver::history::Params;
use protocol::index::clauses::C6;
use protocol::{Clause, Level};

use crate::workload::replay::form::Form;
use crate::workload::replay::workload::{graph_flags, load_graph, plan};
use crate::workload::schedule::lockstep_skip_reason;

/// The number of clients that C6 concerns. The protocol promises service to no more (C1).
const CLIENTS_MAX: u32 = 100;

/// The time within which a client must be connected, and the time that the challenge's harness waits for a reply. No flag changes it, because the verdict must be that of the
/// challenge's harness.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of requests that a replay sends for each package, roughly: with a hundred clients most of the passes while
/// indexing and removing are repeated.
const REQUESTS_PER_PACKAGE: u64 = 16;

/// The replay of the challenge's own harness.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Official;

impl Workload for Official {
    fn id(&self) -> &'static str {
        Form::Official.id()
    }

    fn level(&self) -> Level {
        C6.level
    }

    fn clause(&self) -> Option<Clause> {
        Some(C6)
    }

    fn requirement(&self, clients: &str) -> String {
        format!("The challenge's own harness passes with {clients} that connect at once.")
    }

    fn explanation(&self) -> &'static str {
        "\
The same steps as index/replay, exactly as the challenge's own harness executes them: in each step all clients connect at
the same moment, and each reply may take 10 s. A server that fails here and passes index/replay does not accept connections
quickly enough. Usual cause: a listen backlog of 5 (the default of some libraries), or one thread that accepts and serves.
The clause is C6, a SHOULD."
    }

    fn depends_on_pace(&self, params: &Params) -> bool {
        params.get("packages").is_none()
    }

    fn limits(&self, _: Duration) -> Limits {
        Limits {
            connect_timeout: REPLY_TIMEOUT,
            openings_at_once_max: CLIENTS_MAX,
            ..Limits::gentle(REPLY_TIMEOUT)
        }
    }

    fn reproduction_flags(&self, params: &Params) -> String {
        graph_flags(params)
    }

    fn skip_reason(&self, params: &Params, _: &[Earlier]) -> Option<String> {
        let is_beyond = params.number("concurrency", 0..=u32::MAX).is_ok_and(|count| count > CLIENTS_MAX);
        let beyond = || is_beyond.then(|| format!("C6 concerns at most {CLIENTS_MAX} clients"));
        lockstep_skip_reason(params).or_else(beyond)
    }

    fn size(&self, params: &Params, conditions: &Conditions, _: Option<&Pilot>) -> Size {
        if params.get("packages").is_some() {
            return Size::Run(params.clone());
        }
        // An unreadable fixture is reported when the plan is made.
        let packages = load_graph(params).map_or(0, |graph| graph.packages().len());
        let Conditions { pace_per_second, remaining, .. } = *conditions;
        let needed = Duration::from_secs(packages as u64 * REQUESTS_PER_PACKAGE / pace_per_second.max(1));
        if needed > remaining {
            return Size::Skip(format!(
                "the replay of {packages} packages needs about {} s, and {} s remain; --deadline allows more time, and \
                 --packages makes the replay smaller",
                needed.as_secs(),
                remaining.as_secs()
            ));
        }
        Size::Run(params.clone())
    }

    fn plan(&self, params: &Params) -> Result<Plan, PlanError> {
        plan(Form::Official, params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(concurrency: u32) -> Params {
        Params::default().with("concurrency", concurrency)
    }

    fn size(packages: Option<u32>, pace: u64, remaining_s: u64) -> Size {
        let params = packages.map_or(params(100), |packages| params(100).with("packages", packages));
        let conditions = Conditions {
            pace_per_second: pace,
            slowest_pace_per_second: None,
            remaining: Duration::from_secs(remaining_s),
            has_client_addresses: true,
        };
        Official.size(&params, &conditions, None)
    }

    #[test]
    fn a_target_that_is_too_slow_is_told_the_size() {
        assert!(matches!(size(None, 50_000, 40), Size::Run(_)));
        let Size::Skip(cause) = size(None, 1000, 40) else { panic!("it runs") };
        assert!(cause.contains("3403 packages needs about 54 s, and 40 s remain"), "{cause}");
        assert!(matches!(size(Some(100), 1000, 40), Size::Run(_)));
        assert!(matches!(size(None, 0, 40), Size::Skip(_)));
    }

    #[test]
    fn the_clause_promises_nothing_to_more_than_a_hundred_clients() {
        assert_eq!(Official.skip_reason(&params(100), &[]), None);
        assert!(Official.skip_reason(&params(101), &[]).is_some());
    }
}
