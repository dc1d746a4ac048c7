//! `cargo ci images`: the images of the servers and of the harness, from static binaries, without a registry.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::binaries::{Binaries, Binary, SHIPPED, SHIPPED_PACKAGES};
use crate::cargo::{Cargo, Features, Profile};
use crate::docker::{HARNESS_IMAGE, SERVER_IMAGE, WISDOM_IMAGE, docker};
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// An image and the stage of the Dockerfile that copies prebuilt binaries into it.
struct Image {
    stage: &'static str,
    name: &'static str,
    /// The size that the shipped image may have, in bytes. The harness image holds two programs.
    bytes_max: u64,
}

const IMAGES: [Image; 3] = [
    Image { stage: "prebuilt", name: SERVER_IMAGE, bytes_max: 12 << 20 },
    Image { stage: "prebuilt-wisdom", name: WISDOM_IMAGE, bytes_max: 16 << 20 },
    Image { stage: "prebuilt-harness", name: HARNESS_IMAGE, bytes_max: 36 << 20 },
];

/// Builds the images from the binaries that ship, and checks their sizes.
///
/// # Errors
/// The build fails, or an image is too large.
pub(crate) fn build_shipped(workspace: &Workspace) -> Result<(), Failure> {
    let cargo = Cargo::new(workspace, Profile::Dist)?;
    let binaries = cargo.build(SHIPPED_PACKAGES, Features::All)?;
    build(workspace, &binaries)?;
    for Image { name, bytes_max, .. } in IMAGES {
        let bytes = size_bytes(name)?;
        if bytes > bytes_max {
            return Err(Failure::other(format!(
                "{name} has {bytes} bytes, more than the limit of {bytes_max}"
            )));
        }
    }
    Ok(())
}

/// Builds the images from these binaries, whatever their profile, and prints their sizes.
///
/// # Errors
/// A binary is not static, or the Docker daemon refuses.
pub(crate) fn build(workspace: &Workspace, binaries: &Binaries) -> Result<(), Failure> {
    let context = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    fill(context.path(), binaries)?;
    let revision = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(&workspace.root).output();
    let revision = revision.ok().filter(|output| output.status.success());
    let revision = revision
        .map_or_else(|| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    for Image { stage, name, .. } in IMAGES {
        let mut command = Command::new("docker");
        // The legacy builder needs no registry: it stops at the stage that is asked for.
        command.env("DOCKER_BUILDKIT", "0").args(["build", "--quiet", "--target", stage, "--tag", name]);
        command.arg("--file").arg(workspace.path("Dockerfile"));
        command.args(["--build-arg", concat!("VERSION=", env!("CARGO_PKG_VERSION"))]);
        command.args(["--build-arg", &format!("REVISION={}", revision.trim())]).arg(context.path());
        process::output(&mut command)?;
        println!("{name:<22} {} bytes", size_bytes(name)?);
    }
    Ok(())
}

/// Fills the build context with stripped copies of the binaries.
fn fill(context: &Path, binaries: &Binaries) -> Result<(), Failure> {
    for directory in ["ci/empty", "crates"] {
        let directory = context.join(directory);
        fs::create_dir_all(&directory).map_err(Failure::at(&directory))?;
    }
    for binary in SHIPPED {
        let from = binaries.path(*binary);
        if is_dynamic(&from) {
            return Err(Failure::other(format!(
                "{} is not static and cannot run in an image",
                from.display()
            )));
        }
        let to = context.join(path_in_context(*binary));
        fs::copy(&from, &to).map_err(Failure::at(&from))?;
        // Only the line tables of the test profile go; function names stay for profiles of the server.
        process::run(Command::new("strip").arg("--strip-debug").arg(&to))?;
    }
    Ok(())
}

/// Returns the path of a binary in the build context: that of its crate in the workspace. A build from source also goes
/// through the stages that copy prebuilt binaries, and must find something there.
fn path_in_context(binary: Binary) -> String {
    match binary {
        Binary::Wisdom => format!("crates/{}", binary.name()),
        _ => binary.name().to_owned(),
    }
}

/// Returns whether a binary loads shared libraries. `ldd` prints an arrow for each, and no arrow for a static binary.
fn is_dynamic(path: &Path) -> bool {
    let output = Command::new("ldd").arg(path).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("=>"))
}

/// Returns the size of an image in bytes.
///
/// # Errors
/// The image does not exist.
pub(crate) fn size_bytes(image: &str) -> Result<u64, Failure> {
    let size = docker(&["image", "inspect", "--format", "{{.Size}}", image])?;
    size.parse().map_err(|_| Failure::other(format!("docker prints the size {size:?}")))
}

/// The public Rust image, made of the toolchain of this machine.
const STAND_IN: &str = "gauntlet-rust:stand-in";
const SUITE: &str = "bookworm";

/// Builds all images from source on a stand-in for the public Rust image, and removes them.
///
/// # Errors
/// A tool is missing, or a build fails.
pub(crate) fn build_from_source(workspace: &Workspace) -> Result<(), Failure> {
    if docker(&["image", "inspect", STAND_IN]).is_err() {
        build_stand_in()?;
    }
    for stage in ["server", "wisdom", "harness"] {
        let image = format!("gauntlet-{stage}:from-source");
        let rust = format!("RUST_IMAGE={STAND_IN}");
        let mut command = Command::new("docker");
        command.env("DOCKER_BUILDKIT", "0").args(["build", "--quiet", "--network", "host"]);
        command.args(["--build-arg", &rust, "--target", stage, "--tag", &image]).arg(&workspace.root);
        process::output(&mut command)?;
        println!("{}  {} bytes", docker(&["run", "--rm", &image, "--version"])?, size_bytes(&image)?);
        docker(&["image", "rm", &image])?;
    }
    Ok(())
}

fn build_stand_in() -> Result<(), Failure> {
    let missing = process::missing_programs(&["debootstrap", "tar"]);
    if !missing.is_empty() {
        return Err(Failure::other(format!("the stand-in for the Rust image needs {}", missing.join(", "))));
    }
    let root = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let packages = "--include=gcc,libc6-dev,ca-certificates";
    process::output(
        Command::new("debootstrap").args(["--variant=minbase", packages, SUITE]).arg(root.path()),
    )?;
    let toolchain = process::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let rust = root.path().join("usr/local/rust");
    fs::create_dir_all(&rust).map_err(Failure::at(&rust))?;
    process::run(Command::new("cp").arg("-a").arg(format!("{}/.", toolchain.trim())).arg(&rust))?;
    // A machine behind a proxy with its own certificate trusts that one too.
    let certificates = "/etc/ssl/certs/ca-certificates.crt";
    process::run(Command::new("cp").args(["-L", certificates]).arg(root.path().join(&certificates[1..])))?;
    let archive = format!(
        "tar -C '{}' -c . | docker import --change 'ENV PATH=/usr/local/rust/bin:/usr/bin:/bin' - {STAND_IN}",
        root.path().display()
    );
    process::output(Command::new("sh").args(["-c", &archive]))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The legacy builder goes through the prebuilt stages of a build from source, too.
    #[test]
    fn the_paths_of_prebuilt_binaries_exist_in_the_workspace() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let dockerfile = fs::read_to_string(root.join("Dockerfile")).unwrap();
        for binary in SHIPPED {
            let path = path_in_context(*binary);
            assert!(root.join(&path).is_dir(), "{path} is no crate");
            let is_copy = |line: &str| line.starts_with("COPY ") && line.split(' ').any(|word| word == path);
            assert!(dockerfile.lines().any(is_copy), "no stage copies {path}");
        }
    }
}
