//! The reasons for which a line is not a valid request.

/// The first rule that a line violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// The line does not have exactly three fields.
    Fields,
    /// The command is unknown.
    Command,
    /// The package name is empty.
    EmptyPackage,
    /// The name is one that a defective server rejects.
    Name,
    /// The dependency list is one that a defective server rejects.
    List,
}
