//! The Docker command-line client.

use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::process;

/// The image of the server.
pub(crate) const SERVER_IMAGE: &str = "gauntlet-server:dev";
/// The image of the server of quotations.
pub(crate) const WISDOM_IMAGE: &str = "gauntlet-wisdom:dev";
/// The image of the harness and chaos.
pub(crate) const HARNESS_IMAGE: &str = "gauntlet-harness:dev";
/// The label of the containers that tests start; `cargo ci sweep` removes them.
pub(crate) const TEST_LABEL: &str = "gauntlet.test";

/// Returns whether a Docker daemon answers.
pub(crate) fn is_available() -> bool {
    let mut command = Command::new("docker");
    command.arg("info").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs the client and returns its output without surrounding white space.
///
/// # Errors
/// The client does not start or fails.
pub(crate) fn docker(arguments: &[&str]) -> Result<String, Failure> {
    Ok(process::output(Command::new("docker").args(arguments))?.trim().to_owned())
}

/// A container that is removed when this value is dropped.
pub(crate) struct Container {
    pub(crate) id: String,
}

impl Container {
    /// Starts a container in the background.
    ///
    /// # Errors
    /// The daemon refuses it.
    pub(crate) fn start(flags: &[&str], image: &str) -> Result<Self, Failure> {
        let label = format!("--label={TEST_LABEL}=bench");
        let id = docker(&[&["run", "--detach", &label], flags, &[image]].concat())?;
        Ok(Self { id })
    }

    /// Returns a field of `docker inspect`, given as a template.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub(crate) fn inspect(&self, template: &str) -> Result<String, Failure> {
        docker(&["inspect", "--format", template, &self.id])
    }

    /// Returns the address of the container.
    ///
    /// # Errors
    /// The daemon does not answer.
    pub(crate) fn address(&self) -> Result<String, Failure> {
        self.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // `cargo ci sweep` removes a container that stays.
        let _ = docker(&["rm", "--force", &self.id]);
    }
}
