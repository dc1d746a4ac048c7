//! What a target is told that the harness starts for a protocol with settings: in the places of a command, or as flags of the
//! built-in server.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

use tempfile::TempDir;

/// The settings of a protocol's targets.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Names and values; `{name}` in a command stands for the value.
    pub values: &'static [(&'static str, &'static str)],
    /// A setting that is a file, and what stands in it, version by version: the first at the start.
    pub file: Option<(&'static str, &'static [&'static str])>,
    /// The built-in server of the protocol.
    pub built_in: BuiltIn,
}

/// A server that the binary itself contains. It runs in a child process of the binary.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// The name of the server, which the hidden subcommand [`crate::BUILT_IN_SUBCOMMAND`] takes as its first argument.
    pub server: &'static str,
    /// Further arguments.
    pub arguments: &'static [&'static str],
}

impl Settings {
    /// Returns settings without values for a protocol whose built-in server has this name.
    #[must_use]
    pub const fn of_built_in(server: &'static str) -> Self {
        Self { values: &[], file: None, built_in: BuiltIn { server, arguments: &[] } }
    }

    /// Returns these settings without their values and their file.
    #[must_use]
    pub(crate) const fn without_values(self) -> Self {
        Self { values: &[], file: None, built_in: self.built_in }
    }

    /// Whether a command takes a setting.
    #[must_use]
    pub fn is_in(command: &str, name: &str) -> bool {
        command.contains(&place(name))
    }

    /// Writes what has to be written.
    pub(crate) fn lay_out(self) -> io::Result<LaidOut> {
        let directory = match self.file {
            None => None,
            Some(_) => Some(tempfile::Builder::new().prefix("gauntlet-").tempdir()?),
        };
        let laid_out = LaidOut { settings: self, directory };
        if self.file.is_some() && !laid_out.change(0) {
            return Err(io::Error::other("a file of settings cannot be written"));
        }
        Ok(laid_out)
    }
}

/// Settings with their file, which goes when this is dropped.
#[derive(Debug)]
pub(crate) struct LaidOut {
    settings: Settings,
    directory: Option<TempDir>,
}

impl LaidOut {
    /// A command with its places filled.
    pub(crate) fn fill(&self, command: &str) -> String {
        self.all().fold(command.to_owned(), |command, (name, value)| command.replace(&place(name), &value))
    }

    /// The flags of the built-in server.
    pub(crate) fn flags(&self) -> Vec<OsString> {
        let BuiltIn { server, arguments } = self.settings.built_in;
        let built_in = [server].into_iter().chain(arguments.iter().copied()).map(OsString::from);
        built_in.chain(self.all().map(|(name, value)| format!("--{name}={value}").into())).collect()
    }

    /// Writes another version of the file; false if there is none.
    pub(crate) fn change(&self, version: u16) -> bool {
        let Some((path, (_, versions))) = self.path().zip(self.settings.file) else { return false };
        let Some(text) = versions.get(usize::from(version)) else { return false };
        // Whoever reads it meanwhile reads the one or the other.
        let next = path.with_extension("next");
        fs::write(&next, text).and_then(|()| fs::rename(&next, &path)).is_ok()
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        let values = self.settings.values.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let file = self.path().zip(self.settings.file);
        values.chain(file.map(|(path, (name, _))| (name, path.display().to_string())))
    }

    fn path(&self) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.path().join("setting"))
    }
}

fn place(name: &str) -> String {
    format!("{{{name}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Settings = Settings {
        values: &[("ttl", "6")],
        file: Some(("secrets", &["one\n", "other\n"])),
        built_in: BuiltIn { server: "index", arguments: &["--service", "x"] },
    };

    #[test]
    fn places_and_flags_bring_the_same_values() {
        let laid_out = SETTINGS.lay_out().unwrap();
        let path = laid_out.path().unwrap().display().to_string();
        assert_eq!(laid_out.fill("run {ttl} {secrets} {addr}"), format!("run 6 {path} {{addr}}"));
        let flags = ["index", "--service", "x", "--ttl=6", &format!("--secrets={path}")].map(OsString::from);
        assert_eq!(laid_out.flags(), flags);
        assert!(Settings::is_in("a {ttl}", "ttl") && !Settings::is_in("a ttl", "ttl"));
    }

    #[test]
    fn a_file_changes_and_goes() {
        let laid_out = SETTINGS.lay_out().unwrap();
        let path = laid_out.path().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        assert!(laid_out.change(1));
        assert_eq!(fs::read_to_string(&path).unwrap(), "other\n");
        assert!(!laid_out.change(2));
        drop(laid_out);
        assert!(!path.exists());
        assert!(!Settings::of_built_in("index").lay_out().unwrap().change(0));
    }
}
