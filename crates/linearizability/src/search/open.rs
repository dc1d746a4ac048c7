//! The operations of a component that are under way, each in a slot; sets of them are sets of bits.

use super::component::{Component, Move};

/// How many operations of one component may be under way at once.
pub(super) const OPEN_MAX: usize = 128;

/// A set of slots.
pub(super) type Slots = u128;

/// What is under way.
#[derive(Clone, Debug)]
pub(super) struct Open {
    slots: Vec<Slot>,
    /// The slots in use.
    pub(super) all: Slots,
    /// Those that change nothing.
    pub(super) reads: Slots,
    /// Those whose reply was lost: they need never happen.
    pub(super) lost: Slots,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    step: u32,
    returns_at: u32,
    /// Those that it matters for which comes first.
    conflicts: Slots,
    /// Those that do the same, and return earlier.
    earlier: Slots,
}

impl Open {
    /// Nothing.
    pub(super) fn new() -> Self {
        Self { slots: vec![], all: 0, reads: 0, lost: 0 }
    }

    /// An operation is sent; says where it is, or that there is no place.
    pub(super) fn begin(&mut self, component: &Component<'_>, sent: &Move) -> Option<u32> {
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
        if slot.returns_at == Move::LOST {
            self.lost |= 1 << place;
        }
        if place as usize == self.slots.len() {
            self.slots.push(slot);
        } else {
            self.slots[place as usize] = slot;
        }
        Some(place)
    }

    /// An operation is done with.
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

    /// Where the operation is whose reply is this event.
    pub(super) fn place_of(&self, event: u32) -> Option<u32> {
        ones(self.all).find(|&place| self.slots[place as usize].returns_at == event)
    }

    /// What an operation did, if it is placed.
    pub(super) fn step(&self, place: u32) -> u32 {
        self.slots[place as usize].step
    }

    /// Those that it matters for which comes first.
    pub(super) fn conflicts(&self, place: u32) -> Slots {
        self.slots[place as usize].conflicts
    }

    /// The waiting changes that may have to come next before an operation has its place: those that conflict with it, or
    /// with one of these in turn. Of several that do the same the one goes first that returns first.
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

/// The slots of a set.
pub(super) fn ones(mut slots: Slots) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        (slots != 0).then(|| {
            let next = slots.trailing_zeros();
            slots &= slots - 1;
            next
        })
    })
}
