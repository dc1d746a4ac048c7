//! The workload: its size, its parameters and its plan.

use std::rc::Rc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use conformance::workload::{Conditions, Pilot, Plan, PlanError, Size, Workload};
use driver::history::Params;
use driver::moves::{Script, Source};
use protocol::Protocol;
use protocol::text::hex;
use protocol::wisdom::Wisdom;
use protocol::wisdom::messages::Request;

use crate::workload::wisdom::judge::{ID, QuotationsJudge};
use crate::workload::wisdom::round::Round;
use crate::workload::wisdom::script::QuotationsScript;

/// The options of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QuotationsOptions {
    /// The seed of every draw.
    pub(super) seed: u64,
    /// The number of clients.
    pub(super) concurrency: u32,
    /// The number of rounds of each client.
    pub(super) rounds: u32,
}

/// A plan of the workload.
#[derive(Clone, Debug)]
pub(super) struct QuotationsPlan {
    pub(super) options: QuotationsOptions,
    /// The rounds of each client.
    pub(super) rounds: Vec<Rc<[Round]>>,
}

impl QuotationsPlan {
    /// Plans the workload.
    #[must_use]
    pub(super) fn new(options: QuotationsOptions) -> Self {
        let rounds = (0..options.concurrency).map(|client| {
            let mut draws = ChaCha8Rng::seed_from_u64(options.seed);
            // One stream per client: an additional client does not change the draws of others.
            draws.set_stream(client.into());
            (0..options.rounds).map(|_| Round::ALL[draws.random_range(0..Round::ALL.len())]).collect()
        });
        Self { options, rounds: rounds.collect() }
    }

    /// Returns the address of a client, for targets where clients can have several addresses.
    fn source(&self, client: u32) -> Source {
        let digest = Sha256::digest(format!("{} {client}", self.options.seed));
        Source::Own(digest.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }
}

impl QuotationsPlan {
    /// Returns the plan as the runner executes it.
    pub(super) fn into_plan(self) -> Plan {
        let script = |(rounds, client): (&Rc<[Round]>, u32)| -> Box<dyn Script> {
            Box::new(QuotationsScript::new(Rc::clone(rounds), self.source(client)))
        };
        let challenges = u64::from(self.options.concurrency) * u64::from(self.options.rounds);
        Plan {
            sha256: self.sha256(),
            phases: &["quotations"],
            framing: |bytes_max| Box::new(Wisdom::framing(bytes_max)),
            label,
            scripts: self.rounds.iter().zip(0..).map(script).collect(),
            judge: Box::new(QuotationsJudge::new(challenges)),
        }
    }

    /// Returns the SHA-256 of the plan in hexadecimal digits.
    pub(super) fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (rounds, client) in self.rounds.iter().zip(0..) {
            let names: Vec<&str> = rounds.iter().map(|round| round.hash_name()).collect();
            hash.update(format!("{:?} [{}]\n", self.source(client), names.join(", ")));
        }
        hex(&hash.finalize())
    }
}

fn label(request: &[u8]) -> &'static str {
    match Request::decode(request) {
        Ok(Request::Challenge) => "CHALLENGE_REQUEST",
        Ok(Request::Solution(_)) => "SOLUTION",
        Err(_) => "other",
    }
}

/// The number of rounds of each client.
const ROUNDS: u32 = 4;

/// The number of rounds where challenges take long to solve, or little time remains.
const ROUNDS_SLOW: u32 = 1;

/// The maximum number of clients that share one address. The target may limit the connections of an address, and raises
/// the difficulty for an address with many requests.
const CLIENTS_OF_ONE_ADDRESS_MAX: u32 = 8;

/// The remaining time from which on clients execute the full number of rounds.
const FULL_SIZE_TIME: Duration = Duration::from_secs(25);

/// Clients that solve challenges and try to get more than one quotation for each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quotations;

impl Workload for Quotations {
    fn id(&self) -> &'static str {
        ID
    }

    fn has_index_operations(&self) -> bool {
        false
    }

    fn requirement(&self, clients: &str) -> String {
        format!("{clients} solve challenges; each solved challenge yields exactly one quotation.")
    }

    fn explanation(&self) -> &'static str {
        "\
Clients with addresses of their own request challenges and solve them. Some send the solution on another connection, some
send it twice, some on four connections at the same time, some send a solution with insufficient work first. A challenge
yields at most one quotation, and exactly one if it is solved in time (W25, W27). Usual cause of a second quotation: the
server checks whether a challenge is spent and marks it as spent in two separate steps."
    }

    fn size(&self, params: &Params, conditions: &Conditions, _: Option<&Pilot>) -> Size {
        let is_full_size = conditions.has_client_addresses && conditions.remaining >= FULL_SIZE_TIME;
        let rounds = if is_full_size { ROUNDS } else { ROUNDS_SLOW };
        let concurrency = params.number("concurrency", 1..=u32::MAX).unwrap_or(1);
        let clients_max = if conditions.has_client_addresses { u32::MAX } else { CLIENTS_OF_ONE_ADDRESS_MAX };
        Size::Run(params.clone().with("rounds", rounds).with("clients", concurrency.min(clients_max)))
    }

    fn plan(&self, params: &Params) -> Result<Plan, PlanError> {
        let seed = params.number("seed", 0..=u64::MAX)?;
        let (concurrency, rounds) =
            (params.number("clients", 1..=10_000)?, params.number("rounds", 1..=10_000)?);
        Ok(QuotationsPlan::new(QuotationsOptions { seed, concurrency, rounds }).into_plan())
    }
}
