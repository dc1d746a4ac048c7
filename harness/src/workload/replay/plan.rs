//! The plan of a replay: its graph, its options, and what belongs to each client.

use std::ops::Range;

use fixtures::{Graph, PackageNumber};

use super::draws::Draws;
use super::requests::Requests;
use super::steps::{BROKEN_LINES, Step};
use super::walk_ask::Ask;

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

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) graph: Graph,
    pub(super) requests: Requests,
    pub(super) options: Options,
    pub(super) draws: Draws,
}

impl Plan {
    /// The packages of a client: the graph's packages in order, split into runs that differ by one at most.
    pub(super) fn packages_of(&self, client: u32) -> Range<PackageNumber> {
        let count = self.graph.packages().len() as u64;
        let bound = |client: u32| {
            let bound = u64::from(client) * count / u64::from(self.options.concurrency);
            PackageNumber::try_from(bound).expect("a bound is at most the number of packages")
        };
        bound(client)..bound(client + 1)
    }

    /// The client that a package belongs to.
    pub(super) fn client_of(&self, package: PackageNumber) -> u32 {
        let (mut low, mut high) = (0, self.options.concurrency);
        while low + 1 < high {
            let middle = low.midpoint(high);
            if self.packages_of(middle).start <= package { low = middle } else { high = middle }
        }
        low
    }

    /// The line of a request, line end included.
    pub(super) fn line(&self, step: Step, ask: Ask) -> &[u8] {
        match ask {
            Ask::ViolationKind(which) => BROKEN_LINES[which].0.as_bytes(),
            Ask::Package(package) => self.requests.line(step.command(), package as usize),
        }
    }
}
