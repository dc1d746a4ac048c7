//! The indexed packages and their dependencies.
//!
//! Only indexed packages have an entry, and entries are reused. So memory follows the largest number of packages that
//! were indexed at the same time, and names in rejected requests need none. Forward edges are stored. Of the reverse
//! edges only the number is stored, because no rule needs the dependents. `insert` and `remove` cost O(dependencies),
//! `contains` costs O(1).

use std::collections::HashMap;
use std::mem;

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
        let ids = dependencies.map(|name| self.ids.get(name).copied()).collect::<Option<Vec<_>>>();
        let mut listed = ids.ok_or(InsertError::DependencyMissing)?;
        let known = self.ids.get(package).copied();
        listed.sort_unstable();
        listed.dedup();
        listed.retain(|&dependency| Some(dependency) != known);
        self.bytes = self.bytes_with(package, known, listed.len())?;
        for &dependency in &listed {
            self.entry(dependency).dependents += 1;
        }
        let id = known.unwrap_or_else(|| self.add(package));
        let replaced = mem::replace(&mut self.entry(id).dependencies, listed.into_boxed_slice());
        self.release(&replaced);
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
        self.ids.remove(package);
        let dependencies = mem::take(&mut self.entry(id).dependencies);
        self.release(&dependencies);
        self.free.push(id);
        self.bytes -= PACKAGE_BYTES + package.len() + mem::size_of_val(&*dependencies);
        true
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

    /// Adds a package with an empty list.
    fn add(&mut self, package: &[u8]) -> Id {
        let id = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::default());
            Id::try_from(self.entries.len() - 1).expect("memory is exhausted long before 2^32 packages")
        });
        self.ids.insert(package.into(), id);
        id
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

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(index: &mut Index, package: &str, dependencies: &[&str]) -> Result<(), InsertError> {
        index.insert(package.as_bytes(), dependencies.iter().map(|name| name.as_bytes()))
    }

    #[test]
    fn memory_follows_the_indexed_packages() {
        let mut index = Index::default();
        for round in 0..100 {
            let package = format!("package-{round}");
            assert_eq!(insert(&mut index, &package, &["missing"]), Err(InsertError::DependencyMissing));
            assert_eq!(insert(&mut index, &package, &[]), Ok(()));
            assert_eq!(index.size(), Size { packages: 1, bytes: PACKAGE_BYTES + package.len() });
            assert!(index.remove(package.as_bytes()));
            assert_eq!(index.size(), Size { packages: 0, bytes: 0 });
        }
        assert_eq!(index.entries.len(), 1, "entries are reused, and rejected packages have none");
    }

    #[test]
    fn bytes_follow_the_dependency_lists() {
        let mut index = Index::default();
        for package in ["b", "c"] {
            insert(&mut index, package, &[]).unwrap();
        }
        let of_two = 2 * (PACKAGE_BYTES + 1);
        for (list, listed) in [(&["b", "c"][..], 2), (&["b"], 1), (&["b", "b", "a"], 1), (&[], 0)] {
            insert(&mut index, "a", list).unwrap();
            assert_eq!(index.size().bytes, of_two + PACKAGE_BYTES + 1 + 4 * listed, "{list:?}");
        }
        assert!(index.remove(b"a"));
        assert_eq!(index.size().bytes, of_two);
    }

    #[test]
    fn a_full_index_rejects_new_packages_and_accepts_other_requests() {
        let capacity = Capacity { packages_max: 2, bytes_max: 2 * PACKAGE_BYTES + 6 };
        let mut index = Index::new(capacity);
        insert(&mut index, "a", &[]).unwrap();
        insert(&mut index, "b", &["a"]).unwrap();
        assert_eq!(insert(&mut index, "c", &[]), Err(InsertError::TooManyPackages));
        assert_eq!(insert(&mut index, "c", &["missing"]), Err(InsertError::DependencyMissing));
        assert_eq!(insert(&mut index, "a", &["b"]), Err(InsertError::TooManyBytes));
        assert_eq!(insert(&mut index, "b", &[]), Ok(()));
        assert!(index.remove(b"a"));
        assert_eq!(insert(&mut index, "longer", &[]), Err(InsertError::TooManyBytes));
        assert_eq!(insert(&mut index, "c", &["b"]), Ok(()));
        assert!(!index.remove(b"b") && index.contains(b"c"));
    }
}
