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
    ids: HashMap<Box<[u8]>, Id>,
    entries: Vec<Entry>,
    free: Vec<Id>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    /// What the package lists: each name once, in ascending order, itself left out (S6).
    dependencies: Box<[Id]>,
    /// How many other packages list it.
    dependents: u32,
}

impl Index {
    /// Whether the package is indexed (S5).
    #[must_use]
    pub fn contains(&self, package: &[u8]) -> bool {
        self.ids.contains_key(package)
    }

    /// The number of indexed packages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether no package is indexed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Lets the package in, or gives it a new list; false, and nothing is changed, if a dependency is not
    /// indexed (S1, S2).
    pub fn insert<'a>(&mut self, package: &[u8], dependencies: impl Iterator<Item = &'a [u8]>) -> bool {
        let Some(mut listed) =
            dependencies.map(|name| self.ids.get(name).copied()).collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        let id = self.id_of(package);
        listed.sort_unstable();
        listed.dedup();
        listed.retain(|&dependency| dependency != id);
        for &dependency in &listed {
            self.entry(dependency).dependents += 1;
        }
        let replaced = mem::replace(&mut self.entry(id).dependencies, listed.into_boxed_slice());
        self.forget_dependent(&replaced);
        true
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
        true
    }

    /// The id of the package, which is let in with an empty list if it is not in.
    fn id_of(&mut self, package: &[u8]) -> Id {
        if let Some(&id) = self.ids.get(package) {
            return id;
        }
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

    #[test]
    fn memory_follows_what_is_indexed() {
        let mut index = Index::default();
        for round in 0..100 {
            let package = format!("package-{round}");
            assert!(!index.insert(package.as_bytes(), [&b"missing"[..]].into_iter()));
            assert!(index.insert(package.as_bytes(), [].into_iter()));
            assert_eq!(index.len(), 1);
            assert!(index.remove(package.as_bytes()));
            assert!(index.is_empty());
        }
        assert_eq!(index.entries.len(), 1, "places are used again, and refused packages get none");
    }
}
