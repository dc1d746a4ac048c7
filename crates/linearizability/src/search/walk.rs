//! The search of one component: all that may have been, from event to event.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::mem;

use super::Reason;
use super::component::{Component, Event, Move};
use super::meter::Meter;
use super::open::{Open, Slots, ones};
use super::states::{Mixed, StateId, States};

/// How many changes of one component may be lost and still be of interest: each doubles what may have been.
pub(super) const LOST_MAX: u32 = 16;

/// How many configurations are looked at when one operation returns.
const CONFIGURATIONS_MAX: usize = 1 << 16;

/// Why a search ends before the history does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// When an operation returned, no configuration had a place for it.
    NoOrder,
    /// It was not found out.
    Unknown(Reason),
}

impl From<Reason> for End {
    fn from(reason: Reason) -> Self {
        Self::Unknown(reason)
    }
}

/// What may have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Configuration {
    state: StateId,
    /// Which of the operations under way have taken effect.
    placed: Slots,
}

/// A search at a moment of a component's history.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    states: States,
    configurations: Vec<Configuration>,
    open: Open,
    /// Whether configurations were left out for want of room: none left means nothing then.
    is_pruned: bool,
    /// The most configurations there were at once.
    pub(super) configurations_max: usize,
    /// Those that were come upon since an operation returned; kept for its memory.
    seen: HashSet<Configuration, BuildHasherDefault<Mixed>>,
    /// Those of them in which the operation that returns has no place yet.
    waiting: Vec<Configuration>,
}

