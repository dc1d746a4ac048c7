//! `cargo ci pictures`: the pictures of README.md, from real runs.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anstyle_svg::Term;

use crate::binaries::{Binaries, Binary};
use crate::cargo::{Cargo, Profile};
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

/// The seed of the runs.
const SEED: &str = "7";

/// The defect of the server whose report is shown.
const MUTANT: &str = "update-merges";

/// The browser that draws the HTML report.
const BROWSER: &str = "chromium";

/// The size of the picture of the HTML report, in pixels.
const WINDOW: &str = "--window-size=1000,900";

/// Builds the binaries, runs them and writes docs/pictures/.
///
/// # Errors
/// The browser is missing, or something cannot be run or written.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    if process::find_program(BROWSER).is_none() {
        return Err(Failure::other(format!("the HTML report is drawn by {BROWSER}; install it")));
    }
    let binaries = Cargo::new(workspace, Profile::Ci)?.build_workspace()?;
    let directory = workspace.path("docs/pictures");
    fs::create_dir_all(&directory).map_err(Failure::at(&directory))?;
    let terminal = directory.join("terminal.svg");
    fs::write(&terminal, terminal_svg(&binaries)?).map_err(Failure::at(&terminal))?;
    let temporary = tempfile::tempdir().map_err(Failure::during("creating a directory"))?;
    let page = temporary.path().join("report.html");
    // The report shows the command, so the zoo is found by its name.
    let exec = format!("zoo --mutant {MUTANT} --addr {{addr}}");
    let harness = binaries.path(Binary::Harness);
    let mut judge = Command::new(&harness);
    judge.env("PATH", path_with(&harness)?);
    judge.args(["--seed", SEED, "--exec", &exec, "--html"]).arg(&page);
    // The mutant violates the protocol, so the run ends with status 1.
    judge.output().map_err(|source| Failure::Start { command: process::shown(&judge), source })?;
    let screenshot = format!("--screenshot={}", directory.join("report.png").display());
    let mut browser = Command::new(BROWSER);
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", WINDOW, &screenshot]);
    process::output(browser.arg(format!("file://{}", page.display())))?;
    println!("wrote {}", directory.display());
    Ok(())
}

/// Returns the search path of programs, preceded by the directory of a binary.
fn path_with(binary: &Path) -> Result<OsString, Failure> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = binary.parent().map(Path::to_owned).into_iter().chain(env::split_paths(&path));
    env::join_paths(directories).map_err(|_| Failure::other("the target directory has a colon in its name"))
}

/// Runs the harness against the built-in server and draws its output, without the parts that README does not need.
fn terminal_svg(binaries: &Binaries) -> Result<String, Failure> {
    let mut harness = Command::new(binaries.path(Binary::Harness));
    let output = process::output(harness.args(["--seed", SEED]).env("CLICOLOR_FORCE", "1"))?;
    let shown = format!("$ cargo run --release -p harness -- --seed {SEED}\n{}", shortened(&output));
    Ok(Term::new().render_svg(&shown))
}

/// Leaves out everything between the table of phases and the verdict.
fn shortened(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let end = lines.iter().position(|line| line.starts_with("Behaviour")).unwrap_or(lines.len());
    let verdict = lines.last().filter(|_| end < lines.len());
    let head = lines[..end].iter().chain(["…"].iter().filter(|_| verdict.is_some()));
    head.chain(verdict).fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_the_head_and_the_verdict() {
        assert_eq!(shortened("a\nBehaviour …\n  x\nPASS b\n"), "a\n…\nPASS b\n");
        assert_eq!(shortened("a\nPASS b\n"), "a\nPASS b\n");
    }
}
