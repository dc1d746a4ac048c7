//! A small file system for the files of a target, which can be full.
//!
//! `{directory}` in the command of a target is a directory of its own. Where the run is in a mount namespace, that directory is a
//! file system of 128 MiB in memory, which chaos can fill.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use target::Choice;
use tempfile::TempDir;

use crate::error::Error;
use crate::namespace::run;

/// What represents the directory in a command.
pub(crate) const PLACEHOLDER: &str = "{directory}";

/// The size of the file system: more than a target logs in a run.
const SIZE: &str = "size=128m,mode=0700";

/// The name of the file that fills it.
const FILLING: &str = ".gauntlet-filling";

/// The directory of a target, if its command names one.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    directory: Option<TempDir>,
    /// Why it cannot be filled, if it cannot.
    cause: Option<String>,
    filling: RefCell<Option<File>>,
}

/// Returns whether the command of a target names the directory.
pub(crate) fn is_used(choice: &Choice) -> bool {
    matches!(choice, Choice::Exec { command, .. } if command.contains(PLACEHOLDER))
}

impl Disk {
    /// Makes the directory if the target uses it. It can be filled unless there is a reason, `cause`, why the run is in no mount
    /// namespace.
    ///
    /// # Errors
    /// The directory cannot be created.
    pub(crate) fn new(choice: &Choice, cause: Option<String>) -> Result<Self, Error> {
        if !is_used(choice) {
            return Ok(Self::default());
        }
        let directory = tempfile::Builder::new().prefix("gauntlet-").tempdir()?;
        let cause = cause.or_else(|| mount(directory.path()).err());
        Ok(Self { directory: Some(directory), cause, filling: RefCell::default() })
    }

    /// Returns the choice with the directory in its command.
    pub(crate) fn fill_in(&self, choice: Choice) -> Choice {
        match (choice, &self.directory) {
            (Choice::Exec { command, addr }, Some(directory)) => Choice::Exec {
                command: command.replace(PLACEHOLDER, &directory.path().display().to_string()),
                addr,
            },
            (other, _) => other,
        }
    }

    /// Returns why the disk of the target cannot be filled, if it cannot.
    pub(crate) fn cause(&self) -> Option<String> {
        match &self.directory {
            None => Some(format!(
                "the fault needs a target that writes in {PLACEHOLDER}, which --exec can contain"
            )),
            Some(_) => self.cause.clone(),
        }
    }

    /// Fills the file system; returns false if that fails.
    pub(crate) fn fill(&self) -> bool {
        let Some(path) = self.filling_path() else { return false };
        let filled = File::create(path).and_then(|mut file| {
            write_until_full(&mut file)?;
            Ok(file)
        });
        *self.filling.borrow_mut() = filled.ok();
        self.filling.borrow().is_some()
    }

    /// Frees the space. Returns whether the file system was still full, and the target has a file there: it could write nothing more.
    pub(crate) fn empty(&self) -> bool {
        let (Some(mut file), Some(path)) = (self.filling.take(), self.filling_path()) else { return false };
        let was_full = file.write(b"\n").is_err_and(|error| error.kind() == ErrorKind::StorageFull);
        let is_used = path.parent().is_some_and(has_other_file);
        fs::remove_file(path).is_ok() && was_full && is_used
    }

    fn filling_path(&self) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.path().join(FILLING))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let (Some(directory), None) = (&self.directory, &self.cause) {
            // A process that still uses it does not prevent this. If it fails, the end of the namespace does the same.
            let _ = run("umount", &["--lazy".as_ref(), directory.path().as_os_str()]);
        }
    }
}

fn mount(path: &Path) -> Result<(), String> {
    run(
        "mount",
        &["-t", "tmpfs", "-o", SIZE, "gauntlet"]
            .map(AsRef::as_ref)
            .into_iter()
            .chain([path.as_os_str()])
            .collect::<Vec<_>>(),
    )
}

/// Writes blocks, and then bytes, until there is no more space.
fn write_until_full(file: &mut File) -> io::Result<()> {
    for size in [1 << 20, 4096, 1] {
        let block = vec![b'\n'; size];
        loop {
            match file.write(&block) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn has_other_file(directory: &Path) -> bool {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    files
        .filter(|file| file.file_name() != FILLING)
        .any(|file| file.metadata().is_ok_and(|data| data.len() > 0))
}
