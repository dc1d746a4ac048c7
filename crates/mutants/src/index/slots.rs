//! Dependents in numbered slots, which become wrong when a dependent is removed. Only a defect needs them.

use std::collections::BTreeMap;

use super::names::Name;

#[derive(Debug, Default)]
pub(super) struct Slots {
    names: Vec<Name>,
    /// The slot of each name.
    slots: BTreeMap<Name, usize>,
}

impl Slots {
    pub(super) fn insert(&mut self, name: &[u8]) {
        if !self.slots.contains_key(name) {
            self.slots.insert(name.to_vec(), self.names.len());
            self.names.push(name.to_vec());
        }
    }

    /// Empties the slot of a name and moves the last name into it. The slot of the moved name is not updated.
    pub(super) fn remove(&mut self, name: &[u8]) {
        if let Some(slot) = self.slots.remove(name)
            && slot < self.names.len()
        {
            self.names.swap_remove(slot);
        }
    }

    pub(super) fn contains_other_than(&self, package: &[u8]) -> bool {
        self.names.iter().any(|name| name != package)
    }
}
