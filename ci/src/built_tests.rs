//! The tests that were built, in files for nextest. With them it runs tests without cargo, whose lock on the target directory
//! another step may hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::binaries::FEATURES;
use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::process;

/// The files that describe the built tests.
#[derive(Clone, Debug)]
pub(crate) struct BuiltTests {
    binaries: PathBuf,
    packages: PathBuf,
}

impl BuiltTests {
    /// Lists the tests, which must have been built with the same flags.
    ///
    /// # Errors
    /// Cargo or nextest fails, or a file cannot be written.
    pub(crate) fn list(cargo: &Cargo) -> Result<Self, Failure> {
        let mut list = cargo.build_command(&["nextest", "list"]);
        list.args(["--workspace", "--features", FEATURES, "--cargo-quiet"]);
        list.args(["--list-type", "binaries-only", "--message-format", "json"]);
        let mut packages = cargo.command(&["metadata", "--format-version", "1", "--locked"]);
        packages.args(["--filter-platform", cargo.host()]);
        let target = &cargo.workspace.target;
        Ok(Self {
            binaries: write(target.join("nextest-binaries.json"), &process::output(&mut list)?)?,
            packages: write(target.join("nextest-packages.json"), &process::output(&mut packages)?)?,
        })
    }

    /// Returns a nextest command that runs these tests.
    pub(crate) fn run_command(&self, cargo: &Cargo) -> Command {
        let mut command = cargo.command(&["nextest", "run"]);
        command.arg("--binaries-metadata").arg(&self.binaries);
        command.arg("--cargo-metadata").arg(&self.packages);
        command
    }
}

fn write(path: PathBuf, text: &str) -> Result<PathBuf, Failure> {
    fs::write(&path, text).map_err(Failure::at(Path::new(&path)))?;
    Ok(path)
}
