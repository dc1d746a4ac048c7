//! Where settings come from: flags over the environment over a YAML file over what a service sets over defaults.
//!
//! The lower layers are turned into flags, so that one parser checks them all.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fmt, io};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use serde::Deserialize;

use super::flags::{CommandLine, Flags};
use crate::service::wisdom::{SECRET_BYTES_MIN, Secret, quotations};

/// What the names of variables begin with.
pub const PREFIX: &str = "PACKAGE_INDEXER_";

/// The variable of the secret.
const SECRET: &str = "PACKAGE_INDEXER_SECRET";

/// Variables that Kubernetes sets in every container beside a service of the name `package-indexer`.
const FOREIGN: [&str; 2] = ["PACKAGE_INDEXER_PORT", "PACKAGE_INDEXER_SERVICE_"];

/// What is in force.
#[derive(Debug)]
pub struct InForce {
    /// The command line with all layers in it.
    pub command_line: CommandLine,
    /// Each setting: its name, its value, and where that comes from.
    pub settings: Vec<(String, String, Source)>,
    /// The secret of the environment, which is no setting, so that nobody is shown it.
    pub secret: Option<Secret>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The service of this name has a default of its own.
    Service(&'static str),
    /// A line of this file.
    File(PathBuf),
    /// A variable of this name.
    Environment(String),
    /// A flag.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Service(name) => write!(f, "service {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// What is wrong with a setting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Help or the version was asked for, which is no error and is printed as it is.
    #[error("{0}")]
    Asked(clap::Error),
    /// The flags.
    #[error("{}; --help names all flags", one_line(.0))]
    Flags(clap::Error),
    /// Settings that do not go together.
    #[error("{0}")]
    Together(&'static str),
    /// A variable.
    #[error("in the environment, {name}: {problem}")]
    Environment {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file says something wrong.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// Puts the layers together. The first argument is the program.
///
/// # Errors
/// One of them is wrong.
pub(super) fn read(
    arguments: &[OsString],
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<InForce, Error> {
    let mut environment: Vec<(OsString, OsString)> = environment.collect();
    let secret = secret_in(&mut environment)?;
    let flags = |error: clap::Error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Error::Asked(error),
        _ => Error::Flags(error),
    };
    let typed = parse(arguments).map_err(flags)?;
    let mut typed_by = BTreeMap::new();
    let mut all = arguments.to_vec();
    for (name, value) in variables(environment.into_iter())? {
        let variable = variable_of(&name);
        let wrong = |problem| Error::Environment { name: variable.clone(), problem };
        let value = value.into_string().map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        if !is_set(&typed, &name) && add(&mut all, &name, &value).map_err(wrong)? {
            parse(&all).map_err(|error| wrong(one_line(&error)))?;
        }
        typed_by.insert(name.clone(), Source::Environment(variable.clone()));
    }
    let typed_or_set = parse(&all).map_err(flags)?;
    if let Some(path) = raw(&typed_or_set, "config").map(PathBuf::from) {
        let wrong = |problem| Error::File { path: path.clone(), problem };
        for (name, value) in settings_of(&path)? {
            if !is_set(&typed_or_set, &name) && add(&mut all, &name, &value).map_err(wrong)? {
                parse(&all).map_err(|error| wrong(one_line(&error)))?;
            }
            typed_by.entry(name).or_insert_with(|| Source::File(path.clone()));
        }
    }
    let above_service = parse(&all).map_err(flags)?;
    let service = CommandLine::from_arg_matches(&above_service).map_err(flags)?.flags_in_force().service;
    for (name, value) in service.defaults {
        if !is_set(&above_service, name) && !typed_by.contains_key(*name) {
            all.push(format!("--{name}={value}").into());
            typed_by.insert((*name).to_owned(), Source::Service(service.name));
        }
    }
    let matches = parse(&all).map_err(flags)?;
    let settings = flag_names().into_iter().map(|name| {
        let value = shown(&matches, &name);
        let source = match (is_set(&typed, &name), typed_by.get(&name)) {
            (true, _) => Source::Flag,
            (false, Some(source)) => source.clone(),
            (false, None) => Source::Default,
        };
        (name, value, source)
    });
    let settings = settings.collect();
    let command_line = CommandLine::from_arg_matches(&matches).map_err(flags)?;
    // Only here, since the two may come from different layers.
    if of_task(&matches).get_flag("pprof") && raw(&matches, "admin").is_none() {
        return Err(Error::Together("--pprof needs --admin, which says where profiles are given"));
    }
    let flags = command_line.flags_in_force();
    (flags.service.check)(flags).map_err(Error::Together)?;
    Ok(InForce { command_line, settings, secret })
}

fn parse(arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    CommandLine::command().try_get_matches_from(arguments)
}

/// The flags stand behind the subcommand, where there is one.
fn of_task(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, matches)| matches)
}

fn is_set(matches: &ArgMatches, name: &str) -> bool {
    of_task(matches).value_source(&id_of(name)) == Some(ValueSource::CommandLine)
}

fn raw<'m>(matches: &'m ArgMatches, name: &str) -> Option<&'m OsStr> {
    of_task(matches).get_raw(&id_of(name))?.next()
}

