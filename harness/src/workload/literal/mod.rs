//! `index/literal`: requests that stand in a file, of several clients at once.
//!
//! What a failing run is reduced to is written into such a file, and anybody can write one. All packages are swept out
//! before and afterwards, as where clients contend, and what the clients saw is judged in the same way.

mod change;
mod file;

use std::collections::BTreeSet;
use std::rc::Rc;

use protocol::index::Index;
use protocol::index::wire::Request;
use sha2::{Digest, Sha256};

use super::contention::{ContentionJudge, ContentionScript, OneByOne, Requests};
use crate::verdict::hex;
use crate::workload::Workload;
pub use change::Led;
pub use file::{BYTES_MAX, Error};

/// The requests of each client.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Literal {
    /// Of each client in order, its requests up to each meeting of all, without line ends.
    pub clients: Vec<Vec<Vec<Vec<u8>>>>,
}

impl Literal {
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

impl Requests for Literal {
    fn episodes(&self) -> u32 {
        let meetings = self.clients.iter().map(Vec::len).max().unwrap_or(0).max(1);
        u32::try_from(meetings).unwrap_or(u32::MAX)
    }

    fn at_once(&self) -> usize {
        1
    }

    fn swept(&self, client: u32) -> Vec<Vec<u8>> {
        let names = self.names().into_iter().map(<[u8]>::to_vec);
        names.skip(client as usize).step_by(self.clients.len().max(1)).collect()
    }

    fn requests(&self, client: u32, episode: u32) -> Vec<Vec<u8>> {
        let of_client = self.clients.get(client as usize);
        of_client.and_then(|episodes| episodes.get(episode as usize)).cloned().unwrap_or_default()
    }
}

/// The workload that makes these requests.
#[derive(Clone, Debug)]
pub struct Literally(pub Rc<Literal>);

impl Workload for Literally {
    type Protocol = Index;
    type Script = ContentionScript<Literal>;
    type Judge = ContentionJudge;

    const ID: &'static str = "index/literal";
    const PHASES: &'static [&'static str] = OneByOne::PHASES;

    fn scripts(&self) -> Vec<Self::Script> {
        let clients = u32::try_from(self.0.clients.len()).unwrap_or(u32::MAX);
        (0..clients).map(|client| ContentionScript::new(Rc::clone(&self.0), client)).collect()
    }

    fn judge(&self) -> Self::Judge {
        ContentionJudge::new(self.0.request_count() as u64, false, false)
    }

    fn label(request: &[u8]) -> &'static str {
        OneByOne::label(request)
    }

    fn plan_sha256(&self) -> String {
        hex(&Sha256::digest(self.0.to_string()))
    }
}
