//! The layers over one command, and the origin of each value.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use clap::builder::ValueParser;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use crate::dashes::with_two_dashes;
use crate::environment::Environment;
use crate::error::{Error, one_line, unknown};
use crate::file::{File, Value};
use crate::origin::Origin;

/// The flag that names the file. A file cannot set it.
const CONFIG: &str = "config";

/// A command line to which lower layers are added as further arguments.
#[derive(Debug)]
pub struct Layered {
    command: Command,
    arguments: Vec<OsString>,
    matches: ArgMatches,
    alternatives: &'static [&'static [&'static str]],
    /// The origin of each value below the command line. An inactive switch has an origin too.
    origins: BTreeMap<String, Origin>,
}

/// A value of a lower layer, ready to be added.
struct Addition {
    flag: String,
    origin: Origin,
    /// The argument; none for a switch that is off.
    argument: Option<OsString>,
}

impl Layered {
    /// Parses the command line; the first argument is the program. If it selects a subcommand, the flags of the
    /// subcommand are the settings. Long flags may have one dash.
    ///
    /// # Errors
    /// Returns [`Error::Flags`] for a wrong flag and [`Error::HelpRequested`] for a request for help or the version.
    pub fn parse(mut command: Command, arguments: &[OsString]) -> Result<Self, Error> {
        command.build();
        let arguments = with_two_dashes(&command, arguments);
        let matches = command.clone().try_get_matches_from(&arguments).map_err(Error::of_flags)?;
        let origins = BTreeMap::new();
        Ok(Self { command, arguments, matches, alternatives: &[], origins })
    }

    /// States groups of flags of which a higher layer's choice replaces all others in lower layers.
    #[must_use]
    pub fn with_alternatives(mut self, groups: &'static [&'static [&'static str]]) -> Self {
        self.alternatives = groups;
        self
    }

    /// Adds the values of the environment that no higher layer has set.
    ///
    /// # Errors
    /// Returns [`Error::Value`] for an unknown variable or a wrong value.
    pub fn apply_environment(&mut self, mut environment: Environment) -> Result<(), Error> {
        let mut additions = Vec::new();
        for arg in self.settings() {
            let flag = long(arg);
            let variable = environment.variable_of(flag);
            let Some(value) = environment.take(&variable) else { continue };
            let origin = Origin::Environment(variable);
            let wrong = |problem| Error::Value { origin: origin.clone(), problem };
            let value = value.into_string().map_err(|_| wrong("the value is not UTF-8".to_owned()))?;
            // The value of a variable that a flag overrides is not checked.
            let argument = if self.is_set(flag) { None } else { from_text(arg, &value).map_err(wrong)? };
            additions.push(Addition { flag: flag.to_owned(), argument, origin });
        }
        if let Some(name) = environment.any_name() {
            let known = self.settings().map(|arg| environment.variable_of(long(arg)));
            let problem = unknown("variable", name, known);
            return Err(Error::Value { origin: Origin::Environment(name.to_owned()), problem });
        }
        self.add(additions)
    }

    /// Adds the values of a configuration file that no higher layer has set.
    ///
    /// # Errors
    /// Returns [`Error::Value`] for an unknown key or a wrong value.
    pub fn apply_file(&mut self, file: &File) -> Result<(), Error> {
        let mut additions = Vec::new();
        for entry in &file.entries {
            let origin = file.origin(entry.line);
            let wrong = |problem| Error::Value { origin: origin.clone(), problem };
            let known = || self.settings().filter(|arg| long(arg) != CONFIG);
            let Some(arg) = known().find(|arg| long(arg) == entry.key) else {
                let names = known().map(|arg| long(arg).to_owned());
                return Err(wrong(unknown("key", &entry.key, names)));
            };
            let argument = from_value(arg, &entry.value).map_err(wrong)?;
            additions.push(Addition { flag: entry.key.clone(), argument, origin });
        }
        self.add(additions)
    }

    /// All arguments: the command line, followed by the values of the other layers.
    #[must_use]
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The result of parsing all arguments.
    #[must_use]
    pub fn matches(&self) -> &ArgMatches {
        &self.matches
    }

    /// The first value of a flag, whichever layer set it.
    #[must_use]
    pub fn value(&self, flag: &str) -> Option<&OsStr> {
        self.values(flag).next()
    }

    /// All values of a flag, whichever layer set them.
    pub fn values(&self, flag: &str) -> impl Iterator<Item = &OsStr> {
        let id = id_of(&self.command, &self.matches, flag);
        id.and_then(|id| selected(&self.matches).get_raw(&id)).into_iter().flatten()
    }

    /// The origin of a flag's value.
    #[must_use]
    pub fn origin(&self, flag: &str) -> Origin {
        match self.origins.get(flag) {
            Some(origin) => origin.clone(),
            None if self.is_set(flag) => Origin::Flag,
            None => Origin::Default,
        }
    }

    /// The names of all settings, in the order of the help text.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.settings().map(long)
    }

    fn settings(&self) -> impl Iterator<Item = &Arg> {
        let command = selected_command(&self.command, &self.matches);
        command
            .get_arguments()
            .filter(|arg| arg.get_long().is_some_and(|name| !["help", "version"].contains(&name)))
    }

