//! The parameters of a plan, which a history header stores so that the plan can be generated again.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Named parameters of a plan. The names are those of the command-line flags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Params(BTreeMap<String, String>);

/// A parameter that is missing or out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter --{name} is missing or invalid")]
pub struct ParamsError {
    /// The name of the parameter.
    pub name: String,
}

impl Params {
    /// Sets a parameter.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers pass numbers and texts without borrowing them"
    )]
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Returns these parameters with one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.set(name, value);
        self
    }

    /// Returns the value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns a parameter as a number within a range.
    ///
    /// # Errors
    /// The parameter is missing, is not a number, or is outside the range.
    pub fn number<N: FromStr + PartialOrd>(
        &self,
        name: &str,
        range: RangeInclusive<N>,
    ) -> Result<N, ParamsError> {
        let number =
            self.get(name).and_then(|text| text.parse().ok()).filter(|number| range.contains(number));
        number.ok_or_else(|| ParamsError { name: name.to_owned() })
    }

    /// Returns all parameters with their values, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the parameters as flags of a command line. One with an empty value is a flag without a value.
    #[must_use]
    pub fn as_flags(&self) -> String {
        let flags = self.iter().map(|(name, value)| format!("--{name} {value}").trim_end().to_owned());
        flags.collect::<Vec<_>>().join(" ")
    }
}
