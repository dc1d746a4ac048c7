//! Recognizes time limits in the errors of sockets.

use std::io::{self, ErrorKind};

/// Returns whether a read or a write failed only because its time limit expired.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
