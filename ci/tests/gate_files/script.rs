//! Scripts as the runners' shells run them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The status and the output of a script.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) output: String,
}

/// Runs a script with bash in a directory, with these variables beside those of this process.
pub(crate) fn run(script: &str, directory: &Path, variables: &[(String, String)]) -> Ran {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("set -eo pipefail\nexec 2>&1\n{script}")).unwrap();
    let mut command = Command::new("bash");
    command.arg(file.path()).current_dir(directory).stdin(Stdio::null());
    let output = command.envs(variables.iter().cloned()).output().unwrap();
    Ran {
        status: output.status.code().unwrap(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
    }
}
