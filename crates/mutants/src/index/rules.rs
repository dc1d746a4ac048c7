//! The rules of the index: the effect and the reply of each request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::catalogue::{Defect, Defects};
use super::grammar::{Command, Request};
use super::names::Name;
use super::packages::{List, Packages};
use super::replies::Reply;

/// The time for which the name of a removed package is blocked.
const NAME_BLOCKED: Duration = Duration::from_millis(100);

/// The index. It applies one request after the other.
#[derive(Debug)]
pub(super) struct Index {
    defects: Defects,
    pub(super) packages: Packages,
    /// State that only defects need.
    memory: Memory,
}

#[derive(Debug, Default)]
struct Memory {
    /// The lists of removed packages, as they were before the removal.
    former_lists: BTreeMap<Name, List>,
    /// Names that occurred in a failed INDEX and were not indexed or removed since.
    mentioned: BTreeSet<Name>,
    /// The times at which packages were removed.
    removed_at: BTreeMap<Name, Instant>,
    /// The number of queries of indexed packages.
    query_count: u64,
}

impl Index {
    pub(super) fn new(defects: Defects) -> Self {
        Self { defects, packages: Packages::new(defects), memory: Memory::default() }
    }

    pub(super) fn answer(&mut self, request: &Request) -> Reply {
        match request.command {
            Command::Index => self.index(&request.package, &request.list),
            Command::Remove => self.remove(&request.package, &request.list),
            Command::Query => self.query(&request.package, &request.list),
        }
    }

    /// Returns whether the reply to a request is `OK`. Races check first and apply the request later.
    pub(super) fn can_apply(&self, request: &Request) -> bool {
        match request.command {
            Command::Index => self.can_index(&request.package, &request.list),
            Command::Remove => self.can_remove(&request.package),
            Command::Query => self.packages.contains(&request.package),
        }
    }

    /// Applies the effect of a request whose reply is `OK`.
    pub(super) fn apply(&mut self, request: &Request) {
        match request.command {
            Command::Index => self.insert(&request.package, &request.list),
            Command::Remove => self.remove_package(&request.package),
            Command::Query => {}
        }
    }

    fn index(&mut self, package: &[u8], list: &[Name]) -> Reply {
        let is_allowed = self.can_index(package, list);
        if is_allowed {
            self.insert(package, list);
        } else {
            self.refuse(package, list);
        }
        Reply::ok_if(is_allowed)
    }

    /// Returns whether INDEX succeeds: all dependencies must be indexed.
    pub(super) fn can_index(&self, package: &[u8], list: &[Name]) -> bool {
        let is_update = self.packages.contains(package);
        let mut is_indexed = list.iter().map(|dependency| self.packages.contains(dependency));
        match self.defects.get() {
            Some(Defect::NoDependencyCheck) => true,
            Some(Defect::UpdateIsNotChecked) if is_update => true,
            Some(Defect::UpdateIsRefused) if is_update => false,
            Some(Defect::RemovedNameBlocked) if self.is_name_blocked(package) => false,
            Some(Defect::RemovedPackageRemembered) if self.memory.former_lists.contains_key(package) => true,
            Some(Defect::WrongBeyond10000Packages) if self.packages.count() > 10_000 => true,
            Some(Defect::ChecksFirstDependencyOnly) => is_indexed.next().unwrap_or(true),
            Some(Defect::ChecksLastDependencyOnly) => is_indexed.next_back().unwrap_or(true),
            Some(Defect::OneDependencyIsEnough) => list.is_empty() || is_indexed.any(|is_indexed| is_indexed),
            Some(Defect::ListCutAt64) => is_indexed.take(64).all(|is_indexed| is_indexed),
            Some(Defect::SelfDependencyTaken) => {
                list.iter().all(|dependency| dependency == package || self.packages.contains(dependency))
            }
            Some(Defect::CyclesAreRefused) if self.packages.would_close_cycle(package, list) => false,
            _ => is_indexed.all(|is_indexed| is_indexed),
        }
    }

    fn is_name_blocked(&self, package: &[u8]) -> bool {
        self.memory.removed_at.get(package).is_some_and(|removed_at| removed_at.elapsed() < NAME_BLOCKED)
    }

    /// Indexes a package with exactly the given list.
    pub(super) fn insert(&mut self, package: &[u8], list: &[Name]) {
        let old_list = self.packages.list_of(package);
        let and = |more: Option<&List>| more.into_iter().flatten().chain(list).cloned().collect();
        let list: Vec<Name> = match (self.defects.get(), old_list) {
            (Some(Defect::UpdateMerges), Some(_)) => and(old_list),
            (Some(Defect::UpdateKeepsOldList), Some(old_list)) => old_list.iter().cloned().collect(),
            (Some(Defect::UpdateToEmptyListIgnored), Some(old_list)) if list.is_empty() => {
                old_list.iter().cloned().collect()
            }
            (Some(Defect::ClosureComputedAtIndex), _) => {
                // The stored list of each dependency is closed already.
                let indirect =
                    list.iter().filter_map(|dependency| self.packages.list_of(dependency)).flatten();
                list.iter().chain(indirect).cloned().collect()
            }
            (Some(Defect::OldListReturns), None) => and(self.memory.former_lists.get(package)),
            (Some(Defect::ListCutAt64), _) => list.iter().take(64).cloned().collect(),
            _ => list.to_vec(),
        };
        self.packages.put(package, &list);
        self.memory.mentioned.remove(package);
        self.memory.removed_at.remove(package);
    }

