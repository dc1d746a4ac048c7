//! The exit codes, which are a promise: CI pipelines branch on them.

/// Everything that was decided is as the protocol wants it.
pub const PASS: u8 = 0;
/// A clause that the protocol demands was violated.
pub const VIOLATION: u8 = 1;
/// The command line, or a file that it names, is wrong; nothing was sent.
pub const USAGE: u8 = 2;
/// Something that should have been decided was not, and nothing was violated.
pub const UNKNOWN: u8 = 3;
/// The target refused, never took the connection, could not be started, or speaks another protocol.
pub const UNREACHABLE: u8 = 4;
