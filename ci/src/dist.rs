//! `cargo ci dist`: the archive of a release, without paths of the machine and times.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::binaries::{SHIPPED, SHIPPED_PACKAGES};
use crate::cargo::{Cargo, Features, Profile};
use crate::components::Components;
use crate::failure::Failure;
use crate::files::{copy, write};
use crate::process;
use crate::workspace::Workspace;

/// The largest size of an archive, in bytes, for each program in it.
const PROGRAM_BYTES_MAX: u64 = 12_000_000;

/// The files of the workspace that an archive contains.
const TEXTS: [&str; 9] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "deny.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "fixtures/data/README.md",
];

/// The directories of the documentation, and of the files that it names.
const DIRECTORIES: [&str; 6] =
    ["docs", "ci/deploy", "ci/gate", "ci/matrix", "ci/release", "fixtures/servers"];

/// Open work concerns only those who work on the kit.
const LEFT_OUT: &str = "NEXT.md";

/// Builds the programs that ship and writes `gauntlet-VERSION-TARGET.tar.gz` and its checksum (`….sha256`) to a directory. The
/// archive also contains the documentation, completions, manual pages, licences and a bill of materials.
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
    copy_documents(workspace, &staged)?;
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

/// Copies the texts, and everything that they link to but source code.
fn copy_documents(workspace: &Workspace, staged: &Path) -> Result<(), Failure> {
    for directory in DIRECTORIES {
        copy_directory(&workspace.path(directory), &staged.join(directory))?;
    }
    for text in TEXTS {
        copy(&workspace.path(text), &staged.join(text))?;
    }
    Ok(())
}

fn copy_directory(from: &Path, to: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(from).map_err(Failure::at(from))? {
        let entry = entry.map_err(Failure::at(from))?;
        let (path, name) = (entry.path(), entry.file_name());
        if name == LEFT_OUT {
            continue;
        }
        if path.is_dir() {
            copy_directory(&path, &to.join(name))?;
        } else {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::site;

    #[test]
    fn the_links_of_an_archive_lead_to_its_files_or_to_source_code() {
        let staged = tempfile::tempdir().unwrap();
        copy_documents(&Workspace::find(), staged.path()).unwrap();
        let mut count = 0;
        let mut directories = vec![staged.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_some_and(|extension| extension == "md") {
                    let text = fs::read_to_string(&path).unwrap();
                    for link in site::local_links(&text).filter(|link| !link.contains("/src/")) {
                        let target = path.parent().unwrap().join(link);
                        assert!(target.exists(), "{} links to {link}", path.display());
                        count += 1;
                    }
                }
            }
        }
        assert!(count > 200, "{count} links");
        assert!(!staged.path().join("docs/NEXT.md").exists());
    }

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