    /// Handles a failed INDEX. The correct server changes nothing.
    fn refuse(&mut self, package: &[u8], list: &[Name]) {
        let is_update = self.packages.contains(package);
        match self.defects.get() {
            Some(Defect::FailedIndexIsKept) if !is_update => self.packages.put(package, list),
            Some(Defect::FailedIndexLeavesEdges) if !is_update => {
                let is_indexed = |name: &&Name| self.packages.contains(name);
                let present: Vec<Name> = list.iter().filter(is_indexed).cloned().collect();
                self.packages.add_edges(package, &present);
            }
            Some(Defect::FailedUpdateDropsList) if is_update => self.packages.put(package, &[]),
            Some(Defect::FailedUpdateTakesNewList) if is_update => self.packages.put(package, list),
            Some(Defect::FailedUpdateDropsPackage) => {
                self.packages.delete(package);
            }
            Some(Defect::RemoveOfNamedOnlyFails | Defect::QueryKnowsNames) => {
                self.memory.mentioned.extend(list.iter().cloned().chain([package.to_vec()]));
            }
            _ => {}
        }
    }

    fn remove(&mut self, package: &[u8], list: &[Name]) -> Reply {
        if self.defects.has(Defect::RemoveChecksItsList) && !self.are_indexed(list) {
            return Reply::Fail;
        }
        if !self.packages.contains(package) {
            return self.remove_absent(package);
        }
        let is_allowed = self.can_remove(package);
        if is_allowed || self.defects.has(Defect::FailedRemoveRemoves) {
            self.remove_package(package);
        } else if self.defects.has(Defect::FailedRemoveReleasesDependencies) {
            self.packages.drop_edges_of(package);
        }
        Reply::ok_if(is_allowed)
    }

    /// Replies `OK` to REMOVE of a package that is not indexed.
    fn remove_absent(&mut self, package: &[u8]) -> Reply {
        match self.defects.get() {
            Some(Defect::RemoveOfAbsentFails) => return Reply::Fail,
            Some(Defect::RemoveOfAbsentIsAnError) => return Reply::Error,
            Some(Defect::RemoveOfNamedOnlyFails) if self.memory.mentioned.contains(package) => {
                return Reply::Fail;
            }
            Some(Defect::RemoveFoldsNames) => {
                let is_equal = |name: &Name| name.eq_ignore_ascii_case(package);
                if let Some(name) = self.packages.names().into_iter().find(is_equal) {
                    self.remove_package(&name);
                }
            }
            Some(Defect::SecondRemoveReleasesAgain) => {
                if let Some(list) = self.memory.former_lists.get(package) {
                    self.packages.release(list);
                }
            }
            Some(Defect::RemoveOfAbsentIndexes) => self.packages.put(package, &[]),
            _ => {}
        }
        self.memory.mentioned.remove(package);
        Reply::Ok
    }

    /// Returns whether no other package lists the package.
    pub(super) fn can_remove(&self, package: &[u8]) -> bool {
        match self.defects.get() {
            Some(Defect::RemoveIgnoresDependents | Defect::RemoveTakesDependentsAlong) => true,
            _ => !self.packages.is_needed(package),
        }
    }

    /// Removes a package and nothing else.
    pub(super) fn remove_package(&mut self, package: &[u8]) {
        if self.defects.has(Defect::RemoveDoesNothing) {
            return;
        }
        let mut to_go = vec![package.to_vec()];
        while let Some(package) = to_go.pop() {
            let dependents = self.packages.dependents_of(&package);
            let Some(list) = self.packages.delete(&package) else { continue };
            match self.defects.get() {
                Some(Defect::RemoveTakesDependentsAlong) => to_go.extend(dependents),
                Some(Defect::RemoveTakesDependenciesAlong) => {
                    to_go.extend(list.into_iter().filter(|dependency| !self.packages.is_needed(dependency)));
                }
                Some(
                    Defect::OldListReturns
                    | Defect::RemovedPackageRemembered
                    | Defect::SecondRemoveReleasesAgain,
                ) => {
                    self.memory.former_lists.insert(package, list);
                }
                Some(Defect::RemovedNameBlocked) => {
                    self.memory.removed_at.insert(package, Instant::now());
                }
                _ => {}
            }
        }
    }

    /// Replies whether the package is indexed, without a change.
    fn query(&mut self, package: &[u8], list: &[Name]) -> Reply {
        let is_indexed = self.packages.contains(package);
        match self.defects.get() {
            Some(Defect::QueryIndexes) if !is_indexed => self.packages.put(package, &[]),
            Some(Defect::QueryRemoves) if self.can_remove(package) => self.remove_package(package),
            Some(Defect::QueryKnowsNames) => {
                return Reply::ok_if(is_indexed || self.memory.mentioned.contains(package));
            }
            Some(Defect::QueryAsksABloomFilter) => {
                return Reply::ok_if(self.packages.filter_contains(package));
            }
            Some(Defect::QuerySaysError) if !is_indexed => return Reply::Error,
            Some(Defect::QueryChecksItsList) => return Reply::ok_if(is_indexed && self.are_indexed(list)),
            Some(Defect::NamesByPrefix) => {
                return Reply::ok_if(self.packages.contains_beginning_with(package));
            }
            Some(Defect::WrongOnceInAThousand) if is_indexed => {
                self.memory.query_count += 1;
                return Reply::ok_if(!self.memory.query_count.is_multiple_of(1000));
            }
            _ => {}
        }
        Reply::ok_if(is_indexed)
    }

    fn are_indexed(&self, list: &[Name]) -> bool {
        list.iter().all(|name| self.packages.contains(name))
    }
}
