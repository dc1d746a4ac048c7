//! The states of a component: the list of each package, or its absence. Each state is stored once, under a number.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::requests::narrow;

/// The value of a package that is not indexed. The value of an indexed package is the number of its list plus one.
pub(super) const ABSENT: u32 = 0;

/// The number of a state.
pub(super) type StateId = u32;

/// The set of all states that were reached.
#[derive(Clone, Debug)]
pub(super) struct States {
    packages: usize,
    /// The values of all states, one state after another.
    values: Vec<u32>,
    hashes: Vec<u64>,
    /// For each state, another state with the same hash.
    others: Vec<Option<StateId>>,
    by_hash: HashMap<u64, StateId, BuildHasherDefault<MixHasher>>,
}

impl States {
    /// Returns an empty set of states of this number of packages.
    pub(super) fn new(packages: usize) -> Self {
        Self { packages, values: vec![], hashes: vec![], others: vec![], by_hash: HashMap::default() }
    }

    /// Returns the values of a state.
    pub(super) fn values(&self, state: StateId) -> &[u32] {
        &self.values[state as usize * self.packages..][..self.packages]
    }

    /// Returns the number of a state, adding the state if it is new.
    pub(super) fn intern(&mut self, values: &[u32]) -> StateId {
        let hash = (0..).zip(values).fold(0, |hash, (package, &value)| hash ^ mix_pair(package, value));
        if let Some(state) = self.find(hash, |candidate| candidate == values) {
            return state;
        }
        self.values.extend_from_slice(values);
        self.push(hash)
    }

    /// Returns the number of the state that differs in the value of one package, adding it if it is new.
    pub(super) fn with(&mut self, state: StateId, package: u32, value: u32) -> StateId {
        if let Some(found) = self.known_with(state, package, value) {
            return found;
        }
        let hash = self.hash_with(state, package, value);
        let begin = state as usize * self.packages;
        self.values.extend_from_within(begin..begin + self.packages);
        let last = self.values.len() - self.packages;
        self.values[last + package as usize] = value;
        self.push(hash)
    }

    /// Like [`States::with`], but returns `None` if the state is new.
    pub(super) fn known_with(&self, state: StateId, package: u32, value: u32) -> Option<StateId> {
        let at = package as usize;
        let before = self.values(state);
        if before[at] == value {
            return Some(state);
        }
        self.find(self.hash_with(state, package, value), |candidate| {
            candidate[at] == value
                && candidate[..at] == before[..at]
                && candidate[at + 1..] == before[at + 1..]
        })
    }

    fn hash_with(&self, state: StateId, package: u32, value: u32) -> u64 {
        let old = self.values(state)[package as usize];
        self.hashes[state as usize] ^ mix_pair(package, old) ^ mix_pair(package, value)
    }

    fn find(&self, hash: u64, is_same: impl Fn(&[u32]) -> bool) -> Option<StateId> {
        let mut candidate = self.by_hash.get(&hash).copied();
        while let Some(state) = candidate.filter(|&state| !is_same(self.values(state))) {
            candidate = self.others[state as usize];
        }
        candidate
    }

    /// Adds the state whose values were appended last.
    fn push(&mut self, hash: u64) -> StateId {
        let state = narrow(self.hashes.len());
        self.hashes.push(hash);
        let other = self.by_hash.insert(hash, state);
        self.others.push(other);
        state
    }

    /// Returns the number of packages of a state.
    pub(super) fn packages(&self) -> usize {
        self.packages
    }

    /// Returns the number of states.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Returns an upper bound of the memory used, in bytes. Vectors that grow by doubling may be half empty.
    pub(super) fn bytes(&self) -> usize {
        const BYTES_PER_STATE: usize = 96;
        self.len() * (2 * size_of::<u32>() * self.packages + BYTES_PER_STATE)
    }
}

fn mix_pair(package: u32, value: u32) -> u64 {
    mix(u64::from(package) << 32 | u64::from(value))
}

/// The finalizer of `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A fast hasher for numbers. Deliberate collisions only exhaust the search budget earlier.
#[derive(Default)]
pub(super) struct MixHasher(u64);

impl Hasher for MixHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0 ^ number);
    }

    fn write_u128(&mut self, number: u128) {
        let [low, high] = [number, number >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)));
        self.write_u64(low.unwrap_or_default());
        self.write_u64(high.unwrap_or_default());
    }
}
