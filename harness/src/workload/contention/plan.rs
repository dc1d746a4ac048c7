//! The plan: which client sends which requests in which episode.

use sha2::{Digest, Sha256};

use protocol::text::hex;

use crate::workload::contention::component;
use crate::workload::contention::component::Component;
use crate::workload::contention::groups::{Group, Temper, groups};
use crate::workload::contention::options::{Edition, Options};
use crate::workload::contention::script::Requests;

/// All that decides what clients ask for.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) options: Options,
    pub(super) at_once: usize,
    pub(super) groups: Vec<Group>,
}

impl Plan {
    pub(super) fn new(options: Options, at_once: usize) -> Self {
        Self { options, at_once, groups: groups(options.concurrency, at_once) }
    }

    /// What a group works on in an episode. Pairs stay with what they have.
    pub(super) fn component(&self, group: &Group, episode: u32) -> Component {
        let Options { seed, episodes, edition, .. } = self.options;
        match group.temper {
            Temper::Hot => Component::hot(seed, group.number, episode, edition),
            Temper::Cold => Component::cold(seed, group.number, episodes, edition),
        }
    }

    fn group_of(&self, client: u32) -> &Group {
        let of_client = self.groups.iter().find(|group| group.clients.contains(&client));
        of_client.expect("every client is of a group")
    }

    /// How many requests all clients make in all episodes.
    pub(super) fn request_count(&self) -> u64 {
        let Options { seed, concurrency, episodes, .. } = self.options;
        let of_client =
            |client| (0..episodes).map(move |episode| component::request_count(seed, client, episode));
        (0..concurrency).flat_map(of_client).map(u64::from).sum()
    }
}

impl Requests for Plan {
    fn episodes(&self) -> u32 {
        self.options.episodes
    }

    fn at_once(&self) -> usize {
        self.at_once
    }

    fn swept(&self, client: u32) -> Vec<Vec<u8>> {
        let group = self.group_of(client);
        let place = client - group.clients.start;
        let size = group.clients.end - group.clients.start;
        let components = match group.temper {
            Temper::Hot => self.options.episodes,
            Temper::Cold => 1,
        };
        let of_component = |episode: u32| {
            let mut names = self.component(group, episode).into_names();
            match self.options.edition {
                // Where no list is changed, packages go in the order in which nothing needs them, by one client.
                Edition::First if episode % size == place => names.reverse(),
                Edition::First => names.clear(),
                Edition::Second => {
                    names = names.into_iter().skip(place as usize).step_by(size as usize).collect();
                }
            }
            names
        };
        (0..components).flat_map(of_component).collect()
    }

    fn requests(&self, client: u32, episode: u32) -> Vec<Vec<u8>> {
        let group = self.group_of(client);
        self.component(group, episode).requests(self.options.seed, client, episode)
    }
}

impl Plan {
    /// Returns the SHA-256 of the plan in hexadecimal digits.
    pub(super) fn sha256(&self) -> String {
        let Options { concurrency, episodes, .. } = self.options;
        let mut hash = Sha256::new();
        for client in 0..concurrency {
            let swept = self.swept(client);
            let requests = (0..episodes).flat_map(|episode| self.requests(client, episode));
            for line in swept.into_iter().chain(requests) {
                hash.update(line);
                hash.update(b"\n");
            }
        }
        hex(&hash.finalize())
    }
}
