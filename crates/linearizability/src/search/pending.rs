//! The pending operations of a component, each in a slot. Sets of operations are sets of bits.

use crate::search::component::{Call, Component};

/// The number of operations of one component that may be pending at the same time.
pub(super) const OPEN_MAX: usize = 128;

/// A set of slots, as bits.
pub(super) type Slots = u128;

/// The pending operations.
#[derive(Clone, Debug)]
pub(super) struct PendingCalls {
    slots: Vec<Slot>,
    /// The occupied slots.
    pub(super) all: Slots,
    /// The slots of operations that do not change the index.
    pub(super) reads: Slots,
    /// The slots of operations whose reply was lost; they need not take effect.
    pub(super) lost: Slots,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    step: u32,
    returns_at: u32,
    /// The operations whose order relative to this one matters.
    conflicts: Slots,
    /// The operations with the same effect that return earlier.
    earlier: Slots,
}

impl PendingCalls {
    /// Returns an empty set.
    pub(super) fn new() -> Self {
        Self { slots: vec![], all: 0, reads: 0, lost: 0 }
    }

    /// Adds an operation when it is sent. Returns its slot, or `None` if all slots are occupied.
    pub(super) fn begin(&mut self, component: &Component<'_>, sent: &Call) -> Option<u32> {
        let place = self.all.trailing_ones();
        if place as usize == OPEN_MAX {
            return None;
        }
        let mut slot = Slot { step: sent.step, returns_at: sent.returns_at, conflicts: 0, earlier: 0 };
        for other in ones(self.all) {
            let there = &mut self.slots[other as usize];
            if component.conflict(slot.step, there.step) {
                there.conflicts |= 1 << place;
                slot.conflicts |= 1 << other;
            }
            match there.step == slot.step {
                true if slot.returns_at < there.returns_at => there.earlier |= 1 << place,
                true => slot.earlier |= 1 << other,
                false => {}
            }
        }
        self.all |= 1 << place;
        if component.change(slot.step).is_none() {
            self.reads |= 1 << place;
        }
        if slot.returns_at == Call::LOST {
            self.lost |= 1 << place;
        }
        if place as usize == self.slots.len() {
            self.slots.push(slot);
        } else {
            self.slots[place as usize] = slot;
        }
        Some(place)
    }

    /// Removes an operation.
    pub(super) fn end(&mut self, place: u32) {
        let others = !(1 << place);
        self.all &= others;
        self.reads &= others;
        self.lost &= others;
        for other in ones(self.all) {
            let slot = &mut self.slots[other as usize];
            slot.conflicts &= others;
            slot.earlier &= others;
        }
    }

    /// Returns the slot of the operation whose reply is this event.
    pub(super) fn place_of(&self, event: u32) -> Option<u32> {
        ones(self.all).find(|&place| self.slots[place as usize].returns_at == event)
    }

    /// Returns the step of an operation: its effect, provided that it is placed.
    pub(super) fn step(&self, place: u32) -> u32 {
        self.slots[place as usize].step
    }

    /// Returns the operations whose order relative to this one matters.
    pub(super) fn conflicts(&self, place: u32) -> Slots {
        self.slots[place as usize].conflicts
    }

    /// Returns the waiting changes that may have to be placed before an operation: those that conflict with it,
    /// directly or through other waiting changes. Of changes with the same effect, only the one that returns first is
    /// included.
    pub(super) fn changes_before(&self, place: u32, waiting: Slots) -> Slots {
        let mut closure: Slots = 1 << place;
        let mut todo = closure;
        while todo != 0 {
            let next = todo.trailing_zeros();
            todo &= todo - 1;
            let fresh = self.conflicts(next) & waiting & !closure;
            closure |= fresh;
            todo |= fresh;
        }
        let goes_first = |change: &u32| self.slots[*change as usize].earlier & waiting == 0;
        ones(closure & !self.reads).filter(goes_first).fold(0, |changes, change| changes | 1 << change)
    }
}

/// Returns an iterator over the slots of a set.
pub(super) fn ones(mut slots: Slots) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (slots != 0).then(|| {
            let next = slots.trailing_zeros();
            slots &= slots - 1;
            next
        })
    })
}
