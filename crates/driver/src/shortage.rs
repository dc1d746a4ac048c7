//! Errors that show a shortage of resources on this machine.

use std::io;

use rustix::io::Errno;

/// Returns whether an error shows that this machine is short of descriptors, ports or memory.
#[must_use]
pub fn is_shortage(error: &io::Error) -> bool {
    const SHORTAGES: [Errno; 5] =
        [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
    SHORTAGES.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
