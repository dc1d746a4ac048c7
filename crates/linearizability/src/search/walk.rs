//! The search of one component: the set of all possible configurations, advanced event by event.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::mem;

use crate::search::component::{Call, Component, Event};
use crate::search::meter::Meter;
use crate::search::pending::{PendingCalls, Slots, ones};
use crate::search::result::Reason;
use crate::search::states::{MixHasher, StateId, States};

/// The number of lost changes of one component that the search tolerates: each doubles the number of configurations.
pub(super) const LOST_MAX: u32 = 16;

/// The number of configurations that are visited when one operation returns.
const CONFIGURATIONS_MAX: usize = 1 << 16;

/// The reason for which a search ends before the history does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// When an operation returned, no configuration was left in which it had taken effect.
    NoLinearization,
    /// The search is inconclusive.
    Unknown(Reason),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::Unknown(reason)
    }
}

/// A possible situation: a state and the pending operations that have taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Configuration {
    state: StateId,
    /// The pending operations that have taken effect.
    placed: Slots,
}

/// The search at one point of a component's history.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    states: States,
    configurations: Vec<Configuration>,
    pending: PendingCalls,
    /// Whether configurations were discarded because of the limit. An empty set proves nothing in that case.
    is_pruned: bool,
    /// The largest number of configurations at the same time.
    pub(super) configurations_max: usize,
    /// The configurations visited since an operation returned; kept to reuse its allocation.
    seen: HashSet<Configuration, BuildHasherDefault<MixHasher>>,
    /// The visited configurations in which the returning operation has not taken effect.
    waiting: Vec<Configuration>,
}

