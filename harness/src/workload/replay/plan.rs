//! The plan of a replay: its graph, its options, and the packages of each client.

use std::ops::Range;

use fixtures::{Graph, PackageNumber};

use crate::workload::replay::draws::Draws;
use crate::workload::replay::form::Form;
use crate::workload::replay::next_request::NextRequest;
use crate::workload::replay::requests::Requests;
use crate::workload::replay::steps::{MALFORMED_LINES, ReplayStep};

/// The options of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReplayOptions {
    /// How the clients connect.
    pub(super) form: Form,
    /// The seed of every draw.
    pub(super) seed: u64,
    /// The number of clients.
    pub(super) concurrency: u32,
    /// The chance, in percent, of a malformed line before a package is indexed.
    pub(super) unluckiness: u32,
    /// The number of passes through its packages after which a client's step is inconclusive.
    pub(super) rounds_max: u32,
}

/// The plan of a replay.
#[derive(Debug)]
pub(super) struct ReplayPlan {
    pub(super) graph: Graph,
    pub(super) requests: Requests,
    pub(super) options: ReplayOptions,
    pub(super) draws: Draws,
}

impl ReplayPlan {
    /// Plans the replay of a graph.
    #[must_use]
    pub(super) fn new(graph: Graph, options: ReplayOptions) -> Self {
        let (requests, draws) = (Requests::new(&graph), Draws::new(options.seed));
        Self { graph, requests, options, draws }
    }

    /// Returns the packages of a client. The packages of the graph are divided in order; the shares differ by at most one.
    pub(super) fn packages_of(&self, client: u32) -> Range<PackageNumber> {
        let count = self.graph.packages().len() as u64;
        let bound = |client: u32| {
            let bound = u64::from(client) * count / u64::from(self.options.concurrency);
            PackageNumber::try_from(bound).expect("a bound is at most the number of packages")
        };
        bound(client)..bound(client + 1)
    }

    /// Returns the client to which a package belongs.
    pub(super) fn client_of(&self, package: PackageNumber) -> u32 {
        let (mut low, mut high) = (0, self.options.concurrency);
        while low + 1 < high {
            let middle = low.midpoint(high);
            if self.packages_of(middle).start <= package { low = middle } else { high = middle }
        }
        low
    }

    /// Returns the line of a request, including its line end.
    pub(super) fn line(&self, step: ReplayStep, request: NextRequest) -> &[u8] {
        match request {
            NextRequest::Malformed(index) => MALFORMED_LINES[index].0.as_bytes(),
            NextRequest::Package(package) => self.requests.line(step.command(), package as usize),
        }
    }
}
