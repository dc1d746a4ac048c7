//! The plan: the requests of each client in each episode.

use sha2::{Digest, Sha256};

use protocol::text::hex;

use crate::workload::contention::component;
use crate::workload::contention::component::Component;
use crate::workload::contention::groups::{Group, GroupKind, groups};
use crate::workload::contention::options::{ContentionOptions, Edition};
use crate::workload::contention::script::Requests;

/// Everything that determines the requests of the clients.
#[derive(Debug)]
pub(super) struct ContentionPlan {
    pub(super) options: ContentionOptions,
    pub(super) requests_per_write: usize,
    pub(super) groups: Vec<Group>,
}

impl ContentionPlan {
    pub(super) fn new(options: ContentionOptions, requests_per_write: usize) -> Self {
        let groups = groups(options.concurrency, requests_per_write);
        Self { options, requests_per_write, groups }
    }

    /// Returns the component of a group in an episode. Pairs keep one component for all episodes.
    pub(super) fn component(&self, group: &Group, episode: u32) -> Component {
        let ContentionOptions { seed, episodes, edition, .. } = self.options;
        match group.kind {
            GroupKind::Small => Component::small(seed, group.number, episode, edition),
            GroupKind::Pair => Component::large(seed, group.number, episodes, edition),
        }
    }

    fn group_of(&self, client: u32) -> &Group {
        let of_client = self.groups.iter().find(|group| group.clients.contains(&client));
        of_client.expect("every client belongs to a group")
    }

    /// Returns the number of requests of all clients in all episodes.
    pub(super) fn request_count(&self) -> u64 {
        let ContentionOptions { seed, concurrency, episodes, .. } = self.options;
        let of_client =
            |client| (0..episodes).map(move |episode| component::request_count(seed, client, episode));
        (0..concurrency).flat_map(of_client).map(u64::from).sum()
    }
}

impl Requests for ContentionPlan {
    fn episodes(&self) -> u32 {
        self.options.episodes
    }

    fn requests_per_write(&self) -> usize {
        self.requests_per_write
    }

    fn cleanup_packages(&self, client: u32) -> Vec<Vec<u8>> {
        let group = self.group_of(client);
        let position = client - group.clients.start;
        let size = group.clients.end - group.clients.start;
        let components = match group.kind {
            GroupKind::Small => self.options.episodes,
            GroupKind::Pair => 1,
        };
        let of_component = |episode: u32| {
            let mut names = self.component(group, episode).into_names();
            match self.options.edition {
                // Lists stay unchanged, so one client must remove the packages in reverse order of their dependencies.
                Edition::First if episode % size == position => names.reverse(),
                Edition::First => names.clear(),
                Edition::Second => {
                    names = names.into_iter().skip(position as usize).step_by(size as usize).collect();
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

impl ContentionPlan {
    /// Returns the SHA-256 of the plan in hexadecimal digits.
    pub(super) fn sha256(&self) -> String {
        let ContentionOptions { concurrency, episodes, .. } = self.options;
        let mut hash = Sha256::new();
        for client in 0..concurrency {
            let cleanup = self.cleanup_packages(client);
            let requests = (0..episodes).flat_map(|episode| self.requests(client, episode));
            for line in cleanup.into_iter().chain(requests) {
                hash.update(line);
                hash.update(b"\n");
            }
        }
        hex(&hash.finalize())
    }
}
