//! The requests of each client.

use std::collections::BTreeSet;

use protocol::index::wire::Request;

/// The requests of each client.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RequestScript {
    /// Of each client in order, its requests up to each meeting of all, without line ends.
    pub clients: Vec<Vec<Vec<Vec<u8>>>>,
}

impl RequestScript {
    /// All packages that are named.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&[u8]> {
        let requests = self.clients.iter().flatten().flatten().filter_map(|line| Request::decode(line).ok());
        requests
            .flat_map(|request| request.dependencies().chain([request.package]).collect::<Vec<_>>())
            .collect()
    }

    /// How many requests there are in all.
    #[must_use]
    pub fn request_count(&self) -> usize {
        self.clients.iter().flatten().map(Vec::len).sum()
    }
}
