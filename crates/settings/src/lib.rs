//! Layers command-line flags, environment variables and a configuration file.
//!
//! Each layer is converted into arguments of one [`clap::Command`], so a single parser checks every value. Layers are
//! applied from the highest priority to the lowest; a value that is already set is kept. The crate knows no program: it
//! works with any command whose settings are long flags.
//!
//! - [`Layered`] parses the command line, applies the other layers, and knows the origin of each value.
//! - [`Environment`] holds the variables that share a prefix.
//! - [`File`] is a parsed configuration file. The Cargo features `toml` and `yaml` enable the formats ([`Format`]).
//! - [`values`] parses values that several programs share: durations, addresses of listeners and ranges of seeds.
//! - [`with_two_dashes`] accepts long flags with one dash; [`Layered`] does so by itself.
//! - [`Error`] names the flag, the variable, or the file and line that is at fault.
//!
//! ```
//! use clap::{Arg, Command};
//! use settings::{Environment, File, Format, Layered, Origin};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("example.toml");
//! std::fs::write(&path, "threads = 2\nname = \"from the file\"\n")?;
//!
//! let command = Command::new("example")
//!     .args_override_self(true)
//!     .arg(Arg::new("threads").long("threads").value_parser(clap::value_parser!(u8)))
//!     .arg(Arg::new("name").long("name"));
//! let variables = [("EXAMPLE_NAME".into(), "from the environment".into())];
//!
//! let mut layered = Layered::parse(command, &["example".into(), "--threads=4".into()])?;
//! layered.apply_environment(Environment::new("EXAMPLE_", variables))?;
//! layered.apply_file(&File::read(&path, Format::Toml)?)?;
//!
//! assert_eq!(layered.matches().get_one("threads"), Some(&4_u8));
//! assert_eq!(layered.origin("threads"), Origin::Flag);
//! assert_eq!(layered.origin("name"), Origin::Environment("EXAMPLE_NAME".into()));
//! # Ok(())
//! # }
//! ```

mod dashes;
mod environment;
mod error;
mod file;
mod format;
mod layered;
mod origin;
pub mod values;

pub use dashes::with_two_dashes;
pub use environment::Environment;
pub use error::{Error, one_line};
pub use file::File;
pub use format::Format;
pub use layered::Layered;
pub use origin::Origin;
