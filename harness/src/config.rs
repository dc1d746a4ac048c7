//! `gauntlet.toml`: flags in a file. Flags on the command line override them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use toml::{Table, Value};

use verdict::selection::nearest;

use crate::error::Error;
use crate::flags::Flags;

/// The default path of the configuration file.
pub(crate) const DEFAULT_PATH: &str = "gauntlet.toml";

/// The file that `harness init` writes.
const TEMPLATE: &str = r#"# Flags of `harness` for this directory. Each key is a flag without its dashes; `harness --help` describes all flags.
# A flag on the command line overrides this file.

# The target: an address, a command to start, or a container image. Default: the built-in reference server.
#addr = "127.0.0.1:8080"
#exec = "./server --port {port}"
#image = "server:latest"

# The plan. Without a seed, each run uses a random seed and prints it.
#seed = 7
#concurrency = 100
#timeout = 10
#deadline = 45

# The selection: patterns for ids, clauses and levels. `harness cases` lists all cases.
#only = ["must", "should"]
#skip = ["index/F6/*"]
#strict = true
#stall-limit = 30

# A list of known failures with reasons, one per line, such as:
#   index/S2/4  we follow the early edition of the protocol
#expect = "gauntlet-expected.txt"

# Reports.
#json = "gauntlet.json"
#junit = "gauntlet.xml"
#html = "gauntlet.html"
"#;

/// Returns the arguments, preceded by those of the configuration file if it exists.
///
/// # Errors
/// The file cannot be read, or contains an invalid flag.
pub(crate) fn with_config(arguments: &[OsString]) -> Result<Vec<OsString>, Error> {
    let typed = Flags::parse_arguments(arguments)?;
    if typed.subcommand.is_some() {
        return Ok(arguments.to_vec());
    }
    let path = typed.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_PATH));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && typed.config.is_none() => {
            return Ok(arguments.to_vec());
        }
        Err(source) => return Err(Error::Read { path, source }),
    };
    let invalid = |problem| Error::Config { path: path.clone(), problem };
    let settings = parse(&text).map_err(invalid)?;
    let program = arguments.first().cloned().unwrap_or_default();
    let typed_names = flag_names_of(&arguments[1.min(arguments.len())..]);
    let from_file = settings
        .into_iter()
        .filter(|(name, _)| !is_overridden(name, &typed_names))
        .flat_map(|(_, flags)| flags);
    let all: Vec<OsString> = [program]
        .into_iter()
        .chain(from_file.map(OsString::from))
        .chain(arguments.iter().skip(1).cloned())
        .collect();
    // The command line alone is valid, so an error of the combination is an error in the file.
    match Flags::parse_arguments(&all) {
        Ok(_) => Ok(all),
        Err(error) => Err(invalid(first_line(&error))),
    }
}

/// Writes a commented configuration file.
///
/// # Errors
/// The file exists already, or cannot be written.
pub(crate) fn init(path: &Path) -> Result<(), Error> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    written.map_err(|source| report::WriteError { path: path.to_owned(), source }.into())
}

/// Parses a file. Returns its flags by name, as command-line arguments.
fn parse(text: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text[..span.start].lines().count().max(1));
        format!("line {line}: {}", error.message())
    })?;
    let names = flag_names();
    let mut flags = BTreeMap::new();
    for (key, value) in table {
        if !names.contains(&key) {
            let hint = nearest(&key, names.iter().map(String::as_str));
            let hint = hint.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
            return Err(format!("unknown key '{key}'{hint}"));
        }
        flags.insert(key.clone(), as_arguments(&key, &value)?);
    }
    Ok(flags)
}

/// Returns the names of all flags that a file may contain.
fn flag_names() -> Vec<String> {
    let command = Flags::command();
    let names = command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned));
    names.filter(|name| !["config", "help", "version"].contains(&name.as_str())).collect()
}

/// Returns a key and its value as command-line arguments.
fn as_arguments(key: &str, value: &Value) -> Result<Vec<String>, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    let is_switch = Flags::command()
        .get_arguments()
        .any(|flag| flag.get_long() == Some(key) && !flag.get_action().takes_values());
    match value {
        Value::Boolean(is_set) if is_switch => {
            Ok(if *is_set { vec![format!("--{key}")] } else { Vec::new() })
        }
        _ if is_switch => Err(format!("'{key}' must be true or false")),
        Value::Array(values) => {
            let texts: Option<Vec<String>> = values.iter().map(text).collect();
            let texts = texts.ok_or_else(|| format!("'{key}' must be a list of strings or numbers"))?;
            Ok(if texts.is_empty() { Vec::new() } else { vec![format!("--{key}={}", texts.join(","))] })
        }
        value => {
            let text = text(value)
                .ok_or_else(|| format!("'{key}' must be a string, a number, or a list of them"))?;
            Ok(vec![format!("--{key}={text}")])
        }
    }
}

/// Returns the names of the flags on a command line.
fn flag_names_of(arguments: &[OsString]) -> Vec<String> {
    let name = |argument: &OsString| {
        let text = argument.to_str()?.strip_prefix('-')?;
        Some(text.trim_start_matches('-').split('=').next()?.to_owned())
    };
    arguments.iter().filter_map(name).collect()
}

/// Whether a flag of the command line overrides a flag of the file: the same flag, or an alternative to it.
fn is_overridden(name: &str, typed: &[String]) -> bool {
    const ALTERNATIVES: [&[&str]; 2] = [&["addr", "host", "port", "exec", "image"], &["seed", "seeds"]];
    let is_typed = |name: &str| typed.iter().any(|typed| typed == name);
    is_typed(name)
        || ALTERNATIVES
            .iter()
            .filter(|group| group.contains(&name))
            .any(|group| group.iter().any(|name| is_typed(name)))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid_with_and_without_comment_marks() {
        assert_eq!(parse(TEMPLATE), Ok(BTreeMap::new()));
        let settings = TEMPLATE.lines().filter_map(|line| line.strip_prefix('#'));
        let bare: Vec<&str> = settings.filter(|line| line.contains(" = ")).collect();
        let bare = bare.join("\n");
        let flags = parse(&bare).unwrap();
        assert_eq!(flags["only"], ["--only=must,should"]);
        assert_eq!(flags["strict"], ["--strict"]);
        assert_eq!(flags["seed"], ["--seed=7"]);
        assert_eq!(flags.len(), bare.lines().count());
    }

    #[test]
    fn errors_name_the_key_or_the_line() {
        assert_eq!(
            parse("concurency = 1\n").unwrap_err(),
            "unknown key 'concurency'; did you mean 'concurrency'?"
        );
        assert_eq!(parse("strict = 1\n").unwrap_err(), "'strict' must be true or false");
        assert_eq!(parse("seed = {}\n").unwrap_err(), "'seed' must be a string, a number, or a list of them");
        assert!(parse("seed = 1\nseed = = 2\n").unwrap_err().starts_with("line 2: "));
    }

    #[test]
    fn a_flag_overrides_its_alternatives() {
        let typed = flag_names_of(&["-port=1".into(), "--seeds".into(), "1..2".into()]);
        assert_eq!(typed, ["port", "seeds"]);
        for (name, is_expected) in
            [("addr", true), ("exec", true), ("image", true), ("seed", true), ("json", false)]
        {
            assert_eq!(is_overridden(name, &typed), is_expected, "{name}");
        }
    }
}
