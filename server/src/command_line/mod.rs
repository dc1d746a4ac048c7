//! The command-line frame of a program that runs a service.
//!
//! It contains what all such programs share: the common flags, the layers of settings, the log, the threads and
//! signals, the health check, and the exit codes. A program adds the flags of its service.

mod error;
mod flags;
mod health;
#[cfg(feature = "log")]
mod logging;
mod serve;
mod settings;

pub use error::{Error, exit};
pub use flags::{LogFormat, LogLevel, ServerFlags, count, seconds};
pub use health::{HealthCheck, check};
pub use serve::serve;
pub use settings::{PREFIX, environment, print, read};
