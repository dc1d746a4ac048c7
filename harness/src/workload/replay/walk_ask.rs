//! What a client of a replay asks next.

use fixtures::PackageNumber;

/// What is asked next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// One of the broken lines.
    ViolationKind(usize),
    /// This package, with the step's command.
    Package(PackageNumber),
}
