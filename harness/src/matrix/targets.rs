//! The list of targets of a matrix, in a TOML file.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use settings::values::seconds;

/// The targets to compare and the options that they share.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TargetList {
    /// The seed of all runs, so that the results can be compared.
    pub seed: u64,
    /// Whether a violated SHOULD fails.
    pub is_strict: bool,
    /// Whether chaos runs too.
    pub has_chaos: bool,
    /// The time limit of each run.
    pub time_limit: Duration,
    /// The targets, in order.
    pub targets: Vec<MatrixTarget>,
}

/// A target of a matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MatrixTarget {
    /// The name, which is also that of the directory of its reports.
    pub name: String,
    /// A shell command that builds the target before its first run. `{built}` represents the directory for its results.
    pub build: Option<String>,
    /// An address, for `--addr`.
    pub addr: Option<String>,
    /// A command, for `--exec`. `{built}` represents the same directory as in `build`.
    pub exec: Option<String>,
    /// An image, for `--image`.
    pub image: Option<String>,
    /// The port of the image, for `--port`.
    pub port: Option<u16>,
    /// The protocol, for `--protocol`.
    pub protocol: Option<String>,
    /// Further flags of the harness.
    #[serde(default)]
    pub harness_flags: Vec<String>,
    /// Further flags of chaos.
    #[serde(default)]
    pub chaos_flags: Vec<String>,
}

/// The error of a list of targets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetsError {
    /// The file is not TOML, or a key is unknown or has a wrong value.
    #[error("{0}")]
    Form(String),
    /// There is no target.
    #[error("it lists no target; add a table [[target]] with name and exec, addr or image")]
    NoTarget,
    /// A name cannot be the name of a directory.
    #[error(
        "the name '{0}' must consist of letters, digits, '-', '_' and '.', and begin with a letter or digit"
    )]
    Name(String),
    /// Two targets have the same name.
    #[error("the name '{0}' occurs twice")]
    Twice(String),
    /// A target has no source, or several.
    #[error("the target '{0}' needs one of exec, addr and image")]
    Source(String),
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    #[serde(default = "default_seed")]
    seed: u64,
    #[serde(default)]
    strict: bool,
    #[serde(default = "default_chaos")]
    chaos: bool,
    time_limit: Option<Limit>,
    #[serde(default)]
    target: Vec<MatrixTarget>,
}

/// A duration: a number of seconds, or a text such as `5m`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Limit {
    Number(f64),
    Text(String),
}

const fn default_seed() -> u64 {
    1
}

const fn default_chaos() -> bool {
    true
}

/// The time limit of a run of either program, which is more than the programs need by default.
const TIME_LIMIT: Duration = Duration::from_mins(5);

impl TargetList {
    /// Parses a list.
    ///
    /// # Errors
    /// The list is invalid; the error names the target.
    pub(crate) fn parse(text: &str) -> Result<Self, TargetsError> {
        let file: File = toml::from_str(text)
            .map_err(|error| TargetsError::Form(error.to_string().trim_end().to_owned()))?;
        let time_limit = match &file.time_limit {
            None => TIME_LIMIT,
            Some(Limit::Number(number)) => limit_of(&number.to_string())?,
            Some(Limit::Text(text)) => limit_of(text)?,
        };
        if file.target.is_empty() {
            return Err(TargetsError::NoTarget);
        }
        let mut names = BTreeSet::new();
        for target in &file.target {
            target.validate()?;
            if !names.insert(target.name.clone()) {
                return Err(TargetsError::Twice(target.name.clone()));
            }
        }
        let File { seed, strict, chaos, target, .. } = file;
        Ok(Self { seed, is_strict: strict, has_chaos: chaos, time_limit, targets: target })
    }
}

fn limit_of(text: &str) -> Result<Duration, TargetsError> {
    seconds(text).map_err(|error| TargetsError::Form(format!("time-limit: {error}")))
}

