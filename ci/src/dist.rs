//! `cargo ci dist`: the archive of a release, without paths of the machine and times.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::binaries::{SHIPPED, SHIPPED_PACKAGES};
use crate::cargo::{Cargo, Features, Profile};
use crate::components::Components;
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// The largest size of an archive, in bytes, for each program in it.
const PROGRAM_BYTES_MAX: u64 = 12_000_000;

/// The files of the workspace that an archive contains.
const TEXTS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Builds the programs that ship and writes `gauntlet-VERSION-TARGET.tar.gz` and its checksum (`….sha256`) to a directory. The
/// archive also contains completions, manual pages, licences and a bill of materials.
///
/// # Errors
/// The build fails, a program is missing, or the archive is too large.
pub(crate) fn run(workspace: &Workspace, directory: &Path) -> Result<(), Failure> {
    let cargo = Cargo::new(workspace, Profile::Dist)?;
    let binaries = cargo.build(SHIPPED_PACKAGES, Features::All)?;
    // It does not ship, and shares the build of the tests.
    let manuals = Cargo::new(workspace, Profile::Ci)?.build_workspace()?.manuals();

    let temporary = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("gauntlet-{version}-{}", cargo.host());
    let staged = temporary.path().join(&name);
    fs::create_dir_all(&staged).map_err(Failure::at(&staged))?;
    for binary in SHIPPED {
        copy(&binaries.path(*binary), &staged.join(binary.name()))?;
    }
    for text in TEXTS {
        copy(&workspace.path(text), &staged.join(text))?;
    }
    process::run(Command::new(manuals).arg(&staged))?;
    let components = Components::read(&cargo)?;
    write(&staged.join("LICENSES-OF-DEPENDENCIES"), &components.licences()?)?;
    let bill = format!("{:#}\n", components.bill_of_materials(version));
    write(&staged.join("gauntlet.cdx.json"), &bill)?;

    fs::create_dir_all(directory).map_err(Failure::at(directory))?;
    let archive = directory.join(format!("{name}.tar.gz"));
    pack(temporary.path(), &name, &archive, &time_of(workspace))?;
    let bytes = fs::metadata(&archive).map_err(Failure::at(&archive))?.len();
    println!("{} {bytes} bytes", archive.display());
    if bytes > PROGRAM_BYTES_MAX * SHIPPED.len() as u64 {
        return Err(Failure::other(format!("{} is too large: {bytes} bytes", archive.display())));
    }
    let checksum = directory.join(format!("{name}.tar.gz.sha256"));
    let mut command = Command::new("sha256sum");
    let line = process::output(command.arg(format!("{name}.tar.gz")).current_dir(directory))?;
    write(&checksum, &format!("{}\n", line.trim_end()))
}

/// Packs a directory so that the archive depends only on the contents of the files.
fn pack(parent: &Path, name: &str, archive: &Path, time: &str) -> Result<(), Failure> {
    let tar = parent.join("archive.tar");
    let mut command = Command::new("tar");
    command.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX"]);
    command.args(["--format=ustar", &format!("--mtime=@{time}")]);
    process::run(command.arg("-C").arg(parent).arg("-cf").arg(&tar).arg(name))?;
    // Without the time and the name of the file.
    process::run(Command::new("gzip").args(["-9", "-n"]).arg(&tar))?;
    copy(&parent.join("archive.tar.gz"), archive)
}

/// Returns the time of the files in the archive, in seconds since 1970: that of the commit, unless `SOURCE_DATE_EPOCH` says
/// otherwise.
fn time_of(workspace: &Workspace) -> String {
    let set = env::var("SOURCE_DATE_EPOCH").ok();
    let of_commit = || {
        let mut command = Command::new("git");
        process::output(command.args(["log", "-1", "--format=%ct"]).current_dir(&workspace.root)).ok()
    };
    set.or_else(of_commit).map_or_else(|| "0".to_owned(), |time| time.trim().to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::copy(from, to).map(|_bytes| ()).map_err(Failure::at(from))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(Failure::at(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_archive_depends_only_on_the_contents_of_the_files() {
        let packed = |umask: u32, order: [&str; 2]| {
            let parent = tempfile::tempdir().unwrap();
            let directory = parent.path().join("kit");
            fs::create_dir(&directory).unwrap();
            for name in order {
                fs::write(directory.join(name), name).unwrap();
                fs::set_permissions(directory.join(name), fs::Permissions::from_mode(umask)).unwrap();
            }
            let archive = parent.path().join("kit.tar.gz");
            pack(parent.path(), "kit", &archive, "1700000000").unwrap();
            fs::read(archive).unwrap()
        };
        assert_eq!(packed(0o600, ["a", "b"]), packed(0o644, ["b", "a"]));
        assert_ne!(packed(0o600, ["a", "b"]), packed(0o600, ["a", "c"]));
    }
}
