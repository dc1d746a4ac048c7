//! `cargo ci bench`: figures of the server, the harness and the images, as ratios within one run on one machine.
//!
//! No figure fails for a slow machine; one that misses its requirement is marked. An incorrect reply does fail.

mod checkout;
mod figure;
mod image;
mod judge;
mod load;
mod operation;
mod redis;
mod replay;
mod server;
mod wisdom;

use crate::binaries::{MEASURED_PACKAGES, SHIPPED_PACKAGES};
use crate::cargo::{Cargo, Features, Profile};
use crate::command_line::{BenchFlags, Group};
use crate::docker;
use crate::failure::Failure;
use crate::images;
use crate::packages;
use crate::process;
use crate::workspace::Workspace;

use checkout::{Checkout, Rounds};
use figure::Table;

/// The programs that the measurements need (Debian: redis-server, linux-perf).
pub(crate) const PROGRAMS: &[&str] = &["redis-server", "perf"];

/// Measures the binaries that ship.
///
/// # Errors
/// A program is missing, a build fails, or a reply is incorrect.
pub(crate) fn run(workspace: &Workspace, flags: &BenchFlags) -> Result<(), Failure> {
    let missing = process::missing_programs(PROGRAMS);
    if !missing.is_empty() {
        return Err(Failure::other(format!(
            "the measurements need {} (Debian: redis-server, linux-perf)",
            missing.join(" and ")
        )));
    }
    let cargo = Cargo::new(workspace, Profile::Dist)?;
    let binaries = cargo.build(SHIPPED_PACKAGES, Features::All)?;
    let current = Checkout { cargo, binaries };
    let baseline = match &flags.baseline {
        None => None,
        Some(directory) => {
            let cargo = Cargo::new(&Workspace::at(directory)?, Profile::Dist)?;
            // Features have other names in other checkouts, and older ones have fewer packages.
            let packages = packages::existing(&cargo, MEASURED_PACKAGES)?;
            let binaries = cargo.build(&packages, Features::Default)?;
            Some(Checkout { cargo, binaries })
        }
    };
    if flags.only.contains(&Group::Images) || (flags.only.is_empty() && docker::is_available()) {
        images::build_shipped(workspace)?;
    }
    measure(&current, baseline.as_ref(), flags)
}

fn measure(current: &Checkout, baseline: Option<&Checkout>, flags: &BenchFlags) -> Result<(), Failure> {
    println!("profile: {}", current.cargo.profile.name());
    let rounds = Rounds::new(flags.short);
    let is_wanted = |group| flags.only.is_empty() || flags.only.contains(&group);
    let mut table = Table::new(baseline.is_some());
    if is_wanted(Group::Server) {
        server::measure(current, baseline, rounds, &mut table)?;
    }
    if is_wanted(Group::Replay) {
        replay::measure(current, baseline, rounds, &mut table)?;
    }
    if flags.only.contains(&Group::Judge) || (flags.only.is_empty() && !flags.short) {
        judge::measure(current, baseline, rounds, &mut table)?;
    }
    if is_wanted(Group::Operation) {
        operation::measure(current, baseline, rounds, &mut table)?;
    }
    if is_wanted(Group::Wisdom) {
        wisdom::measure(current, rounds, &mut table)?;
    }
    if is_wanted(Group::Images) && docker::is_available() && images::size_bytes(docker::SERVER_IMAGE).is_ok()
    {
        image::measure(rounds, &mut table)?;
    }
    println!("\n{table}");
    Ok(())
}
