//! `index/request-script`: the requests of a file, sent by several clients at the same time.
//!
//! `--shrink` reduces a failing run to such a file, and users can write one. As in the contention workload, all packages
//! are removed before and afterwards, and the replies are judged in the same way.

use std::rc::Rc;

use conformance::request_script::RequestScript;
use conformance::workload::Plan;
use driver::moves::Script;
use protocol::Protocol;
use protocol::index::Index;
use protocol::text::hex;
use sha2::{Digest, Sha256};

use crate::workload::contention::{ContentionJudge, ContentionScript, PHASES, Requests, label};

/// The id of the workload.
const ID: &str = "index/request-script";

/// Returns the plan that sends these requests.
#[must_use]
pub(crate) fn plan(requests: RequestScript) -> Plan {
    let clients = u32::try_from(requests.clients.len()).unwrap_or(u32::MAX);
    let requests = Rc::new(requests);
    let script =
        |client| -> Box<dyn Script> { Box::new(ContentionScript::new(Rc::clone(&requests), client)) };
    Plan {
        sha256: hex(&Sha256::digest(requests.to_string())),
        phases: PHASES,
        framing: |bytes_max| Box::new(Index::framing(bytes_max)),
        label,
        scripts: (0..clients).map(script).collect(),
        judge: Box::new(ContentionJudge::new(ID, requests.request_count() as u64, false, false)),
    }
}

impl Requests for RequestScript {
    fn episodes(&self) -> u32 {
        let meetings = self.clients.iter().map(Vec::len).max().unwrap_or(0).max(1);
        u32::try_from(meetings).unwrap_or(u32::MAX)
    }

    fn requests_per_write(&self) -> usize {
        1
    }

    fn cleanup_packages(&self, client: u32) -> Vec<Vec<u8>> {
        let names = self.names().into_iter().map(<[u8]>::to_vec);
        names.skip(client as usize).step_by(self.clients.len().max(1)).collect()
    }

    fn requests(&self, client: u32, episode: u32) -> Vec<Vec<u8>> {
        let of_client = self.clients.get(client as usize);
        of_client.and_then(|episodes| episodes.get(episode as usize)).cloned().unwrap_or_default()
    }
}
