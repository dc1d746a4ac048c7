//! `gauntlet.toml`: flags in a file. Flags on the command line override them.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use clap::CommandFactory;
use settings::{File, Format, Layered};

use crate::error::Error;
use crate::flags::Flags;

/// The file that is read if `--config` is not given.
pub(crate) const DEFAULT_PATH: &str = "gauntlet.toml";

/// Groups of flags of which the command line's choice replaces all others in the file.
const ALTERNATIVES: &[&[&str]] = &[&["addr", "host", "port", "exec", "image"], &["seed", "seeds"]];

/// Returns the arguments, followed by the flags of the configuration file if there is one.
///
/// # Errors
/// Fails if a flag is wrong, if the file cannot be read, or if it contains a wrong key or value.
pub(crate) fn with_config(arguments: &[OsString]) -> Result<Vec<OsString>, Error> {
    let typed = Flags::parse_arguments(arguments)?;
    if typed.subcommand.is_some() {
        return Ok(arguments.to_vec());
    }
    let path = typed.config.as_deref().unwrap_or(Path::new(DEFAULT_PATH));
    let file = match File::read(path, Format::Toml) {
        Err(settings::Error::Unreadable { source, .. })
            if source.kind() == ErrorKind::NotFound && typed.config.is_none() =>
        {
            return Ok(arguments.to_vec());
        }
        file => file?,
    };
    Ok(layered(arguments, &file)?.arguments().to_vec())
}

fn layered(arguments: &[OsString], file: &File) -> Result<Layered, settings::Error> {
    let mut layered = Layered::parse(Flags::command(), arguments)?.with_alternatives(ALTERNATIVES);
    layered.apply_file(file)?;
    Ok(layered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::template::TEMPLATE;

    /// The arguments that the file adds to those of the command line.
    fn added(typed: &[&str], text: &str) -> Result<Vec<String>, String> {
        let arguments: Vec<OsString> = ["harness"].iter().chain(typed).map(OsString::from).collect();
        let file =
            File::parse(Path::new(DEFAULT_PATH), text, Format::Toml).map_err(|error| error.to_string())?;
        let layered = layered(&arguments, &file).map_err(|error| error.to_string())?;
        let added = layered.arguments()[arguments.len()..].iter();
        Ok(added.map(|argument| argument.to_string_lossy().into_owned()).collect())
    }

    #[test]
    fn the_template_is_valid_with_and_without_its_comment_marks() {
        assert_eq!(added(&[], TEMPLATE), Ok(Vec::new()));
        let settings: Vec<&str> = TEMPLATE
            .lines()
            .filter_map(|line| line.strip_prefix('#'))
            .filter(|line| line.contains(" = ") && !line.starts_with("exec") && !line.starts_with("image"))
            .collect();
        let flags = added(&[], &settings.join("\n")).unwrap();
        for expected in ["--only=must,should", "--strict", "--seed=7", "--addr=127.0.0.1:8080"] {
            assert!(flags.iter().any(|flag| flag == expected), "{expected} in {flags:?}");
        }
        assert_eq!(flags.len(), settings.len());
        for (target, expected) in [("exec = \"./server\"", "--exec=./server"), ("image = \"a\"", "--image=a")]
        {
            assert_eq!(added(&[], target).unwrap(), [expected]);
        }
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        for (text, expected) in [
            ("\nconcurency = 1\n", "gauntlet.toml:2: unknown key 'concurency'; did you mean 'concurrency'?"),
            ("strict = 1\n", "gauntlet.toml:1: 'strict' must be true or false"),
            ("seed = {}\n", "gauntlet.toml:1: 'seed' takes a single value"),
            ("only = 3\n", "gauntlet.toml:1: 'only' takes text; write \"3\" in quotes"),
            ("config = \"other\"\n", "gauntlet.toml:1: unknown key 'config'"),
            ("seed = 1\nseed = = 2\n", "gauntlet.toml:2: "),
            ("addr = \"a:1\"\nport = 2\n", "gauntlet.toml: "),
        ] {
            let message = added(&[], text).unwrap_err();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn a_flag_replaces_its_alternatives_in_the_file() {
        let typed = ["-port=1", "--seeds", "1..2"];
        for replaced in ["addr = \"a:1\"", "exec = \"a\"", "image = \"a\"", "seed = 1"] {
            assert_eq!(added(&typed, replaced), Ok(Vec::new()), "{replaced}");
        }
        assert_eq!(added(&typed, "json = \"a\"").unwrap(), ["--json=a"]);
    }
}