impl MatrixTarget {
    fn validate(&self) -> Result<(), TargetsError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let begins_well = self.name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
        if !begins_well || !self.name.bytes().all(is_plain) {
            return Err(TargetsError::Name(self.name.clone()));
        }
        let sources = [&self.exec, &self.addr, &self.image];
        if sources.into_iter().flatten().count() != 1 {
            return Err(TargetsError::Source(self.name.clone()));
        }
        Ok(())
    }

    /// Returns the command that builds the target, if there is one.
    pub(crate) fn build_command(&self, built: &Path) -> Option<String> {
        self.build.as_ref().map(|command| with_directory(command, built))
    }

    /// Returns the flags that select this target and its protocol.
    pub(crate) fn flags(&self, built: &Path) -> Vec<String> {
        let exec = self.exec.as_ref().map(|command| with_directory(command, built));
        let port = self.port.map(|port| port.to_string());
        let flags = [
            ("protocol", &self.protocol),
            ("exec", &exec),
            ("addr", &self.addr),
            ("image", &self.image),
            ("port", &port),
        ];
        flags.into_iter().filter_map(|(name, value)| Some(format!("--{name}={}", value.as_ref()?))).collect()
    }
}

fn with_directory(command: &str, built: &Path) -> String {
    command.replace("{built}", &built.to_string_lossy())
}

/// Reads a list.
///
/// # Errors
/// The file cannot be read or is invalid.
pub(crate) fn read(path: &Path) -> Result<TargetList, crate::error::Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| crate::error::Error::Read { path: path.to_owned(), source })?;
    TargetList::parse(&text).map_err(|source| crate::error::Error::Targets { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_targets_and_shared_options() {
        let text = r#"
            seed = 7
            strict = true
            time-limit = 60
            [[target]]
            name = "go"
            build = "make {built}"
            exec = "{built}/server --port {port}"
            [[target]]
            name = "image-1.0"
            image = "server:1.0"
            port = 8080
            protocol = "index"
        "#;
        let list = TargetList::parse(text).unwrap();
        assert_eq!(
            (list.seed, list.is_strict, list.has_chaos, list.time_limit.as_secs()),
            (7, true, true, 60)
        );
        assert_eq!(list.targets[0].flags(Path::new("/b")), ["--exec=/b/server --port {port}"]);
        assert_eq!(list.targets[0].build_command(Path::new("/b")).unwrap(), "make /b");
        assert_eq!(
            list.targets[1].flags(Path::new("/b")),
            ["--protocol=index", "--image=server:1.0", "--port=8080"]
        );
        let plain = TargetList::parse("[[target]]\nname = 'a'\naddr = 'localhost:1'\n").unwrap();
        assert_eq!((plain.seed, plain.time_limit), (1, TIME_LIMIT));
    }

    #[test]
    fn an_invalid_list_is_refused_with_the_name_of_the_target() {
        let error = |text: &str| TargetList::parse(text).unwrap_err();
        assert_eq!(error(""), TargetsError::NoTarget);
        assert_eq!(error("[[target]]\nname = '../a'\nexec = 'b'\n"), TargetsError::Name("../a".to_owned()));
        assert_eq!(error("[[target]]\nname = 'a'\n"), TargetsError::Source("a".to_owned()));
        let both = "[[target]]\nname = 'a'\nexec = 'b'\naddr = 'c:1'\n";
        assert_eq!(error(both), TargetsError::Source("a".to_owned()));
        let twice = "[[target]]\nname = 'a'\nexec = 'b'\n[[target]]\nname = 'a'\nexec = 'c'\n";
        assert_eq!(error(twice), TargetsError::Twice("a".to_owned()));
        for text in
            ["sed = 1", "time-limit = 0\n[[target]]\nname = 'a'\nexec = 'b'\n", "[[target]]\nnam = 'a'\n"]
        {
            assert!(matches!(error(text), TargetsError::Form(_)), "{text}");
        }
    }
}
