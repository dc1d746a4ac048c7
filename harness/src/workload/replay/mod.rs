//! `index/replay`: what the challenge's own harness does. A package graph is split among clients; each removes its
//! packages, indexes them, asks for them, removes them again and asks again, over and over where packages of others
//! stand in the way.

mod draws;
mod judge;
mod requests;
mod script;
mod walk;

use std::ops::Range;
use std::rc::Rc;

use fixtures::{Graph, PackageNumber};
use protocol::index::Index;
use protocol::index::wire::{Command, Reply, Request};
use sha2::{Digest, Sha256};

use crate::verdict::hex;
use crate::workload::Workload;
use draws::Draws;
pub use judge::ReplayJudge;
use requests::Requests;
pub use script::ReplayScript;
use walk::{Ask, Walk};

/// The broken lines of the challenge's own harness, each with the clause that makes it one.
const BROKEN_LINES: [(&str, BrokenBy); 8] = [
    ("INDEX|emacs=elisp\n", BrokenBy::Fields),
    ("INDEX|emacs\u{2603}elisp\n", BrokenBy::Fields),
    ("INDEX|emacs elisp\n", BrokenBy::Fields),
    ("BLINDEX|a|b\n", BrokenBy::Command),
    ("REMOVES|a|b\n", BrokenBy::Command),
    ("QUER|a|b\n", BrokenBy::Command),
    ("LIZARD|a|b\n", BrokenBy::Command),
    ("I|a|b\n", BrokenBy::Command),
];

/// What makes a line no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BrokenBy {
    /// R1.
    Fields,
    /// R2.
    Command,
}

/// The five steps, in order. A phase is a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Remove,
    Index,
    VerifyIndexed,
    RemoveAgain,
    VerifyRemoved,
}

impl Step {
    const ALL: [Self; 5] =
        [Self::Remove, Self::Index, Self::VerifyIndexed, Self::RemoveAgain, Self::VerifyRemoved];

    /// The phase of this step; phases count from 1.
    fn phase(self) -> u32 {
        self as u32 + 1
    }

    fn of_phase(phase: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.phase() == phase)
    }

    fn name(self) -> &'static str {
        Replay::PHASES[self as usize]
    }

    fn command(self) -> Command {
        match self {
            Self::Remove | Self::RemoveAgain => Command::Remove,
            Self::Index => Command::Index,
            Self::VerifyIndexed | Self::VerifyRemoved => Command::Query,
        }
    }

    /// The reply that a request must have, where only one will do.
    fn only_reply(self) -> Option<Reply> {
        match self {
            Self::VerifyIndexed => Some(Reply::Ok),
            Self::VerifyRemoved => Some(Reply::Fail),
            _ => None,
        }
    }

    /// Whether a client goes through its packages until all are answered `OK`.
    fn is_repeated(self) -> bool {
        self.only_reply().is_none()
    }
}

/// What is asked for when a replay is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Decides every draw.
    pub seed: u64,
    /// How many clients there are.
    pub concurrency: u32,
    /// The chance, in a hundred, of a broken line before a package is indexed.
    pub unluckiness: u32,
    /// How often a client may go through its packages in one step before the step is given up as undecided.
    pub rounds_max: u32,
}

/// A plan of the replay.
#[derive(Clone, Debug)]
pub struct Replay(Rc<Plan>);

#[derive(Debug)]
struct Plan {
    graph: Graph,
    requests: Requests,
    options: Options,
    draws: Draws,
}

impl Replay {
    /// Plans the replay of a graph.
    #[must_use]
    pub fn new(graph: Graph, options: Options) -> Self {
        let (requests, draws) = (Requests::new(&graph), Draws::new(options.seed));
        Self(Rc::new(Plan { graph, requests, options, draws }))
    }
}

impl Plan {
    /// The packages of a client: the graph's packages in order, split into runs that differ by one at most.
    fn packages_of(&self, client: u32) -> Range<PackageNumber> {
        let count = self.graph.packages().len() as u64;
        let bound = |client: u32| {
            let bound = u64::from(client) * count / u64::from(self.options.concurrency);
            PackageNumber::try_from(bound).expect("a bound is at most the number of packages")
        };
        bound(client)..bound(client + 1)
    }