impl Walk {
    /// At the beginning, from any of these states.
    pub(super) fn new<'a>(packages: usize, from: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut states = States::new(packages);
        let mut first: Vec<StateId> = from.into_iter().map(|values| states.intern(values)).collect();
        first.sort_unstable();
        first.dedup();
        Self {
            states,
            configurations: first.into_iter().map(|state| Configuration { state, placed: 0 }).collect(),
            open: Open::new(),
            is_pruned: false,
            configurations_max: 1,
            seen: HashSet::default(),
            waiting: vec![],
        }
    }

    /// From the empty index.
    pub(super) fn from_nothing(component: &Component<'_>) -> Self {
        let packages = component.packages.len();
        Self::new(packages, [vec![super::states::OUT; packages].as_slice()])
    }

    /// The states that may be, each once, in order.
    pub(super) fn states(&self) -> Vec<&[u32]> {
        let mut states: Vec<&[u32]> =
            self.configurations.iter().map(|configuration| self.states.values(configuration.state)).collect();
        states.sort_unstable();
        states.dedup();
        states
    }

    /// Goes past one event.
    pub(super) fn advance(
        &mut self,
        component: &Component<'_>,
        event: u32,
        meter: &mut Meter<'_>,
    ) -> Result<(), End> {
        meter.spend(1)?;
        let Event { is_reply, of, .. } = component.events[event as usize];
        if !is_reply {
            return self.begin(component, &component.moves[of as usize], meter);
        }
        match self.open.place_of(event) {
            Some(place) => self.end(component, place, meter),
            None => Ok(()),
        }
    }

    /// An operation is sent. If it changes nothing it is placed wherever it fits.
    pub(super) fn begin(
        &mut self,
        component: &Component<'_>,
        sent: &Move,
        meter: &mut Meter<'_>,
    ) -> Result<(), End> {
        let place = self.open.begin(component, sent).ok_or(Reason::OpenOperations)?;
        if self.open.lost.count_ones() > LOST_MAX {
            return Err(Reason::LostChanges.into());
        }
        if self.open.reads & 1 << place != 0 {
            for configuration in &mut self.configurations {
                meter.spend(component.work(sent.step))?;
                if component.fits(sent.step, self.states.values(configuration.state)) {
                    configuration.placed |= 1 << place;
                }
            }
        }
        Ok(())
    }

    /// An operation returns: it has to have a place by now.
    fn end(&mut self, component: &Component<'_>, place: u32, meter: &mut Meter<'_>) -> Result<(), End> {
        let this = 1 << place;
        if self.configurations.iter().any(|configuration| configuration.placed & this == 0) {
            self.find_places(component, place, meter)?;
        }
        if self.configurations.is_empty() {
            return Err(if self.is_pruned { Reason::Configurations.into() } else { End::NoOrder });
        }
        for configuration in &mut self.configurations {
            configuration.placed &= !this;
        }
        self.open.end(place);
        self.drop_dominated();
        self.drop_reachable(component, meter)?;
        self.forget_what_was_done();
        self.configurations_max = self.configurations_max.max(self.configurations.len());
        self.forget_states();
        Ok(())
    }

    /// Places waiting changes, in every order that matters, until the one that returns is placed.
    fn find_places(
        &mut self,
        component: &Component<'_>,
        place: u32,
        meter: &mut Meter<'_>,
    ) -> Result<(), End> {
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
            let unplaced = self.open.all & !configuration.placed;
            for change in ones(self.open.changes_before(place, unplaced)) {
                meter.spend(component.work(self.open.step(change)))?;
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

    /// A configuration once a change is placed, and whatever then fits and changes nothing; with a state that is new.
    fn place(
        &mut self,
        component: &Component<'_>,
        configuration: Configuration,
        change: u32,
    ) -> Option<Configuration> {
        let step = self.open.step(change);
        if !component.fits(step, self.states.values(configuration.state)) {
            return None;
        }
        let (package, value) = component.change(step)?;
        let state = self.states.with(configuration.state, package, value);
        Some(self.placed(component, configuration.placed, change, state))
    }

    /// The same if the state is known; nothing if it is not.
    fn after(
        &self,
        component: &Component<'_>,
        configuration: Configuration,
        change: u32,
    ) -> Option<Configuration> {
        let step = self.open.step(change);
        let (package, value) = component.change(step)?;
        let state = self.states.known_with(configuration.state, package, value)?;
        let fits = component.fits(step, self.states.values(configuration.state));
        fits.then(|| self.placed(component, configuration.placed, change, state))
    }

    fn placed(&self, component: &Component<'_>, before: Slots, change: u32, state: StateId) -> Configuration {
        let values = self.states.values(state);
        let reads = self.open.reads & self.open.conflicts(change) & !before;
        let fitting = ones(reads).filter(|&read| component.fits(self.open.step(read), values));
        let placed = fitting.fold(before | 1 << change, |placed, read| placed | 1 << read);
        Configuration { state, placed }
    }

    /// Of two configurations in one state that still have the same to place, the one is enough that has more reads
    /// placed and fewer of the changes that need never happen.
    fn drop_dominated(&mut self) {
        /// Against how many another one is held.
        const COMPARED_MAX: usize = 32;
        let Open { all, reads, lost, .. } = self.open;
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

    /// What another configuration comes to by a change that still waits need not be kept: it is found again when
    /// something depends on it.
    fn drop_reachable(&mut self, component: &Component<'_>, meter: &mut Meter<'_>) -> Result<(), End> {
        let changes = self.open.all & !self.open.reads;
        let placed_anywhere = self.configurations.iter().fold(0, |any, one| any | one.placed) & changes;
        if placed_anywhere == 0 || self.configurations.len() < 2 {
            return Ok(());
        }
        let key = |configuration: &Configuration| (configuration.state, configuration.placed & changes);
        self.configurations.sort_unstable_by_key(key);
        let mut is_reachable = vec![false; self.configurations.len()];
        for &configuration in &self.configurations {
            for change in ones(placed_anywhere & !configuration.placed) {
                meter.work(component.work(self.open.step(change)))?;
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

    /// A lost change that has happened in every configuration has happened.
    fn forget_what_was_done(&mut self) {
        if self.open.lost == 0 {
            return;
        }
        let done = self
            .configurations
            .iter()
            .fold(self.open.lost, |done, configuration| done & configuration.placed);
        for place in ones(done) {
            self.open.end(place);
        }
        for configuration in &mut self.configurations {
            configuration.placed &= !done;
        }
    }

    /// Keeps only the states of configurations, once most are of none.
    fn forget_states(&mut self) {
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

    /// How much memory is taken at most.
    fn bytes(&self) -> usize {
        /// In a set that doubles as it grows, in a list that does, and among those that are kept.
        const BYTES_PER_CONFIGURATION: usize = 256;
        self.states.bytes() + self.seen.len() * BYTES_PER_CONFIGURATION
    }
}
