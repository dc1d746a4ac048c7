//! The packages and who needs whom.
//!
//! Only indexed packages have an entry, and entries are used again, so memory follows the most that was ever indexed
//! at once, and nothing that clients merely named.
//! Edges are kept forward; of the reverse edges only their number is kept, since no rule asks who the dependents
//! are. `insert` and `remove` cost O(dependencies) and `contains` O(1).

use std::collections::HashMap;
use std::mem;

/// A package's place in `entries`, given again to another package once it is free.
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

/// How much an index may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Packages.
    pub packages_max: usize,
    /// Memory, as [`Size::bytes`] counts it.
    pub bytes_max: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { packages_max: 10_000_000, bytes_max: 4 << 30 }
    }
}

/// How much an index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Packages.
    pub packages: usize,
    /// Memory: names, lists, and an estimate of what each package takes beside them.
    pub bytes: usize,
}

/// Why a package was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotInserted {
    /// A dependency is not indexed.
    DependencyMissing,
    /// There is no room for another package.
    TooManyPackages,
    /// There is no room for so long a name or list.
    TooManyBytes,
}

/// What a package takes beside its name and its list: its places in the table and among the entries, which are up to
/// half empty, and what the allocator adds.
const PACKAGE_BYTES: usize = 160;

#[derive(Clone, Debug, Default)]
struct Entry {
    /// What the package lists: each name once, in ascending order, itself left out (S6).
    dependencies: Box<[Id]>,
    /// How many other packages list it.
    dependents: u32,
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Whether the package is indexed (S5).
    #[must_use]
    pub fn contains(&self, package: &[u8]) -> bool {
        self.ids.contains_key(package)
    }

    /// How much is indexed.
    #[must_use]
    pub fn size(&self) -> Size {
        Size { packages: self.ids.len(), bytes: self.bytes }
    }

    /// Lets the package in, or gives it a new list.
    ///
    /// # Errors
    /// A dependency is not indexed (S1, S2), or there is no room. Nothing is changed then.
    pub fn insert<'a>(
        &mut self,
        package: &[u8],
        dependencies: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), NotInserted> {
        let ids = dependencies.map(|name| self.ids.get(name).copied()).collect::<Option<Vec<_>>>();
        let mut listed = ids.ok_or(NotInserted::DependencyMissing)?;
        let known = self.ids.get(package).copied();
        listed.sort_unstable();
        listed.dedup();
        listed.retain(|&dependency| Some(dependency) != known);
        self.bytes = self.bytes_with(package, known, listed.len())?;
        for &dependency in &listed {
            self.entry(dependency).dependents += 1;
        }
        let id = known.unwrap_or_else(|| self.new_id_of(package));
        let replaced = mem::replace(&mut self.entry(id).dependencies, listed.into_boxed_slice());
        self.forget_dependent(&replaced);
        Ok(())
    }

    /// Takes the package out if it is in; false, and nothing is changed, if another one lists it (S3, S4).
    pub fn remove(&mut self, package: &[u8]) -> bool {
        let Some(&id) = self.ids.get(package) else {
            return true;
        };
        if self.entry(id).dependents > 0 {
            return false;
        }
        self.ids.remove(package);
        let dependencies = mem::take(&mut self.entry(id).dependencies);
        self.forget_dependent(&dependencies);
        self.free.push(id);
        self.bytes -= PACKAGE_BYTES + package.len() + mem::size_of_val(&*dependencies);
        true
    }

    /// The memory that the index will take with a list of so many for this package, if there is room for that. What
    /// takes no more than before always has room.
    fn bytes_with(&self, package: &[u8], known: Option<Id>, listed: usize) -> Result<usize, NotInserted> {
        let list_bytes = listed * mem::size_of::<Id>();
        let (before, after) = match known {
            Some(id) => (mem::size_of_val(&*self.entries[id as usize].dependencies), list_bytes),
            None if self.ids.len() >= self.capacity.packages_max => return Err(NotInserted::TooManyPackages),
            None => (0, PACKAGE_BYTES + package.len() + list_bytes),
        };
        let bytes = self.bytes - before + after;
        if after > before && bytes > self.capacity.bytes_max {
            Err(NotInserted::TooManyBytes)
        } else {
            Ok(bytes)
        }
    }

    /// Lets a package in with an empty list.
    fn new_id_of(&mut self, package: &[u8]) -> Id {
        let id = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry::default());
            Id::try_from(self.entries.len() - 1).expect("memory ends long before 2^32 packages do")
        });
        self.ids.insert(package.into(), id);
        id
    }

    fn forget_dependent(&mut self, dependencies: &[Id]) {
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

    fn insert(index: &mut Index, package: &str, dependencies: &[&str]) -> Result<(), NotInserted> {
        index.insert(package.as_bytes(), dependencies.iter().map(|name| name.as_bytes()))
    }

    #[test]
    fn memory_follows_what_is_indexed() {
        let mut index = Index::default();
        for round in 0..100 {
            let package = format!("package-{round}");
            assert_eq!(insert(&mut index, &package, &["missing"]), Err(NotInserted::DependencyMissing));
            assert_eq!(insert(&mut index, &package, &[]), Ok(()));
            assert_eq!(index.size(), Size { packages: 1, bytes: PACKAGE_BYTES + package.len() });
            assert!(index.remove(package.as_bytes()));
            assert_eq!(index.size(), Size { packages: 0, bytes: 0 });
        }
        assert_eq!(index.entries.len(), 1, "places are used again, and refused packages get none");
    }

    #[test]
    fn bytes_follow_the_lists() {
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
    fn a_full_index_refuses_what_is_new_and_goes_on_otherwise() {
        let capacity = Capacity { packages_max: 2, bytes_max: 2 * PACKAGE_BYTES + 6 };
        let mut index = Index::new(capacity);
        insert(&mut index, "a", &[]).unwrap();
        insert(&mut index, "b", &["a"]).unwrap();
        assert_eq!(insert(&mut index, "c", &[]), Err(NotInserted::TooManyPackages));
        assert_eq!(insert(&mut index, "c", &["missing"]), Err(NotInserted::DependencyMissing));
        assert_eq!(insert(&mut index, "a", &["b"]), Err(NotInserted::TooManyBytes));
        assert_eq!(insert(&mut index, "b", &[]), Ok(()));
        assert!(index.remove(b"a"));
        assert_eq!(insert(&mut index, "longer", &[]), Err(NotInserted::TooManyBytes));
        assert_eq!(insert(&mut index, "c", &["b"]), Ok(()));
        assert!(!index.remove(b"b") && index.contains(b"c"));
    }
}
