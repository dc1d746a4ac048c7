//! Writing report files.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

/// The error of a file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// The path as given.
    pub path: PathBuf,
    /// The error of the operating system.
    pub source: io::Error,
}

/// Writes a report file.
///
/// # Errors
/// The file cannot be opened or written.
pub fn write_file<'a>(
    open: impl FnOnce(&'a Path) -> io::Result<File>,
    path: &'a Path,
    write: impl FnOnce(BufWriter<File>) -> io::Result<()>,
) -> Result<(), WriteError> {
    let written = open(path).map(BufWriter::new).and_then(write);
    written.map_err(|source| WriteError { path: path.to_owned(), source })
}
