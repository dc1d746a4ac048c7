//! `gauntlet.toml`: flags in a file, which those of the command line override.

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

/// Where it is looked for.
pub(crate) const DEFAULT_PATH: &str = "gauntlet.toml";

/// What `harness init` writes.
const TEMPLATE: &str = r#"# What `harness` does when it is run here. Each key is a flag without its dashes; `harness --help` explains
# them all, and a flag on the command line overrides what stands here.

# The target: an address, a command that is started and ended, or an image of which a container is. None of them: the
# built-in reference server.
#addr = "127.0.0.1:8080"
#exec = "./server --port {port}"
#image = "server:latest"

# The plan. Without a seed each run draws one, and prints it.
#seed = 7
#concurrency = 100
#timeout = 10
#deadline = 45

# What is run: patterns over ids, clauses and levels. `harness cases` prints them.
#only = ["must", "should"]
#skip = ["index/F6/*"]
#strict = true
#stall-limit = 30

# Known failures, each with its reason: a file of lines such as
#   index/S2/4  we follow the early edition of the protocol
#expect = "gauntlet-expected.txt"

# Reports.
#json = "gauntlet.json"
#junit = "gauntlet.xml"
#html = "gauntlet.html"
"#;

/// The arguments with those of the configuration file among them, where there is one.
///
/// # Errors
/// It cannot be read, or holds what is no flag.
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
    let wrong = |problem| Error::Config { path: path.clone(), problem };
    let settings = parse(&text).map_err(wrong)?;
    let program = arguments.first().cloned().unwrap_or_default();
    let typed_names = named_by(&arguments[1.min(arguments.len())..]);
    let from_file = settings
        .into_iter()
        .filter(|(name, _)| !is_overridden(name, &typed_names))
        .flat_map(|(_, flags)| flags);
    let all: Vec<OsString> = [program]
        .into_iter()
        .chain(from_file.map(OsString::from))
        .chain(arguments.iter().skip(1).cloned())
        .collect();
    // What is wrong with the two together is the file's fault: the command line alone was right.
    match Flags::parse_arguments(&all) {
        Ok(_) => Ok(all),
        Err(error) => Err(wrong(first_line(&error))),
    }
}

/// Writes a configuration with comments.
///
/// # Errors
/// There is one already, or it cannot be written.
pub(crate) fn init(path: &Path) -> Result<(), Error> {
    let written = File::create_new(path).and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
    written.map_err(|source| report::WriteError { path: path.to_owned(), source }.into())
}

/// The flags of a file, by name, as they would be typed.
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
            let hint = hint.map_or(String::new(), |near| format!("; '{near}' is nearest"));
            return Err(format!("unknown key '{key}'{hint}"));
        }
        flags.insert(key.clone(), as_typed(&key, &value)?);
    }
    Ok(flags)
}

/// The names of all flags that may stand in a file.
fn flag_names() -> Vec<String> {
    let command = Flags::command();
    let names = command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned));
    names.filter(|name| !["config", "help", "version"].contains(&name.as_str())).collect()
}

fn as_typed(key: &str, value: &Value) -> Result<Vec<String>, String> {
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
        _ if is_switch => Err(format!("'{key}' is true or false")),
        Value::Array(values) => {
            let texts: Option<Vec<String>> = values.iter().map(text).collect();
            let texts = texts.ok_or_else(|| format!("'{key}' is a list of texts or numbers"))?;
            Ok(if texts.is_empty() { Vec::new() } else { vec![format!("--{key}={}", texts.join(","))] })
        }
        value => {
            let text = text(value).ok_or_else(|| format!("'{key}' is a text, a number or a list of them"))?;
            Ok(vec![format!("--{key}={text}")])
        }
    }
}

/// The names of the flags on a command line.
fn named_by(arguments: &[OsString]) -> Vec<String> {
    let name = |argument: &OsString| {
        let text = argument.to_str()?.strip_prefix('-')?;
        Some(text.trim_start_matches('-').split('=').next()?.to_owned())
    };
    arguments.iter().filter_map(name).collect()
}

/// Whether a flag of the command line takes the place of one of the file: itself, or one that says the same thing in
/// another way.
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
    fn what_init_writes_is_read_with_and_without_its_comment_marks() {
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
    fn what_is_wrong_names_the_key_or_the_line() {
        assert_eq!(
            parse("concurency = 1\n").unwrap_err(),
            "unknown key 'concurency'; 'concurrency' is nearest"
        );
        assert_eq!(parse("strict = 1\n").unwrap_err(), "'strict' is true or false");
        assert_eq!(parse("seed = {}\n").unwrap_err(), "'seed' is a text, a number or a list of them");
        assert!(parse("seed = 1\nseed = = 2\n").unwrap_err().starts_with("line 2: "));
    }

    #[test]
    fn a_flag_of_the_command_line_takes_the_place_of_its_like() {
        let typed = named_by(&["-port=1".into(), "--seeds".into(), "1..2".into()]);
        assert_eq!(typed, ["port", "seeds"]);
        for (name, is_out) in
            [("addr", true), ("exec", true), ("image", true), ("seed", true), ("json", false)]
        {
            assert_eq!(is_overridden(name, &typed), is_out, "{name}");
        }
    }
}
