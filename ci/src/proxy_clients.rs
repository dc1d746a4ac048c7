//! The clients of Toxiproxy that tests point at the proxy of chaos. They are installed before the tests, so that no test
//! runs cargo or pip.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// The variable by which tests find the directory of the clients.
pub(crate) const VARIABLE: &str = "GAUNTLET_TOXIPROXY_CLIENTS";

const CLIENTS: [&str; 2] = ["python", "rust"];

/// Installs the clients that are missing and returns their directory.
///
/// # Errors
/// A client cannot be installed. The failure contains what the installation printed.
pub(crate) fn install(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let directory = workspace.target.join("toxiproxy-clients");
    for client in CLIENTS {
        let script = workspace.path("chaos/tests/it/toxiproxy_clients/prepare");
        process::output(Command::new(script).arg(client).arg(directory.join(client)))?;
    }
    Ok(directory)
}
