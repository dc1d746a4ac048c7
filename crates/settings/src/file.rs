//! Configuration files: one key for each flag, without its dashes.

#[cfg(any(feature = "toml", feature = "yaml"))]
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::Error;
use crate::format::Format;
use crate::origin::Origin;

/// A parsed configuration file.
#[derive(Clone, Debug)]
pub struct File {
    path: PathBuf,
    pub(crate) entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: Option<usize>,
    pub(crate) value: Value,
}

/// A value as the file states it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Switch(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Value>),
    Other(IgnoredAny),
}

impl File {
    /// Reads a file.
    ///
    /// # Errors
    /// Returns [`Error::Unreadable`] if the file cannot be read, [`Error::Value`] if it is not in this format, and
    /// [`Error::NotBuilt`] if this build has no parser for the format.
    pub fn read(path: &Path, format: Format) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(path, &text, format)
    }

    /// Parses the text of a file. The path is used in messages only.
    ///
    /// # Errors
    /// Returns [`Error::Value`] if the text is not in this format, and [`Error::NotBuilt`] if this build has no parser for
    /// the format.
    pub fn parse(path: &Path, text: &str, format: Format) -> Result<Self, Error> {
        let not_built = || Error::NotBuilt { path: path.to_owned(), format };
        let entries = entries(text, format).ok_or_else(not_built)?;
        let wrong =
            |(line, problem)| Error::Value { origin: Origin::File { path: path.to_owned(), line }, problem };
        Ok(Self { path: path.to_owned(), entries: entries.map_err(wrong)? })
    }

    /// The origin of a value in this file.
    pub(crate) fn origin(&self, line: Option<usize>) -> Origin {
        Origin::File { path: self.path.clone(), line }
    }
}

/// The line of a syntax error, if it is known, and the parser's message.
type Syntax = (Option<usize>, String);

/// Parses a text; returns `None` if this build has no parser for the format.
#[cfg_attr(
    all(feature = "toml", feature = "yaml"),
    expect(clippy::unnecessary_wraps, reason = "a build without a format returns None")
)]
#[cfg_attr(
    not(any(feature = "toml", feature = "yaml")),
    expect(unused_variables, reason = "a build without any format parses nothing")
)]
fn entries(text: &str, format: Format) -> Option<Result<Vec<Entry>, Syntax>> {
    match format {
        #[cfg(feature = "toml")]
        Format::Toml => Some(toml_entries(text)),
        #[cfg(feature = "yaml")]
        Format::Yaml => Some(yaml_entries(text)),
        #[cfg(not(all(feature = "toml", feature = "yaml")))]
        _ => None,
    }
}

#[cfg(feature = "toml")]
fn toml_entries(text: &str) -> Result<Vec<Entry>, Syntax> {
    let line_at = |start: usize| text[..start].matches('\n').count() + 1;
    let table: BTreeMap<String, toml::Spanned<Value>> = toml::from_str(text)
        .map_err(|error| (error.span().map(|span| line_at(span.start)), error.message().to_owned()))?;
    let entry = |(key, value): (String, toml::Spanned<Value>)| Entry {
        key,
        line: Some(line_at(value.span().start)),
        value: value.into_inner(),
    };
    Ok(table.into_iter().map(entry).collect())
}

#[cfg(feature = "yaml")]
fn yaml_entries(text: &str) -> Result<Vec<Entry>, Syntax> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let table: BTreeMap<String, serde_saphyr::Spanned<Value>> =
        serde_saphyr::from_str(text).map_err(|error| {
            let message = error.to_string();
            (None, message.lines().next().unwrap_or_default().to_owned())
        })?;
    let entry = |(key, value): (String, serde_saphyr::Spanned<Value>)| Entry {
        key,
        // Line 0 stands for an unknown line.
        line: usize::try_from(value.referenced.line()).ok().filter(|&line| line > 0),
        value: value.value,
    };
    Ok(table.into_iter().map(entry).collect())
}