/// A value as everybody may see it.
fn shown(matches: &ArgMatches, name: &str) -> String {
    let values = of_task(matches).get_raw(&id_of(name)).into_iter().flatten();
    // An address may hold a key.
    let is_address = name == "quote-url";
    let shown = values.map(|value| match value.to_string_lossy() {
        value if is_address => quotations::label(&value).unwrap_or_default(),
        value => value.into_owned(),
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(" ") }
}

fn id_of(name: &str) -> String {
    name.replace('-', "_")
}

fn variable_of(name: &str) -> String {
    PREFIX.to_owned() + &id_of(name).to_ascii_uppercase()
}

/// The names of all flags that can be set elsewhere.
fn flag_names() -> Vec<String> {
    let command = Flags::augment_args(Command::new(""));
    let names = command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned));
    names.collect()
}

fn is_switch(name: &str) -> bool {
    let command = Flags::augment_args(Command::new(""));
    command.get_arguments().any(|flag| flag.get_long() == Some(name) && !flag.get_action().takes_values())
}

/// Adds a setting as a flag; false if that adds nothing, because a switch is off.
fn add(arguments: &mut Vec<OsString>, name: &str, value: &str) -> Result<bool, String> {
    let flag = match (is_switch(name), value) {
        (false, value) => format!("--{name}={value}"),
        (true, "true" | "1") => format!("--{name}"),
        (true, "false" | "0" | "") => return Ok(false),
        (true, other) => return Err(format!("'{other}' is neither true nor false")),
    };
    arguments.push(flag.into());
    Ok(true)
}

/// The variables that are settings, by the names of their flags, in the order of the flags.
fn variables(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, OsString)>, Error> {
    let mut ours: BTreeMap<String, OsString> = environment
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .filter(|(name, _)| !FOREIGN.iter().any(|foreign| name.starts_with(foreign)))
        .collect();
    let names = flag_names();
    let known =
        names.iter().filter_map(|name| Some((name.clone(), ours.remove(&variable_of(name))?))).collect();
    match ours.into_keys().next() {
        None => Ok(known),
        Some(name) => {
            let problem = unknown(&name, names.iter().map(|name| variable_of(name)));
            Err(Error::Environment { name, problem })
        }
    }
}

/// Takes the secret out, which is no setting.
fn secret_in(environment: &mut Vec<(OsString, OsString)>) -> Result<Option<Secret>, Error> {
    let Some(place) = environment.iter().position(|(name, _)| name == SECRET) else { return Ok(None) };
    let (_, value) = environment.swap_remove(place);
    let problem = || Error::Environment {
        name: SECRET.to_owned(),
        problem: format!("at least {SECRET_BYTES_MIN} bytes are needed"),
    };
    Secret::new(value.into_encoded_bytes()).ok_or_else(problem).map(Some)
}

/// A value in the file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Switch(bool),
    Whole(u64),
    Number(f64),
    Text(String),
}

fn settings_of(path: &Path) -> Result<Vec<(String, String)>, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    let wrong = |problem| Error::File { path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let settings: BTreeMap<String, serde_json::Value> = if text.trim().is_empty() {
        BTreeMap::new()
    } else {
        serde_saphyr::from_str(&text).map_err(|error| wrong(first_line(&error.to_string())))?
    };
    let names = flag_names();
    let known = |(name, value): (String, serde_json::Value)| {
        if name == "config" || !names.contains(&name) {
            return Err(wrong(unknown(&name, names.iter().cloned())));
        }
        let value = match serde_json::from_value(value) {
            Ok(Scalar::Switch(value)) => value.to_string(),
            Ok(Scalar::Whole(value)) => value.to_string(),
            Ok(Scalar::Number(value)) => value.to_string(),
            Ok(Scalar::Text(value)) => value,
            Err(_) => return Err(wrong(format!("{name} needs a single value"))),
        };
        Ok((name, value))
    };
    settings.into_iter().map(known).collect()
}

fn unknown(name: &str, names: impl Iterator<Item = String>) -> String {
    /// Less alike than this is no mistyped name.
    const ALIKE_MIN: f64 = 0.7;
    let likeness = |other: &String| strsim::jaro_winkler(name, other);
    let nearest = names.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match nearest.filter(|nearest| likeness(nearest) >= ALIKE_MIN) {
        Some(nearest) => format!("unknown setting '{name}'; '{nearest}' is nearest"),
        None => format!("unknown setting '{name}'"),
    }
}

/// The parser's message without its advice, which would take further lines.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
