//! Tests of the index, and the panics that they inject.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

thread_local! {
    /// The number of panic points that are passed before the next one panics.
    static PASSED_BEFORE_PANIC: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Panics if a test requested it.
pub(in crate::service::index) fn panic_point() {
    let left = PASSED_BEFORE_PANIC.get();
    PASSED_BEFORE_PANIC.set(left.and_then(|left| left.checked_sub(1)));
    assert_ne!(left, Some(0), "injected");
}

/// Runs `change`, which panics at the panic point after `passed` others. Returns `None` if it panicked.
pub(in crate::service::index) fn with_panic_point<T>(passed: usize, change: impl FnOnce() -> T) -> Option<T> {
    PASSED_BEFORE_PANIC.set(Some(passed));
    let changed = catch_unwind(AssertUnwindSafe(change)).ok();
    PASSED_BEFORE_PANIC.set(None);
    changed
}

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

/// Each package with its dependencies and the number of its dependents.
type Packages = BTreeMap<Vec<u8>, (Vec<Id>, u32)>;

fn content(index: &Index) -> (Packages, Size) {
    let of = |id: Id| &index.entries[id as usize];
    let packages = index
        .ids
        .iter()
        .map(|(name, &id)| (name.to_vec(), (of(id).dependencies.to_vec(), of(id).dependents)));
    (packages.collect(), index.size())
}

#[test]
fn a_panic_leaves_the_index_unchanged() {
    type Change = fn(&mut Index);
    let changes: [Change; 5] = [
        |index| insert(index, "new", &["a", "b"]).unwrap(),
        |index| insert(index, "c", &["b"]).unwrap(),
        |index| insert(index, "b", &[]).unwrap(),
        |index| assert!(index.remove(b"c")),
        |index| insert(index, "reused", &["a"]).unwrap(),
    ];
    let mut index = Index::default();
    for (package, list) in [("a", &[][..]), ("b", &["a"]), ("c", &["a", "b"]), ("d", &[])] {
        insert(&mut index, package, list).unwrap();
    }
    assert!(index.remove(b"d"));
    let mut panics = 0;
    for change in changes {
        let before = content(&index);
        let mut passed = 0;
        while with_panic_point(passed, || change(&mut index)).is_none() {
            assert_eq!(content(&index), before, "after {passed} panic points");
            passed += 1;
        }
        panics += passed;
        assert_ne!(content(&index), before);
    }
    assert_eq!(panics, 4 * 3 + 1, "each insertion has three panic points, and each removal one");
}
