//! `index/contention`: clients in small groups change the same few packages at once, and what all of them saw is held
//! against the rules of one index.
//!
//! The whole script of a client follows from the seed, and never from a reply. A group works on a component of packages
//! for an episode, all meet, and each group goes on with another component that nobody has used. Beside them pairs of
//! clients work on large components whose packages are seldom touched twice. First and last all packages are swept out.
//! How many changes of one component are under way at once is bounded by the size of a group: the search for an order
//! needs more the more there are.

mod component;
mod groups;
mod judge;
mod lockstep;
mod script;

use std::rc::Rc;

use protocol::index::Index;
use protocol::index::wire::Request;
use sha2::{Digest, Sha256};

use crate::verdict::hex;
use crate::workload::Workload;
use component::Component;
use groups::{Group, Temper, groups};
pub use judge::ContentionJudge;
pub use lockstep::Lockstep;
pub use script::{ContentionScript, Requests};

/// How many requests a client of an episode makes, at least and at most.
const REQUESTS: std::ops::RangeInclusive<u32> = 60..=100;

/// As many as they are in the mean.
const REQUESTS_MEAN: u32 = 80;

/// The plan that a quick target gets.
pub const REQUESTS_ALL: u32 = 160_000;

/// More episodes than this show nothing new.
const EPISODES_MAX: u32 = 40;

/// What is asked for when the workload is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Decides every draw.
    pub seed: u64,
    /// How many clients there are.
    pub concurrency: u32,
    /// How often each group begins with packages that nobody has used.
    pub episodes: u32,
    /// Which edition of the protocol: in the first an update does not have to change anything, and none is made that
    /// does.
    pub edition: Edition,
}

/// The editions of the protocol, which differ in S2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Edition {
    /// `INDEX` of a package that is in says `OK`, and the list need not change.
    #[value(name = "1")]
    First,
    /// The list of a package that is in is replaced, or the request refused.
    #[default]
    #[value(name = "2")]
    Second,
}

/// What is under way at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Schedule {
    /// A request of each client.
    #[default]
    Concurrent,
    /// One request in all, of the client that the seed names next.
    Lockstep,
}

impl Schedule {
    /// The flag that asks for it, if it is not the default.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::Concurrent => "",
            Self::Lockstep => " --schedule lockstep",
        }
    }
}

impl Edition {
    /// The flag that asks for it, if it is not the default.
    #[must_use]
    pub const fn flag(self) -> &'static str {
        match self {
            Self::First => " --edition 1",
            Self::Second => "",
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }
}

/// How many episodes make this many requests, at least one.
#[must_use]
pub fn episodes(requests: u32, concurrency: u32) -> u32 {
    (requests / (REQUESTS_MEAN * concurrency.max(1))).clamp(1, EPISODES_MAX)
}

/// How many requests the smallest plan has, sweeping included.
#[must_use]
pub fn requests_min(concurrency: u32) -> u32 {
    let plan = Plan::new(Options { seed: 0, concurrency, episodes: 1, edition: Edition::Second }, 1);
    let swept: usize = plan.groups.iter().map(|group| plan.component(group, 0).size()).sum();
    REQUESTS_MEAN * concurrency + 4 * u32::try_from(swept).unwrap_or(u32::MAX)
}

/// The phases that are judged in other ways than the last one.
const SWEEP: u32 = 1;
const CONTEND: u32 = 2;

/// The name of a phase; phases count from 1.
fn phase_name(phase: u32) -> &'static str {
    let place = (phase as usize).checked_sub(1);
    place.and_then(|place| OneByOne::PHASES.get(place)).copied().unwrap_or_default()
}

/// A plan of the workload, in which a client sends so many requests at once.
#[derive(Clone, Debug)]
pub struct Contention<const AT_ONCE: usize>(Rc<Plan>);

/// One request after the other.
pub type OneByOne = Contention<1>;

/// So many at once …
pub const PIPELINED: usize = 3;

/// … in smaller groups: as many changes are under way.
pub type Pipelined = Contention<PIPELINED>;

/// All that decides what clients ask for.
#[derive(Debug)]
pub struct Plan {
    options: Options,
    at_once: usize,
    groups: Vec<Group>,
}

impl<const AT_ONCE: usize> Contention<AT_ONCE> {
    /// Plans the workload.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self(Rc::new(Plan::new(options, AT_ONCE)))
    }
}

impl Plan {
    fn new(options: Options, at_once: usize) -> Self {
        Self { options, at_once, groups: groups(options.concurrency, at_once) }
    }

    /// What a group works on in an episode. Pairs stay with what they have.
    fn component(&self, group: &Group, episode: u32) -> Component {
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
    fn request_count(&self) -> u64 {
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

impl<const AT_ONCE: usize> Workload for Contention<AT_ONCE> {
    type Protocol = Index;
    type Script = ContentionScript<Plan>;
    type Judge = ContentionJudge;

    const ID: &'static str = if AT_ONCE == 1 { "index/contention" } else { "index/contention-pipelined" };
    const PHASES: &'static [&'static str] = &["1 sweep", "2 contend", "3 sweep again"];

    fn scripts(&self) -> Vec<Self::Script> {
        (0..self.0.options.concurrency)
            .map(|client| ContentionScript::new(Rc::clone(&self.0), client))
            .collect()
    }

    fn judge(&self) -> Self::Judge {
        ContentionJudge::new(self.0.request_count(), AT_ONCE > 1, self.0.options.edition == Edition::Second)
    }

    fn label(request: &[u8]) -> &'static str {
        Request::decode(request).map_or("broken", |request| request.command.word())
    }

    fn plan_sha256(&self) -> String {
        let Options { concurrency, episodes, .. } = self.0.options;
        let mut hash = Sha256::new();
        for client in 0..concurrency {
            let swept = self.0.swept(client);
            let requests = (0..episodes).flat_map(|episode| self.0.requests(client, episode));
            for line in swept.into_iter().chain(requests) {
                hash.update(line);
                hash.update(b"\n");
            }
        }
        hex(&hash.finalize())
    }
}
