//! Files whose directories are created when they are written.

use std::fs;
use std::path::Path;

use crate::failure::Failure;

pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::at(path))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    create_parent(path)?;
    fs::write(path, text).map_err(Failure::at(path))
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    create_parent(to)?;
    fs::copy(from, to).map(drop).map_err(Failure::at(from))
}

fn create_parent(path: &Path) -> Result<(), Failure> {
    path.parent().map_or(Ok(()), |parent| fs::create_dir_all(parent).map_err(Failure::at(parent)))
}
