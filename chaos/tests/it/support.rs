//! Runs chaos, and says what came of it.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use assert_cmd::cargo::CommandCargoExt;

pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// One run after the other: side by side they would be late, and a run that is late itself decides less.
pub(crate) fn chaos(arguments: &[&str]) -> Said {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::cargo_bin("chaos").unwrap().args(arguments).output().unwrap();
    Said {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The zoo's binary with a server of the package index.
pub(crate) fn zoo(bug: Option<&str>) -> String {
    let bug = bug.map_or(String::new(), |bug| format!("--mutant {bug} "));
    format!("{} {bug}--addr {{addr}}", zoo_path().display())
}

/// The same with one of WOW/1, and the places of all settings.
pub(crate) fn wisdom_zoo(bug: Option<&str>) -> String {
    const SETTINGS: [&str; 6] =
        ["difficulty", "ttl", "max-connections", "max-connections-per-address", "secret-file", "key-grace"];
    let settings = SETTINGS.map(|name| format!("--{name} {{{name}}}")).join(" ");
    let bug = bug.map_or(String::new(), |bug| format!("--mutant {bug} "));
    format!("{} --protocol wisdom {bug}--addr {{addr}} {settings}", zoo_path().display())
}

/// The zoo's binary, built once: it belongs to another crate.
fn zoo_path() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let build = ["build", "--release", "--quiet", "--locked", "-p", "mutants", "--bin", "zoo"];
        assert!(Command::new(cargo).args(build).status().unwrap().success());
        let chaos = Command::cargo_bin("chaos").unwrap();
        let target = PathBuf::from(chaos.get_program()).parent().unwrap().parent().unwrap().to_owned();
        target.join("release").join("zoo")
    })
}

/// A directory that goes away.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