    /// Reports whether a layer has set the flag so far.
    fn is_set(&self, flag: &str) -> bool {
        id_of(&self.command, &self.matches, flag)
            .is_some_and(|id| selected(&self.matches).value_source(&id) == Some(ValueSource::CommandLine))
    }

    /// Reports whether a higher layer has set the flag or one of its alternatives.
    fn is_overridden(&self, flag: &str) -> bool {
        let mut groups = self.alternatives.iter().filter(|group| group.contains(&flag));
        self.is_set(flag)
            || self.origins.contains_key(flag)
            || groups.any(|group| group.iter().any(|other| self.is_set(other)))
    }

    /// Adds the values of one layer. If the parser rejects them, the error names the value at fault.
    fn add(&mut self, additions: Vec<Addition>) -> Result<(), Error> {
        let added: Vec<Addition> =
            additions.into_iter().filter(|addition| !self.is_overridden(&addition.flag)).collect();
        let arguments = |additions: &[Addition]| -> Vec<OsString> {
            let new = additions.iter().filter_map(|addition| addition.argument.clone());
            self.arguments.iter().cloned().chain(new).collect()
        };
        let parse = |arguments: &[OsString]| self.command.clone().try_get_matches_from(arguments);
        let all = arguments(&added);
        match parse(&all) {
            Ok(matches) => {
                self.matches = matches;
                self.arguments = all;
                self.origins.extend(added.into_iter().map(|addition| (addition.flag, addition.origin)));
                Ok(())
            }
            Err(error) => {
                // A value that is wrong by itself is named. Values that only contradict each other have no single line.
                let culprit = added.chunks(1).find_map(|one| {
                    let error = parse(&arguments(one)).err()?;
                    Some((one[0].origin.clone(), error))
                });
                let (origin, error) = culprit.unwrap_or_else(|| (whole_layer(&added), error));
                Err(Error::Value { origin, problem: one_line(&error) })
            }
        }
    }
}

/// The origin of values that contradict each other.
fn whole_layer(additions: &[Addition]) -> Origin {
    match additions.last().map(|addition| &addition.origin) {
        Some(Origin::File { path, .. }) => Origin::File { path: path.clone(), line: None },
        Some(other) => other.clone(),
        None => Origin::Flag,
    }
}

/// The matches of the subcommand, if there is one.
fn selected(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, matches)| matches)
}

fn selected_command<'c>(command: &'c Command, matches: &ArgMatches) -> &'c Command {
    matches.subcommand_name().and_then(|name| command.find_subcommand(name)).unwrap_or(command)
}

fn id_of(command: &Command, matches: &ArgMatches, flag: &str) -> Option<String> {
    let mut arguments = selected_command(command, matches).get_arguments();
    arguments.find(|arg| arg.get_long() == Some(flag)).map(|arg| arg.get_id().to_string())
}

fn long(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

fn is_switch(arg: &Arg) -> bool {
    !arg.get_action().takes_values()
}

/// Converts the text of a variable into an argument; an inactive switch has none.
fn from_text(arg: &Arg, text: &str) -> Result<Option<OsString>, String> {
    let flag = long(arg);
    match (is_switch(arg), text) {
        (false, text) => Ok(Some(format!("--{flag}={text}").into())),
        (true, "true" | "1") => Ok(Some(format!("--{flag}").into())),
        (true, "false" | "0" | "") => Ok(None),
        (true, other) => Err(format!("'{other}' is neither true nor false")),
    }
}

/// Converts a value of a file into an argument; an inactive switch and an empty list have none.
fn from_value(arg: &Arg, value: &Value) -> Result<Option<OsString>, String> {
    let flag = long(arg);
    match value {
        _ if is_switch(arg) => match value {
            Value::Switch(is_on) => from_text(arg, &is_on.to_string()),
            _ => Err(format!("'{flag}' must be true or false")),
        },
        Value::List(values) => {
            let Some(delimiter) = arg.get_value_delimiter() else {
                return Err(format!("'{flag}' takes a single value"));
            };
            let texts =
                values.iter().map(|value| scalar(arg, value)).collect::<Result<Vec<String>, String>>()?;
            let joined = texts.join(&delimiter.to_string());
            Ok((!texts.is_empty()).then(|| format!("--{flag}={joined}").into()))
        }
        value => Ok(Some(format!("--{flag}={}", scalar(arg, value)?).into())),
    }
}

/// Converts a single value into text.
fn scalar(arg: &Arg, value: &Value) -> Result<String, String> {
    let flag = long(arg);
    let number = match value {
        Value::Text(text) => return Ok(text.clone()),
        // A flag with a value, such as --bind-ip=true, takes a boolean of the file too.
        Value::Switch(is_on) => return Ok(is_on.to_string()),
        Value::Integer(number) => number.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::List(_) | Value::Other(_) if arg.get_value_delimiter().is_some() => {
            return Err(format!("'{flag}' takes a text, a number, or a list of them"));
        }
        Value::List(_) | Value::Other(_) => return Err(format!("'{flag}' takes a single value")),
    };
    if arg.get_value_parser().type_id() == ValueParser::string().type_id() {
        return Err(format!("'{flag}' takes text; write \"{number}\" in quotes"));
    }
    Ok(number)
}
