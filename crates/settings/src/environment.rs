//! Environment variables that share a prefix.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// The variables whose names begin with a prefix: `--max-line` is set by `PREFIX_MAX_LINE`.
///
/// Values are not printed: an environment may contain secrets.
pub struct Environment {
    prefix: &'static str,
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    /// Selects the variables with this prefix, which includes its underscore.
    pub fn new(prefix: &'static str, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let named = variables.into_iter().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self { prefix, variables: named.filter(|(name, _)| name.starts_with(prefix)).collect() }
    }

    /// Ignores the variables whose names begin with one of these prefixes: other programs set them.
    #[must_use]
    pub fn without(mut self, foreign_prefixes: &[&str]) -> Self {
        self.variables.retain(|name, _| !foreign_prefixes.iter().any(|foreign| name.starts_with(foreign)));
        self
    }

    /// Removes a variable that is not a flag, such as a secret, and returns its value.
    pub fn take(&mut self, name: &str) -> Option<OsString> {
        self.variables.remove(name)
    }

    /// The name of the variable that sets a flag.
    pub(crate) fn variable_of(&self, flag: &str) -> String {
        self.prefix.to_owned() + &flag.replace('-', "_").to_ascii_uppercase()
    }

    /// The name of a variable that remains.
    pub(crate) fn any_name(&self) -> Option<&str> {
        self.variables.keys().next().map(String::as_str)
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
