//! The indexed packages and their dependencies.
//!
//! Only indexed packages have an entry, and entries are reused. So memory follows the largest number of packages that
//! were indexed at the same time, and names in rejected requests need none. Forward edges are stored. Of the reverse
//! edges only the number is stored, because no rule needs the dependents. `insert` and `remove` cost O(dependencies),
//! `contains` costs O(1).
//!
//! A change is validated and its memory is allocated before any of it is made, so that a panic leaves the index as it was.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::mem;

#[cfg(test)]
use tests::panic_point;
#[cfg(test)]
pub(super) use tests::with_panic_point;

/// The position of a package in `entries`. A free position is reused by another package.
type Id = u32;

/// The indexed packages.
#[derive(Clone, Debug, Default)]
pub struct Index {
    capacity: Capacity,
    ids: HashMap<Box<[u8]>, Id>,
    entries: Vec<Entry>,
    free: Vec<Id>,
    bytes: usize,
}

/// The capacity of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Number of packages.
    pub packages_max: usize,
    /// Memory in bytes, as estimated by [`Size::bytes`].
    pub bytes_max: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { packages_max: 10_000_000, bytes_max: 4 << 30 }
    }
}

/// The size of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Number of packages.
    pub packages: usize,
    /// Estimated memory in bytes: names, dependency lists, and a fixed overhead per package.
    pub bytes: usize,
}

/// The reason why a package was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertError {
    /// A dependency is not indexed.
    DependencyMissing,
    /// The index contains the maximum number of packages.
    TooManyPackages,
    /// The name and the dependency list exceed the memory limit.
    TooManyBytes,
}

/// Overhead of a package in bytes, in addition to its name and its list: table slots, which are up to half empty, and
/// the allocator's overhead.
const PACKAGE_BYTES: usize = 160;

#[derive(Clone, Debug, Default)]
struct Entry {
    /// The dependencies: sorted, without duplicates and without the package itself (S6).
    dependencies: Box<[Id]>,
    /// The number of other packages that depend on this one.
    dependents: u32,
}

/// A validated insertion with all memory that it needs.
struct Insertion {
    id: Id,
    /// The name, if the package is not indexed yet.
    name: Option<Box<[u8]>>,
    dependencies: Box<[Id]>,
    /// The memory of the index after the insertion.
    bytes: usize,
}

impl Index {
    /// Creates an empty index.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Reports whether the package is indexed (S5).
    #[must_use]
    pub fn contains(&self, package: &[u8]) -> bool {
        self.ids.contains_key(package)
    }

    /// The current size.
    #[must_use]
    pub fn size(&self) -> Size {
        Size { packages: self.ids.len(), bytes: self.bytes }
    }

    /// Adds the package, or replaces its dependency list.
    ///
    /// # Errors
    /// Fails if a dependency is not indexed (S1, S2) or a limit is exceeded. The index is unchanged then.
    pub fn insert<'a>(
        &mut self,
        package: &[u8],
        dependencies: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), InsertError> {
        let insertion = self.prepare(package, dependencies)?;
        panic_point();
        self.commit(insertion);
        Ok(())
    }

    /// Removes the package if it is indexed. Returns false, without a change, if another package depends on it (S3, S4).
    pub fn remove(&mut self, package: &[u8]) -> bool {
        let Some(&id) = self.ids.get(package) else {
            return true;
        };
        if self.entry(id).dependents > 0 {
            return false;
        }
        self.free.reserve(1);
        panic_point();
        // No statement below panics or allocates.
        self.ids.remove(package);
        let dependencies = mem::take(&mut self.entry(id).dependencies);
        self.release(&dependencies);
        self.free.push(id);
        self.bytes -= PACKAGE_BYTES + package.len() + mem::size_of_val(&*dependencies);
        true
    }

    /// Validates an insertion and allocates its memory. The indexed packages do not change.
    fn prepare<'a>(
        &mut self,
        package: &[u8],
        dependencies: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Insertion, InsertError> {
        let ids = dependencies.map(|name| self.ids.get(name).copied()).collect::<Option<Vec<_>>>();
        let mut listed = ids.ok_or(InsertError::DependencyMissing)?;
        panic_point();
        let known = self.ids.get(package).copied();
        listed.sort_unstable();
        listed.dedup();
        listed.retain(|&dependency| Some(dependency) != known);
        let bytes = self.bytes_with(package, known, listed.len())?;
        panic_point();
        let dependencies = listed.into_boxed_slice();
        let Some(id) = known else {
            self.ids.reserve(1);
            self.entries.reserve(1);
            let id = self.free.last().copied().unwrap_or_else(|| {
                Id::try_from(self.entries.len()).expect("memory is exhausted long before 2^32 packages")
            });
            return Ok(Insertion { id, name: Some(package.into()), dependencies, bytes });
        };
        Ok(Insertion { id, name: None, dependencies, bytes })
    }

    /// Applies an insertion. No statement panics or allocates, so no other thread sees a half-made change.
    fn commit(&mut self, Insertion { id, name, dependencies, bytes }: Insertion) {
        for &dependency in &dependencies {
            self.entry(dependency).dependents += 1;
        }
        if let Some(name) = name {
            if self.free.pop().is_none() {
                self.entries.push(Entry::default());
            }
            self.ids.insert(name, id);
        }
        let replaced = mem::replace(&mut self.entry(id).dependencies, dependencies);
        self.release(&replaced);
        self.bytes = bytes;
    }

    /// The memory of the index after the package gets a list of `listed` dependencies, if that is within the limits. A
    /// change that needs no additional memory is always within the limits.
    fn bytes_with(&self, package: &[u8], known: Option<Id>, listed: usize) -> Result<usize, InsertError> {
        let list_bytes = listed * mem::size_of::<Id>();
        let (before, after) = match known {
            Some(id) => (mem::size_of_val(&*self.entries[id as usize].dependencies), list_bytes),
            None if self.ids.len() >= self.capacity.packages_max => return Err(InsertError::TooManyPackages),
            None => (0, PACKAGE_BYTES + package.len() + list_bytes),
        };
        let bytes = self.bytes - before + after;
        if after > before && bytes > self.capacity.bytes_max {
            Err(InsertError::TooManyBytes)
        } else {
            Ok(bytes)
        }
    }

    fn release(&mut self, dependencies: &[Id]) {
        for &dependency in dependencies {
            self.entry(dependency).dependents -= 1;
        }
    }

    fn entry(&mut self, id: Id) -> &mut Entry {
        &mut self.entries[id as usize]
    }
}

/// A place where tests inject a panic.
#[cfg(not(test))]
const fn panic_point() {}
