//! The settings of a target that the kit starts: they fill placeholders of a command, or become flags of the built-in
//! server.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

use tempfile::TempDir;

/// The settings of the targets of a protocol.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Names and values; `{name}` in a command represents the value.
    pub values: &'static [(&'static str, &'static str)],
    /// The name of a setting that is a file, and the versions of its content. The first version applies at the start.
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

    /// Returns whether a command contains the placeholder of a setting.
    #[must_use]
    pub fn is_in(command: &str, name: &str) -> bool {
        command.contains(&placeholder(name))
    }

    /// Writes the settings file, if there is one.
    pub(crate) fn write(self) -> io::Result<WrittenSettings> {
        let directory = match self.file {
            None => None,
            Some(_) => Some(tempfile::Builder::new().prefix("gauntlet-").tempdir()?),
        };
        let written = WrittenSettings { settings: self, directory };
        if self.file.is_some() && !written.change(0) {
            return Err(io::Error::other("the settings file cannot be written"));
        }
        Ok(written)
    }
}

/// Settings with their file. Dropping the value removes the file.
#[derive(Debug)]
pub(crate) struct WrittenSettings {
    settings: Settings,
    directory: Option<TempDir>,
}

impl WrittenSettings {
    /// Returns a command with its placeholders replaced.
    pub(crate) fn fill(&self, command: &str) -> String {
        self.all()
            .fold(command.to_owned(), |command, (name, value)| command.replace(&placeholder(name), &value))
    }

    /// Returns the arguments of the built-in server.
    pub(crate) fn flags(&self) -> Vec<OsString> {
        let BuiltIn { server, arguments } = self.settings.built_in;
        let built_in = [server].into_iter().chain(arguments.iter().copied()).map(OsString::from);
        built_in.chain(self.all().map(|(name, value)| format!("--{name}={value}").into())).collect()
    }

    /// Replaces the file by another version; returns false if there is no such version.
    pub(crate) fn change(&self, version: u16) -> bool {
        let Some((path, (_, versions))) = self.path().zip(self.settings.file) else { return false };
        let Some(text) = versions.get(usize::from(version)) else { return false };
        // The rename is atomic: a reader sees either the old or the new version.
        let next = path.with_extension("next");
        write_private(&next, text).and_then(|()| fs::rename(&next, &path)).is_ok()
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

/// Writes a file that only its owner can access, because servers may refuse or report secrets that others can read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn placeholder(name: &str) -> String {
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
    fn placeholders_and_flags_carry_the_same_values() {
        let written = SETTINGS.write().unwrap();
        let path = written.path().unwrap().display().to_string();
        assert_eq!(written.fill("run {ttl} {secrets} {addr}"), format!("run 6 {path} {{addr}}"));
        let flags = ["index", "--service", "x", "--ttl=6", &format!("--secrets={path}")].map(OsString::from);
        assert_eq!(written.flags(), flags);
        assert!(Settings::is_in("a {ttl}", "ttl") && !Settings::is_in("a ttl", "ttl"));
    }

    #[test]
    fn the_settings_file_is_replaced_and_removed() {
        let written = SETTINGS.write().unwrap();
        let path = written.path().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
        assert!(written.change(1));
        assert_eq!(fs::read_to_string(&path).unwrap(), "other\n");
        assert!(!written.change(2));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "others can access it");
        }
        drop(written);
        assert!(!path.exists());
        assert!(!Settings::of_built_in("index").write().unwrap().change(0));
    }
}
