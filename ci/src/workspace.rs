//! The location of the workspace and of its target directory.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A checkout of this repository.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The directory that contains the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target directory.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Returns the checkout that this program was built from.
    pub(crate) fn find() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned();
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |path| root.join(path));
        Self { root, target }
    }

    /// Returns another checkout, with a target directory of its own.
    pub(crate) fn at(root: &Path) -> Result<Self, Failure> {
        let root = fs::canonicalize(root).map_err(Failure::at(root))?;
        Ok(Self { target: root.join("target"), root })
    }

    /// Returns the path of a file in the checkout.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }
}
