//! A request script: the requests of each client.

use std::collections::BTreeSet;

use protocol::index::wire::Request;

/// The requests of each client.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RequestScript {
    /// For each client, its requests in rounds, without line ends. All clients meet between two rounds.
    pub clients: Vec<Vec<Vec<Vec<u8>>>>,
}

impl RequestScript {
    /// Returns all packages that the requests name.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&[u8]> {
        let requests = self.clients.iter().flatten().flatten().filter_map(|line| Request::decode(line).ok());
        requests
            .flat_map(|request| request.dependencies().chain([request.package]).collect::<Vec<_>>())
            .collect()
    }

    /// Returns the number of requests.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.clients.iter().flatten().map(Vec::len).sum()
    }
}
