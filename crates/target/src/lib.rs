//! Systems under test: a server at an address, a command, a container of an image, or a built-in server.
//!
//! [`Target::start`] finds or starts what a [`Choice`] names. Every process that it starts runs under a supervisor, a
//! process of its own that ends the target with all its children when this process ends, for whatever reason.

mod choice;
#[cfg(feature = "docker")]
mod container;
mod error;
mod flags;
mod image;
mod output;
mod processes;
pub mod settings;
mod started;
mod subcommand;
mod supervisor;
mod target;

pub use choice::Choice;
pub use error::Error;
pub use flags::{FlagsError, TargetFlags, choose_target};
pub use started::raise_descriptor_limit;
pub use subcommand::{BUILT_IN_SUBCOMMAND, run_hidden_subcommand};
pub use target::Target;
