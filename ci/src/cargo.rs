//! Cargo's command lines. All builds of this program are static where the platform can do that, so that the binaries
//! that were tested also run in images.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::binaries::{Binaries, FEATURES};
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// A build profile of the workspace's `Cargo.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Tests and the gate: quick to build.
    Ci,
    /// The binaries that ship: small and fast.
    Dist,
}

impl Profile {
    /// Returns the name of the profile and of its directory below the target directory.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ci => "ci",
            Self::Dist => "dist",
        }
    }
}

/// Cargo, for one checkout and one profile.
#[derive(Clone, Debug)]
pub(crate) struct Cargo {
    pub(crate) workspace: Workspace,
    pub(crate) profile: Profile,
    host: String,
}

impl Cargo {
    /// # Errors
    /// `rustc` does not answer.
    pub(crate) fn new(workspace: &Workspace, profile: Profile) -> Result<Self, Failure> {
        let version = process::output(Command::new("rustc").arg("-vV").current_dir(&workspace.root))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.ok_or_else(|| Failure::other("`rustc -vV` does not print the host"))?.to_owned();
        Ok(Self { workspace: workspace.clone(), profile, host })
    }

    /// Returns the target triple of this machine.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns whether the binaries are static.
    pub(crate) fn is_static(&self) -> bool {
        self.host.contains("-linux-")
    }

    /// Returns a cargo command that builds nothing.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(&self.workspace.root);
        command.env("CARGO_TARGET_DIR", &self.workspace.target);
        command
    }

    /// Returns a cargo command that builds, such as `nextest run`. All of them have the same target and flags, so that they
    /// share one build. The target is explicit because procedural macros, which run during the build, cannot be static.
    /// The flags are arguments, not variables, because tests that run other programs would inherit variables.
    pub(crate) fn build_command(&self, subcommand: &[&str]) -> Command {
        let mut command = self.command(subcommand);
        let profile = if subcommand.contains(&"nextest") { "--cargo-profile" } else { "--profile" };
        command.args(["--locked", profile, self.profile.name(), "--target", &self.host]);
        let set_by_user = env::var("RUSTFLAGS").unwrap_or_default();
        let mut flags = rustc_flags(&set_by_user, self.is_static());
        if self.profile == Profile::Ci {
            // Clippy's compiler reports lints while it compiles, so no second build is necessary for them.
            command.arg("--config").arg("build.rustc-workspace-wrapper=\"clippy-driver\"");
            flags.extend(["-D", "warnings"]);
        }
        let without_paths = if self.profile == Profile::Dist { self.path_flags() } else { Vec::new() };
        flags.extend(without_paths.iter().map(String::as_str));
        command.arg("--config").arg(format!("build.rustflags={flags:?}"));
        // It would override the argument, which contains it.
        command.env_remove("RUSTFLAGS");
        command
    }

    /// Returns the flags that replace the directories of this machine in a binary, so that builds in different directories are equal.
    fn path_flags(&self) -> Vec<String> {
        let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
        let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home);
        // The last prefix that matches counts, and the target directory may be in the workspace.
        let replaced = [(Some(self.workspace.root.clone()), "/gauntlet"), (cargo_home, "/cargo")];
        let replaced = replaced.into_iter().chain([(Some(self.workspace.target.clone()), "/target")]);
        let flag = |(path, name): (Option<PathBuf>, &str)| {
            Some(format!("--remap-path-prefix={}={name}", path?.display()))
        };
        replaced.filter_map(flag).collect()
    }

    /// Builds all binaries and examples of the workspace. Tests are built with the same packages and features, so that
    /// nothing is built twice.
    ///
    /// # Errors
    /// The build fails.
    pub(crate) fn build_workspace(&self) -> Result<Binaries, Failure> {
        let mut command = self.build_command(&["build"]);
        command.args(["--quiet", "--workspace", "--bins", "--examples", "--features", FEATURES]);
        process::run(&mut command)?;
        Ok(self.binaries())
    }

    /// Builds these packages' binaries and examples.
    ///
    /// # Errors
    /// The build fails.
    pub(crate) fn build(&self, packages: &[&str], features: Features) -> Result<Binaries, Failure> {
        let mut command = self.build_command(&["build"]);
        command.args(["--quiet", "--bins", "--examples"]);
        for package in packages {
            command.args(["--package", package]);
        }
        if features == Features::All {
            command.args(["--features", FEATURES]);
        }
        process::run(&mut command)?;
        Ok(self.binaries())
    }

    /// Returns the paths of the binaries, whether they are built or not.
    pub(crate) fn binaries(&self) -> Binaries {
        Binaries::new(self.workspace.target.join(&self.host).join(self.profile.name()))
    }
}

/// The features of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Features {
    /// Those that a package turns on by itself.
    Default,
    /// Also the container support.
    All,
}

/// Returns the flags of the compiler: those that the user has set, and the one that makes binaries static.
fn rustc_flags(set_by_user: &str, is_static: bool) -> Vec<&str> {
    let mut flags: Vec<&str> = set_by_user.split_whitespace().collect();
    if is_static {
        flags.extend(["-C", "target-feature=+crt-static"]);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_user_are_kept_and_the_result_is_a_list_for_cargo() {
        let flags = rustc_flags("-D warnings", true);
        assert_eq!(format!("{flags:?}"), r#"["-D", "warnings", "-C", "target-feature=+crt-static"]"#);
        assert!(rustc_flags("", false).is_empty());
    }

    #[test]
    fn all_builds_have_the_same_flags() {
        let cargo = Cargo::new(&Workspace::find(), Profile::Ci).unwrap();
        let line = |words: &[&str]| process::shown(&cargo.build_command(words));
        let build =
            line(&["build"]).replace("build --locked --profile", "nextest run --locked --cargo-profile");
        assert_eq!(build, line(&["nextest", "run"]));
    }
}
