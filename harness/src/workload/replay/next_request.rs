//! The next request of a client in the replay.

use fixtures::PackageNumber;

/// The next request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextRequest {
    /// The malformed line with this index.
    Malformed(usize),
    /// The command of the current step for this package.
    Package(PackageNumber),
}
