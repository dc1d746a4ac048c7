//! The layers of a program's settings: flags, environment variables and a YAML file.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, FromArgMatches};
use settings::{Environment, File, Format, Layered};

use super::error::Error;

/// The prefix of the environment variables.
pub const PREFIX: &str = "PACKAGE_INDEXER_";

/// Variables that Kubernetes sets in every container next to a service named `package-indexer`.
const FOREIGN: [&str; 2] = ["PACKAGE_INDEXER_PORT", "PACKAGE_INDEXER_SERVICE_"];

/// Selects the variables that may be settings.
pub fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
    Environment::new(PREFIX, variables).without(&FOREIGN)
}

/// Combines the layers. The first argument is the program; the flag or variable `config` names the file.
///
/// # Errors
/// Returns [`Error::Settings`] if a layer is wrong or the help text was requested.
pub fn read<P: FromArgMatches>(
    command: Command,
    arguments: &[OsString],
    environment: Environment,
) -> Result<(P, Layered), Error> {
    let mut layered = Layered::parse(command, arguments)?;
    layered.apply_environment(environment)?;
    if let Some(path) = layered.value("config") {
        let file = File::read(Path::new(path), Format::Yaml)?;
        layered.apply_file(&file)?;
    }
    let parsed = P::from_arg_matches(layered.matches()).map_err(settings::Error::Flags)?;
    Ok((parsed, layered))
}

/// Prints each setting with its value and origin. `shown` converts the value of a flag into its public form.
///
/// # Errors
/// Fails if the output cannot be written.
pub fn print(
    layered: &Layered,
    out: &mut impl Write,
    shown: impl Fn(&str, &str) -> String,
) -> io::Result<()> {
    for flag in layered.flags() {
        let values: Vec<String> =
            layered.values(flag).map(|value| shown(flag, &value.to_string_lossy())).collect();
        let value = if values.is_empty() { "none".to_owned() } else { values.join(" ") };
        writeln!(out, "{flag:<28} {value:<24} {}", layered.origin(flag))?;
    }
    Ok(())
}
