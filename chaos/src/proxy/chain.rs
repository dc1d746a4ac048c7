//! The toxics of one direction of a connection, one behind the other. It is pure, as they are.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::fault::{Effect, Witness};
use super::queue::Item;
use super::stage::{Ending, Stage};
use super::toxics::{Placed, Toxics};

/// All toxics of a direction at work.
pub(super) struct Chain {
    seed: u64,
    witness: Witness,
    stages: Vec<Stage>,
    /// What went through all of them.
    through: VecDeque<Item>,
}

impl Chain {
    /// A chain without toxics.
    pub(super) fn new(seed: u64, witness: Witness) -> Self {
        Self { seed, witness, stages: Vec::new(), through: VecDeque::new() }
    }

    /// Becomes a chain of these toxics. What waits in those that are gone goes on.
    pub(super) fn follow(&mut self, toxics: &Toxics, now: Instant) {
        self.remove_all_but(toxics.placed(), now);
        for placed in toxics.placed().iter().filter(|placed| placed.toxic.stream == self.witness.stream) {
            match self.stages.iter_mut().find(|stage| stage.id == placed.id) {
                Some(stage) if stage.toxic == placed.toxic => {}
                Some(stage) => stage.update(&placed.toxic, now, &self.witness),
                None => self.stages.push(Stage::new(placed, self.seed, now, &self.witness)),
            }
        }
    }

    /// Whether it takes more.
    pub(super) fn has_room(&self) -> bool {
        self.stages.first().map_or(self.through.is_empty(), Stage::has_room)
    }

    /// Takes in what the sender sent.
    pub(super) fn arrive(&mut self, item: Item, now: Instant) {
        self.arrive_at(0, item, now);
    }

    /// How a toxic ends the connection now, whatever still waits.
    pub(super) fn overdue(&self, now: Instant) -> Option<Ending> {
        let (toxic, ending) = self.stages.iter().find_map(|stage| {
            stage.alarm().filter(|(at, _)| *at <= now).map(|(_, ending)| (&stage.toxic.name, ending))
        })?;
        let effect = match ending {
            Ending::Close => Effect::Closed,
            Ending::Reset => Effect::Reset,
        };
        self.witness.tell(toxic, effect);
        Some(ending)
    }

    /// Lets go what is due at the far end, one item.
    pub(super) fn next(&mut self, now: Instant) -> Option<Item> {
        for index in 1..self.stages.len() {
            while self.stages[index].has_room()
                && let Some(item) = self.stages[index - 1].give(now, &self.witness)
            {
                self.stages[index].arrive(item, now, &self.witness);
            }
        }
        self.through.pop_front().or_else(|| self.stages.last_mut()?.give(now, &self.witness))
    }

    /// When to look again. What is due already and did not go waits for room, and not for a time.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let alarms = self.stages.iter().filter_map(|stage| stage.alarm().map(|(at, _)| at));
        self.stages.iter().filter_map(Stage::due).chain(alarms).filter(|due| *due > now).min()
    }

    fn arrive_at(&mut self, index: usize, item: Item, now: Instant) {
        match self.stages.get_mut(index) {
            Some(stage) => stage.arrive(item, now, &self.witness),
            None => self.through.push_back(item),
        }
    }

    fn remove_all_but(&mut self, placed: &[Placed], now: Instant) {
        // From the far end, so that what goes on keeps its order.
        for index in (0..self.stages.len()).rev() {
            if placed.iter().all(|placed| placed.id != self.stages[index].id) {
                for item in self.stages.remove(index).into_items() {
                    self.arrive_at(index, item, now);
                }
            }
        }
    }
}
