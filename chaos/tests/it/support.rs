//! Runs the chaos binary and returns its output.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use assert_cmd::cargo::CommandCargoExt;

/// The output of a run.
pub(crate) struct Output {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the chaos binary, one at a time in `cargo test`: runs beside each other are late and decide less. nextest has a
/// process for each test, and `.config/nextest.toml` decides which of them run alone.
pub(crate) fn chaos(arguments: &[&str]) -> Output {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::cargo_bin("chaos").unwrap().args(arguments).output().unwrap();
    Output {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Returns a command that starts a package-index server of the zoo: a mutant, or the correct one.
pub(crate) fn zoo(mutant: Option<&str>) -> String {
    let flag = mutant.map_or(String::new(), |mutant| format!("--mutant {mutant} "));
    format!("{} {flag}--addr {{addr}}", zoo_path().display())
}

/// Returns a command that starts the control of a fault, with a placeholder for the address.
pub(crate) fn control(fault: &str) -> String {
    format!("{} --control {fault} --addr {{addr}}", zoo_path().display())
}

/// Returns a command that starts a WOW/1 server of the zoo, with placeholders for all settings.
pub(crate) fn wisdom_zoo(mutant: Option<&str>) -> String {
    const SETTINGS: [&str; 6] =
        ["difficulty", "ttl", "max-connections", "max-connections-per-address", "secret-file", "key-grace"];
    let settings = SETTINGS.map(|name| format!("--{name} {{{name}}}")).join(" ");
    let flag = mutant.map_or(String::new(), |mutant| format!("--mutant {mutant} "));
    format!("{} --protocol wisdom {flag}--addr {{addr}} {settings}", zoo_path().display())
}

/// Returns the path of the zoo binary: `GAUNTLET_ZOO`, or the newest one in the target directory of this test.
fn zoo_path() -> PathBuf {
    if let Some(path) = std::env::var_os("GAUNTLET_ZOO") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    let built = ["debug", "release"].map(|profile| target.join(profile).join("zoo"));
    let newest = built.into_iter().filter(|path| path.is_file()).max_by_key(|path| {
        let modified = path.metadata().and_then(|metadata| metadata.modified());
        modified.ok()
    });
    newest.expect("the zoo binary is missing: run `cargo build -p mutants`, or set GAUNTLET_ZOO to its path")
}

/// Returns a directory that is removed when it is dropped.
pub(crate) fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Returns whether tests play all repetitions, as in `cargo ci full`, or those of a pull request.
pub(crate) fn is_full() -> bool {
    std::env::var_os("GAUNTLET_REPETITIONS").is_some_and(|value| value == "all")
}
