//! The notices with which the supervisor of a container reports its state, one line of JSON each.

use serde::{Deserialize, Serialize};
use tokio::io::{BufReader, Lines};
use tokio::process::ChildStdout;

/// The hidden subcommand of a container's supervisor. The image follows it, then optionally the container's port.
pub(crate) const SUBCOMMAND: &str = "supervise-container";

/// One notice.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// The container runs.
    Runs {
        /// The address at which it can be reached.
        addr: String,
        /// The port inside the container.
        port: u16,
        /// The process id of its main process, if it runs on this machine.
        main: Option<u32>,
    },
    /// The container could not be started; with the reason.
    Failed(String),
    /// The container has ended; with a description. Its network remains, so that its address is not reused.
    Ended(String),
}

/// The notices of a supervisor.
pub(crate) type Notices = Lines<BufReader<ChildStdout>>;

/// Returns the next notice; `None` if the supervisor is gone.
pub(crate) async fn next_notice(notices: &mut Notices) -> Option<Notice> {
    serde_json::from_str(&notices.next_line().await.ok()??).ok()
}
