//! The names of the workspace's packages, binaries and flags. Other modules do not spell them out.

use std::path::{Path, PathBuf};

use crate::command_line::Protocol;

/// A binary of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Server,
    Wisdom,
    Harness,
    Chaos,
    Zoo,
}

/// The features of the binaries that ship and that are tested.
pub(crate) const FEATURES: &str = "harness/docker,chaos/docker,server/profile,wisdom/profile";

/// The packages whose binaries ship in images.
pub(crate) const SHIPPED_PACKAGES: &[&str] = &["server", "wisdom", "harness", "chaos"];

/// The binaries that ship in images.
pub(crate) const SHIPPED: &[Binary] = &[Binary::Server, Binary::Wisdom, Binary::Harness, Binary::Chaos];

/// The package of the service of quotations.
pub(crate) const WISDOM_PACKAGE: &str = "wisdom";

/// The packages that the measurements need.
pub(crate) const MEASURED_PACKAGES: &[&str] = &["server", "wisdom", "harness"];

impl Binary {
    const ALL: [Self; 5] = [Self::Server, Self::Wisdom, Self::Harness, Self::Chaos, Self::Zoo];

    /// Returns the name of the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Wisdom => "wisdom",
            Self::Harness => "harness",
            Self::Chaos => "chaos",
            Self::Zoo => "zoo",
        }
    }

    /// Returns the environment variable by which tests find the binary.
    fn variable(self) -> String {
        format!("GAUNTLET_{}", self.name().to_uppercase())
    }
}

/// The binaries of one build.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    directory: PathBuf,
}

impl Binaries {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Returns the path of a binary.
    pub(crate) fn path(&self, binary: Binary) -> PathBuf {
        self.directory.join(binary.name())
    }

    /// Returns the client program of the measurements, which speaks to the reference server and to Redis.
    pub(crate) fn bench_client(&self) -> PathBuf {
        self.directory.join("examples/bench_client")
    }

    /// Returns the program that writes manual pages and completions.
    pub(crate) fn manuals(&self) -> PathBuf {
        self.directory.join("manuals")
    }

    /// Returns the program that floods a server of quotations.
    pub(crate) fn wisdom_flood(&self) -> PathBuf {
        self.directory.join("examples/wisdom_flood")
    }

    /// Returns the variables by which tests find the binaries.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (String, PathBuf)> {
        Binary::ALL.into_iter().map(|binary| (binary.variable(), self.path(binary)))
    }

    /// Returns the program and the first arguments that start the server of quotations.
    pub(crate) fn wisdom_server(&self) -> (PathBuf, &'static [&'static str]) {
        (self.path(Binary::Wisdom), &["serve"])
    }
}

/// Returns the command by which the harness starts a server of the zoo: one mutant, or the correct server.
pub(crate) fn zoo_command(zoo: &Path, protocol: Protocol, mutant: Option<&str>) -> String {
    let mutant = mutant.map_or(String::new(), |name| format!("--mutant {name} "));
    let flags = match protocol {
        Protocol::Index => "--addr {addr}".to_owned(),
        Protocol::Wisdom => {
            let settings = [
                "difficulty",
                "ttl",
                "secret-file",
                "key-grace",
                "max-connections",
                "max-connections-per-address",
            ];
            let settings = settings.map(|name| format!("--{name} {{{name}}}")).join(" ");
            // An address of both families: clients connect from IPv4 and from mapped addresses.
            format!("--protocol wisdom --addr [::ffff:127.0.0.1]:{{port}} {settings}")
        }
    };
    format!("'{}' {mutant}{flags}", zoo.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_find_each_binary_by_a_variable() {
        let binaries = Binaries::new("/built".into());
        let variables: Vec<String> = binaries.environment().map(|(name, _)| name).collect();
        let expected =
            ["GAUNTLET_SERVER", "GAUNTLET_WISDOM", "GAUNTLET_HARNESS", "GAUNTLET_CHAOS", "GAUNTLET_ZOO"];
        assert_eq!(variables, expected);
    }

    #[test]
    fn the_command_of_a_mutant_has_its_name() {
        let command = zoo_command(Path::new("/zoo"), Protocol::Index, Some("unsigned"));
        assert_eq!(command, "'/zoo' --mutant unsigned --addr {addr}");
        assert!(zoo_command(Path::new("/zoo"), Protocol::Wisdom, None).contains("--ttl {ttl}"));
    }
}