impl Walk {
    /// Returns a search at the beginning, from any of these states.
    pub(super) fn new<'a>(packages: usize, from: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut states = States::new(packages);
        let mut first: Vec<StateId> = from.into_iter().map(|values| states.intern(values)).collect();
        first.sort_unstable();
        first.dedup();
        Self {
            states,
            configurations: first.into_iter().map(|state| Configuration { state, placed: 0 }).collect(),
            pending: PendingCalls::new(),
            is_pruned: false,
            configurations_max: 1,
            seen: HashSet::default(),
            waiting: vec![],
        }
    }

    /// Returns a search that begins with an empty index.
    pub(super) fn from_empty_index(component: &Component<'_>) -> Self {
        let packages = component.packages.len();
        Self::new(packages, [vec![crate::search::states::ABSENT; packages].as_slice()])
    }

    /// Returns the possible states, sorted and without duplicates.
    pub(super) fn states(&self) -> Vec<&[u32]> {
        let mut states: Vec<&[u32]> =
            self.configurations.iter().map(|configuration| self.states.values(configuration.state)).collect();
        states.sort_unstable();
        states.dedup();
        states
    }

    /// Advances past one event.
    pub(super) fn advance(
        &mut self,
        component: &Component<'_>,
        event: u32,
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        meter.spend(1)?;
        let Event { is_reply, of, .. } = component.events[event as usize];
        if !is_reply {
            return self.begin(component, &component.calls[of as usize], meter);
        }
        match self.pending.place_of(event) {
            Some(place) => self.end(component, place, meter),
            None => Ok(()),
        }
    }

    /// Adds an operation that is sent. An operation that changes nothing takes effect wherever it is possible.
    pub(super) fn begin(
        &mut self,
        component: &Component<'_>,
        sent: &Call,
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let place = self.pending.begin(component, sent).ok_or(Reason::PendingOperations)?;
        if self.pending.lost.count_ones() > LOST_MAX {
            return Err(Reason::LostChanges.into());
        }
        if self.pending.reads & 1 << place != 0 {
            for configuration in &mut self.configurations {
                meter.spend(component.work(sent.step))?;
                if component.fits(sent.step, self.states.values(configuration.state)) {
                    configuration.placed |= 1 << place;
                }
            }
        }
        Ok(())
    }

    /// Removes an operation that returns; it must have taken effect by now.
    fn end(&mut self, component: &Component<'_>, place: u32, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let this = 1 << place;
        if self.configurations.iter().any(|configuration| configuration.placed & this == 0) {
            self.find_places(component, place, meter)?;
        }
        if self.configurations.is_empty() {
            return Err(if self.is_pruned { Reason::Configurations.into() } else { Stop::NoLinearization });
        }
        for configuration in &mut self.configurations {
            configuration.placed &= !this;
        }
        self.pending.end(place);
        self.drop_dominated();
        self.drop_reachable(component, meter)?;
        self.remove_certain_lost_changes();
        self.configurations_max = self.configurations_max.max(self.configurations.len());
        self.discard_unused_states();
        Ok(())
    }

    /// Lets waiting changes take effect, in every order that matters, until the returning operation has taken effect.
    fn find_places(
        &mut self,
        component: &Component<'_>,
        place: u32,
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let this: Slots = 1 << place;
        let mut found: Vec<Configuration> = vec![];
        self.seen.clear();
        self.waiting.clear();
        for configuration in mem::take(&mut self.configurations) {
            if configuration.placed & this == 0 {
                self.seen.insert(configuration);
                self.waiting.push(configuration);
            } else {
                found.push(configuration);
            }
        }
        let mut next = 0;
        while let Some(&configuration) = self.waiting.get(next) {
            next += 1;
            let unplaced = self.pending.all & !configuration.placed;
            for change in ones(self.pending.changes_before(place, unplaced)) {
                meter.spend(component.work(self.pending.step(change)))?;
                let Some(after) = self.place(component, configuration, change) else { continue };
                if self.seen.len() == CONFIGURATIONS_MAX {
                    self.is_pruned = true;
                } else if self.seen.insert(after) {
                    let is_placed = after.placed & this != 0;
                    (if is_placed { &mut found } else { &mut self.waiting }).push(after);
                }
                if self.bytes() > meter.bytes_max {
                    return Err(Reason::Memory.into());
                }
            }
        }
        self.configurations = found;
        Ok(())
    }

    /// Returns the configuration after a change, together with the reads that become possible; adds its state if it
    /// is new.
    fn place(
        &mut self,
        component: &Component<'_>,
        configuration: Configuration,
        change: u32,
    ) -> Option<Configuration> {
        let step = self.pending.step(change);
        if !component.fits(step, self.states.values(configuration.state)) {
            return None;
        }
        let (package, value) = component.change(step)?;
        let state = self.states.with(configuration.state, package, value);
        Some(self.placed(component, configuration.placed, change, state))
    }

    /// Like [`Walk::place`], but returns `None` if the state is new.
    fn after(
        &self,
        component: &Component<'_>,
        configuration: Configuration,
        change: u32,
    ) -> Option<Configuration> {
        let step = self.pending.step(change);
        let (package, value) = component.change(step)?;
        let state = self.states.known_with(configuration.state, package, value)?;
        let fits = component.fits(step, self.states.values(configuration.state));
        fits.then(|| self.placed(component, configuration.placed, change, state))
    }

    fn placed(&self, component: &Component<'_>, before: Slots, change: u32, state: StateId) -> Configuration {
        let values = self.states.values(state);
        let reads = self.pending.reads & self.pending.conflicts(change) & !before;
        let fitting = ones(reads).filter(|&read| component.fits(self.pending.step(read), values));
        let placed = fitting.fold(before | 1 << change, |placed, read| placed | 1 << read);
        Configuration { state, placed }
    }

    /// Removes dominated configurations. Of two configurations with the same state and the same remaining operations,
    /// the one with more reads and fewer lost changes suffices.
    fn drop_dominated(&mut self) {
        /// The number of configurations with which each one is compared.
        const COMPARED_MAX: usize = 32;
        let PendingCalls { all, reads, lost, .. } = self.pending;
        let to_place = all & !reads & !lost;
        if self.configurations.len() < 2 {
            return;
        }
        let key = |configuration: &Configuration| (configuration.state, configuration.placed & to_place);
        self.configurations.sort_unstable_by_key(|configuration| {
            let placed = configuration.placed;
            let counts = ((placed & lost).count_ones(), Reverse((placed & reads).count_ones()));
            (key(configuration), counts, placed)
        });
        self.configurations.dedup();
        if reads | lost == 0 {
            return;
        }
        let mut kept: Vec<Configuration> = Vec::with_capacity(self.configurations.len());
        for &configuration in &self.configurations {
            let is_better = |other: &Configuration| {
                let more_reads = configuration.placed & reads & !other.placed;
                let fewer_lost = other.placed & lost & !configuration.placed;
                more_reads | fewer_lost == 0
            };
            let same = kept.iter().rev().take_while(|other| key(other) == key(&configuration));
            if !same.take(COMPARED_MAX).any(is_better) {
                kept.push(configuration);
            }
        }
        self.configurations = kept;
    }

    /// Removes configurations that another one reaches by a waiting change. They are found again when an operation
    /// depends on them.
    fn drop_reachable(&mut self, component: &Component<'_>, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let changes = self.pending.all & !self.pending.reads;
        let placed_anywhere = self.configurations.iter().fold(0, |any, one| any | one.placed) & changes;
        if placed_anywhere == 0 || self.configurations.len() < 2 {
            return Ok(());
        }
        let key = |configuration: &Configuration| (configuration.state, configuration.placed & changes);
        self.configurations.sort_unstable_by_key(key);
        let mut is_reachable = vec![false; self.configurations.len()];
        for &configuration in &self.configurations {
            for change in ones(placed_anywhere & !configuration.placed) {
                meter.work(component.work(self.pending.step(change)))?;
                let Some(after) = self.after(component, configuration, change) else { continue };
                let begin = self.configurations.partition_point(|other| key(other) < key(&after));
                let same = self.configurations[begin..].iter().take_while(|other| key(other) == key(&after));
                for (other, is_reachable) in same.zip(&mut is_reachable[begin..]) {
                    *is_reachable |= other.placed & !after.placed == 0;
                }
            }
        }
        let mut is_reachable = is_reachable.into_iter();
        self.configurations.retain(|_| is_reachable.next() != Some(true));
        Ok(())
    }

    /// Removes lost changes that have taken effect in every configuration: their effect is certain.
    fn remove_certain_lost_changes(&mut self) {
        if self.pending.lost == 0 {
            return;
        }
        let done = self
            .configurations
            .iter()
            .fold(self.pending.lost, |done, configuration| done & configuration.placed);
        for place in ones(done) {
            self.pending.end(place);
        }
        for configuration in &mut self.configurations {
            configuration.placed &= !done;
        }
    }

    /// Discards states that no configuration uses, once they are the majority.
    fn discard_unused_states(&mut self) {
        const STATES_MIN: usize = 256;
        if self.states.len() < STATES_MIN + 4 * self.configurations.len() {
            return;
        }
        let mut kept = States::new(self.states.packages());
        for configuration in &mut self.configurations {
            configuration.state = kept.intern(self.states.values(configuration.state));
        }
        self.states = kept;
    }

    /// Returns an upper bound of the memory used, in bytes.
    fn bytes(&self) -> usize {
        /// The memory for one configuration in the hash set and in the vectors.
        const BYTES_PER_CONFIGURATION: usize = 256;
        self.states.bytes() + self.seen.len() * BYTES_PER_CONFIGURATION
    }
}
