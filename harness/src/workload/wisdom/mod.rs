//! `wisdom/quotations`: clients ask for challenges, solve them, and try to get more for it than is due to them.
//!
//! Each client has an address of its own and a number of rounds. In a round it gets a challenge and brings the solution, on
//! the same connection or on another, once or once more, or on several connections at the same time. What a round does
//! follows from the seed; what is sent also from the challenges that come.

mod judge;
mod script;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use protocol::wisdom::Wisdom;
use protocol::wisdom::messages::Request;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::moves::Source;
use crate::verdict::hex;
use crate::workload::Workload;
pub use judge::QuotationsJudge;
pub use script::QuotationsScript;

/// How many connections bring the same solution at the same time.
const TWINS: u16 = 4;

/// What is asked for when the workload is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Decides every draw.
    pub seed: u64,
    /// How many clients there are.
    pub concurrency: u32,
    /// How many challenges each of them gets.
    pub rounds: u32,
}

/// The plan.
#[derive(Clone, Debug)]
pub struct Quotations {
    options: Options,
    /// The rounds of each client.
    rounds: Vec<Rc<[Round]>>,
}

/// What a client does with a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Brings the solution where it got the challenge.
    Plain,
    /// Brings it on another connection.
    Elsewhere,
    /// Brings it once more when it has its quotation.
    Again,
    /// Brings it on several connections at the same time.
    AtOnce,
    /// Brings too little work first.
    TooLittle,
}

impl Round {
    const ALL: [Self; 5] = [Self::Plain, Self::Elsewhere, Self::Again, Self::AtOnce, Self::TooLittle];
}

impl Quotations {
    /// Plans the workload.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let rounds = (0..options.concurrency).map(|client| {
            let mut draws = ChaCha8Rng::seed_from_u64(options.seed);
            // A stream for each client: one more disturbs no other.
            draws.set_stream(client.into());
            (0..options.rounds).map(|_| Round::ALL[draws.random_range(0..Round::ALL.len())]).collect()
        });
        Self { options, rounds: rounds.collect() }
    }

    /// The address of a client, where clients can have several.
    fn source(&self, client: u32) -> Source {
        let digest = Sha256::digest(format!("{} {client}", self.options.seed));
        Source::Own(digest.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }
}

impl Workload for Quotations {
    type Protocol = Wisdom;
    type Script = QuotationsScript;
    type Judge = QuotationsJudge;

    const ID: &'static str = "wisdom/quotations";
    const PHASES: &'static [&'static str] = &["quotations"];

    fn scripts(&self) -> Vec<QuotationsScript> {
        let script = |(rounds, client): (&Rc<[Round]>, u32)| {
            QuotationsScript::new(Rc::clone(rounds), self.source(client))
        };
        self.rounds.iter().zip(0..).map(script).collect()
    }

    fn judge(&self) -> QuotationsJudge {
        QuotationsJudge::new(u64::from(self.options.concurrency) * u64::from(self.options.rounds))
    }

    fn label(request: &[u8]) -> &'static str {
        match Request::decode(request) {
            Ok(Request::Challenge) => "CHALLENGE_REQUEST",
            Ok(Request::Solution(_)) => "SOLUTION",
            Err(_) => "other",
        }
    }

    fn plan_sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (rounds, client) in self.rounds.iter().zip(0..) {
            hash.update(format!("{:?} {rounds:?}\n", self.source(client)));
        }
        hex(&hash.finalize())
    }
}
