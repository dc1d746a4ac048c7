//! Systems under test: a server at an address, a command, a container of an image, or a built-in server.
//!
//! [`Target::start`] finds or starts the target that a [`Choice`] names. Every process that it starts runs under a
//! supervisor: a separate process that ends the target with all its children when this process ends for any reason.
//! A binary that starts targets calls [`run_hidden_subcommand`] first. [`settings::Settings`] describe what a started
//! target receives.
//!
//! ```
//! use target::{TargetFlags, choose_target};
//!
//! let flags = TargetFlags { exec: Some("serve --port {port}".to_owned()), ..TargetFlags::default() };
//! let choice = choose_target(&flags)?;
//! assert_eq!(choice.describe(), "the command 'serve --port {port}'");
//! # Ok::<(), target::FlagsError>(())
//! ```

mod choice;
#[cfg(feature = "docker")]
mod container;
mod descriptor_limit;
#[cfg(target_os = "linux")]
mod descriptor_shortage;
mod error;
mod flags;
mod free_port;
mod image;
mod memory_shortage;
mod notice;
mod output;
mod output_block;
mod processes;
pub mod settings;
mod started;
mod subcommand;
mod supervisor;
mod target;

pub use choice::Choice;
pub use descriptor_limit::raise_descriptor_limit;
pub use error::Error;
pub use flags::{FlagsError, TargetFlags, choose_target};
pub use subcommand::{BUILT_IN_SUBCOMMAND, run_hidden_subcommand};
pub use target::Target;
