//! The indexed packages with their dependency lists, and the reverse edges from each package to its dependents.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Defect, Defects};
use super::filter::Filter;
use super::names::Name;
use super::slots::Slots;

/// The dependency list of an indexed package.
pub(super) type List = BTreeSet<Name>;

/// Members that every JavaScript object has. A defect treats them as indexed packages.
const OBJECT_MEMBERS: [&[u8]; 4] = [b"constructor", b"hasOwnProperty", b"toString", b"__proto__"];

#[derive(Debug)]
pub(super) struct Packages {
    defects: Defects,
    lists: BTreeMap<Name, List>,
    /// For each listed package, the packages that list it.
    dependents: BTreeMap<Name, BTreeSet<Name>>,
    /// For each listed package, the packages that list it, in slots. Only a defect needs this.
    slots: BTreeMap<Name, Slots>,
    /// A filter of the indexed packages. Only a defect needs this.
    filter: Filter,
}

impl Packages {
    pub(super) fn new(defects: Defects) -> Self {
        Self {
            defects,
            lists: BTreeMap::new(),
            dependents: BTreeMap::new(),
            slots: BTreeMap::new(),
            filter: Filter::new(),
        }
    }

    pub(super) fn contains(&self, package: &[u8]) -> bool {
        let is_born_with = self.defects.has(Defect::BornWithNames) && OBJECT_MEMBERS.contains(&package);
        is_born_with || self.lists.contains_key(package)
    }

    pub(super) fn contains_beginning_with(&self, prefix: &[u8]) -> bool {
        self.lists.range(prefix.to_vec()..).next().is_some_and(|(name, _)| name.starts_with(prefix))
    }

    pub(super) fn filter_contains(&self, package: &[u8]) -> bool {
        self.filter.may_contain(package)
    }

    pub(super) fn count(&self) -> usize {
        self.lists.len()
    }

    pub(super) fn names(&self) -> BTreeSet<Name> {
        self.lists.keys().cloned().collect()
    }

    pub(super) fn list_of(&self, package: &[u8]) -> Option<&List> {
        self.lists.get(package)
    }

    pub(super) fn dependents_of(&self, package: &[u8]) -> Vec<Name> {
        self.dependents.get(package).into_iter().flatten().cloned().collect()
    }

    /// Returns whether another package lists this one.
    pub(super) fn is_needed(&self, package: &[u8]) -> bool {
        let mut others = self.dependents.get(package).into_iter().flatten();
        match self.defects.get() {
            Some(Defect::SelfDependencyBlocksRemove) => others.next().is_some(),
            Some(Defect::DependentsCountedInAByte) => {
                others.filter(|name| *name != package).count() % 256 != 0
            }
            Some(Defect::SelfDependencyHidesDependents) => {
                let lists_itself = self.list_of(package).is_some_and(|list| list.contains(package));
                !lists_itself && others.next().is_some()
            }
            Some(Defect::DependentsInStaleSlots) => {
                self.slots.get(package).is_some_and(|slots| slots.contains_other_than(package))
            }
            _ => others.any(|name| name != package),
        }
    }

    /// Returns whether an update of `package` to `list` would close a cycle. Only a defect needs this.
    pub(super) fn would_close_cycle(&self, package: &[u8], list: &[Name]) -> bool {
        let mut seen = BTreeSet::new();
        let mut to_see: Vec<&Name> = list.iter().filter(|name| *name != package).collect();
        while let Some(name) = to_see.pop() {
            if name == package {
                return true;
            }
            if seen.insert(name) {
                to_see.extend(self.lists.get(name).into_iter().flatten());
            }
        }
        false
    }

    /// Indexes a package with a list, or replaces the list of an indexed package.
    pub(super) fn put(&mut self, package: &[u8], list: &[Name]) {
        if self.defects.has(Defect::UpdateForgetsDependents) {
            self.dependents.remove(package);
        }
        let old_list = self.set_list(package, list);
        self.move_edges(package, &old_list, list);
    }

    /// Replaces the dependency list without the reverse edges. Returns the old list.
    pub(super) fn set_list(&mut self, package: &[u8], list: &[Name]) -> List {
        let old_list = self.lists.insert(package.to_vec(), list.iter().cloned().collect());
        if old_list.is_none() && self.defects.has(Defect::QueryAsksABloomFilter) {
            self.filter.insert(package);
        }
        old_list.unwrap_or_default()
    }

    /// Moves the reverse edges of a package from its old list to its new list.
    pub(super) fn move_edges(&mut self, package: &[u8], old_list: &List, list: &[Name]) {
        if !self.defects.has(Defect::UpdateLeavesOldEdges) {
            self.drop_edges(package, old_list);
        }
        self.add_edges(package, list);
        if self.defects.has(Defect::UpdateDropsSharedEdges) {
            self.drop_edges(package, old_list);
        }
    }

    /// Removes a package and returns its list.
    pub(super) fn delete(&mut self, package: &[u8]) -> Option<List> {
        let list = self.lists.remove(package)?;
        if self.defects.has(Defect::QueryAsksABloomFilter) {
            self.filter.remove(package);
        }
        if !self.defects.has(Defect::EdgesLeftBehind) {
            self.drop_edges(package, &list);
        }
        Some(list)
    }

    pub(super) fn add_edges(&mut self, package: &[u8], list: &[Name]) {
        for dependency in list {
            let dependents = self.dependents.entry(dependency.clone()).or_default();
            if self.defects.has(Defect::RemembersOneDependent) {
                dependents.clear();
            }
            if self.defects.has(Defect::DependentsInStaleSlots) {
                self.slots.entry(dependency.clone()).or_default().insert(package);
            }
            let is_new = dependents.insert(package.to_vec());
            if !is_new && self.defects.has(Defect::RepeatedDependencyCountedTwice) {
                // No request can contain this name, so no request removes the edge.
                dependents.insert([package, b"\n"].concat());
            }
        }
    }

    /// Removes the reverse edges of an indexed package and keeps its list. Only a defect needs this.
    pub(super) fn drop_edges_of(&mut self, package: &[u8]) {
        let list = self.list_of(package).cloned().unwrap_or_default();
        self.drop_edges(package, &list);
    }

    /// Removes one dependent of each package in the list, whichever it is. Only a defect needs this.
    pub(super) fn release(&mut self, list: &List) {
        for dependency in list {
            self.dependents.get_mut(dependency).and_then(BTreeSet::pop_first);
        }
    }

    fn drop_edges(&mut self, package: &[u8], list: &List) {
        for dependency in list {
            if let Some(slots) = self.slots.get_mut(dependency) {
                slots.remove(package);
            }
            let Some(dependents) = self.dependents.get_mut(dependency) else { continue };
            dependents.remove(package);
            if dependents.is_empty() {
                self.dependents.remove(dependency);
            }
        }
    }
}