    /// The client that a package belongs to.
    fn client_of(&self, package: PackageNumber) -> u32 {
        let (mut low, mut high) = (0, self.options.concurrency);
        while low + 1 < high {
            let middle = low.midpoint(high);
            if self.packages_of(middle).start <= package { low = middle } else { high = middle }
        }
        low
    }

    /// The line of a request, line end included.
    fn line(&self, step: Step, ask: Ask) -> &[u8] {
        match ask {
            Ask::Broken(which) => BROKEN_LINES[which].0.as_bytes(),
            Ask::Package(package) => self.requests.line(step.command(), package as usize),
        }
    }
}

impl Workload for Replay {
    type Protocol = Index;
    type Script = ReplayScript;
    type Judge = ReplayJudge;

    const ID: &'static str = "index/replay";
    const PHASES: &'static [&'static str] =
        &["1 remove", "2 index", "3 verify indexed", "4 remove again", "5 verify removed"];

    fn scripts(&self) -> Vec<ReplayScript> {
        (0..self.0.options.concurrency).map(|client| ReplayScript::new(Rc::clone(&self.0), client)).collect()
    }

    fn judge(&self) -> ReplayJudge {
        ReplayJudge::new(Rc::clone(&self.0))
    }

    fn label(request: &[u8]) -> &'static str {
        Request::decode(request).map_or("broken line", |request| request.command.word())
    }

    /// Hashes the options, and what each client sends if every reply is the one hoped for. What is sent otherwise
    /// follows from the same seed, draw by draw.
    fn plan_sha256(&self) -> String {
        let plan = &self.0;
        let Options { seed, concurrency, unluckiness, rounds_max } = plan.options;
        let mut hash = Sha256::new();
        hash.update(format!(
            "{} 1 seed {seed} concurrency {concurrency} unluckiness {unluckiness} rounds {rounds_max}\n",
            Self::ID
        ));
        for client in 0..concurrency {
            let mut walk = Walk::new(client);
            for step in Step::ALL {
                hash.update(format!("client {client} step {}\n", step.name()));
                walk.begin(step, plan);
                while let Some(ask) = walk.ask(plan) {
                    hash.update(plan.line(step, ask));
                    walk.answered(Reply::Ok, plan);
                }
            }
        }
        hex(&hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(seed: u64, concurrency: u32) -> Options {
        Options { seed, concurrency, unluckiness: 5, rounds_max: 10_000 }
    }

    #[test]
    fn every_package_belongs_to_one_client_also_where_clients_are_more_than_packages() {
        for concurrency in [1, 2, 7, 15, 16, 100, 1000] {
            let plan = Replay::new(fixtures::tiny(), options(1, concurrency)).0;
            let owned: Vec<u32> = (0..concurrency).flat_map(|client| plan.packages_of(client)).collect();
            assert_eq!(owned, (0..15).collect::<Vec<_>>());
            for package in 0..15 {
                assert!(plan.packages_of(plan.client_of(package)).contains(&package));
            }
        }
    }

    #[test]
    fn a_plan_depends_on_all_that_is_asked_for_and_on_nothing_else() {
        let hash = |options| Replay::new(fixtures::tiny(), options).plan_sha256();
        let base = options(7, 10);
        let plans = [
            hash(base),
            hash(options(8, 10)),
            hash(options(7, 11)),
            hash(Options { unluckiness: 6, ..base }),
            Replay::new(fixtures::debian(), base).plan_sha256(),
        ];
        for (number, plan) in plans.iter().enumerate() {
            assert_eq!(plan.len(), 64);
            assert!(!plans[..number].contains(plan));
        }
        assert_eq!(hash(base), plans[0]);
    }

    #[test]
    fn the_plan_of_the_default_run_is_known() {
        // Whoever changes what a seed means must know it, and say so in CHANGELOG.md.
        insta::assert_snapshot!(Replay::new(fixtures::debian(), options(7, 100)).plan_sha256());
    }

    #[test]
    fn every_broken_line_is_broken_in_the_way_that_it_says() {
        use protocol::index::wire::Malformed;
        for (line, broken_by) in BROKEN_LINES {
            let expected = match broken_by {
                BrokenBy::Fields => Malformed::Fields,
                BrokenBy::Command => Malformed::Command,
            };
            assert_eq!(Request::decode(line.trim_end().as_bytes()), Err(expected));
        }
    }
}
