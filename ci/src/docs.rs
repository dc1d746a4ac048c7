//! `cargo ci docs`: the catalogues in docs/ that the binaries print.

use std::fs;
use std::process::Command;

use crate::binaries::{Binaries, Binary};
use crate::cargo::{Cargo, Profile};
use crate::failure::Failure;
use crate::process;
use crate::workspace::Workspace;

struct Document {
    path: &'static str,
    binary: Binary,
    arguments: &'static [&'static str],
}

const DOCUMENTS: &[Document] = &[
    Document {
        path: "docs/CASES.md",
        binary: Binary::Harness,
        arguments: &["cases", "--format", "markdown"],
    },
    Document {
        path: "docs/CASES-wisdom.md",
        binary: Binary::Harness,
        arguments: &["cases", "--format", "markdown", "--protocol", "wisdom"],
    },
    Document { path: "docs/FAULTS.md", binary: Binary::Chaos, arguments: &["faults", "--markdown"] },
    Document {
        path: "docs/FAULTS-wisdom.md",
        binary: Binary::Chaos,
        arguments: &["faults", "--markdown", "--protocol", "wisdom"],
    },
];

/// Builds the binaries, then writes or checks the documents.
///
/// # Errors
/// A document is not up to date, or something cannot be run or written.
pub(crate) fn run(workspace: &Workspace, is_check: bool) -> Result<(), Failure> {
    let binaries = Cargo::new(workspace, Profile::Ci)?.build_workspace()?;
    if is_check { check(workspace, &binaries) } else { write(workspace, &binaries) }
}

/// Checks that the documents are what the binaries print.
///
/// # Errors
/// A document is not up to date, or something cannot be run.
pub(crate) fn check(workspace: &Workspace, binaries: &Binaries) -> Result<(), Failure> {
    let mut stale = Vec::new();
    for document in DOCUMENTS {
        let path = workspace.path(document.path);
        if fs::read_to_string(&path).ok() != Some(print(document, binaries)?) {
            stale.push(document.path);
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(Failure::other(format!("not up to date: {}; run `cargo ci docs`", stale.join(", "))))
}

fn write(workspace: &Workspace, binaries: &Binaries) -> Result<(), Failure> {
    for document in DOCUMENTS {
        let path = workspace.path(document.path);
        fs::write(&path, print(document, binaries)?).map_err(Failure::at(path))?;
    }
    Ok(())
}

fn print(document: &Document, binaries: &Binaries) -> Result<String, Failure> {
    process::output(Command::new(binaries.path(document.binary)).args(document.arguments))
}
