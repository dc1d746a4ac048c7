//! The formats of configuration files.

/// The format of a configuration file. The Cargo feature of the same name adds its parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// YAML.
    Yaml,
}

impl Format {
    /// Returns the Cargo feature that adds the parser.
    pub(crate) fn feature(self) -> &'static str {
        match self {
            Self::Toml => "toml",
            Self::Yaml => "yaml",
        }
    }
}
