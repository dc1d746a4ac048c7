//! Namespaces of the run: of the network, for faults of packets, and of mounts, for a disk that can be full.
//!
//! The whole run moves into them: chaos replaces its process by one that `unshare` starts there. What is made there ends with them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use crate::packets::Discipline;

/// The variable that tells a process which namespaces it has for itself: their flags of `unshare`.
const INSIDE: &str = "GAUNTLET_NAMESPACES";

const NETWORK: &str = "--net";
const MOUNTS: &str = "--mount";

/// What cannot be made in the namespaces of a run, and why.
#[derive(Clone, Debug, Default)]
pub(crate) struct Obstacles {
    /// Why faults of packets cannot be made, if they cannot.
    pub(crate) packets: Option<String>,
    /// Why a disk cannot be full, if it cannot.
    pub(crate) disk: Option<String>,
    /// Why a queueing discipline cannot be used, for those that cannot.
    pub(crate) disciplines: BTreeMap<Discipline, String>,
}

/// Moves the run into the namespaces that it needs: replaces this process, with the same arguments. Returns only if that is done
/// already, if none is needed, or if it is impossible.
pub(crate) fn enter(arguments: &[OsString], needs_packets: bool, needs_disk: bool) -> Obstacles {
    let inside = std::env::var(INSIDE).unwrap_or_default();
    let missing = || {
        let tools = [("ip", &["-Version"][..]), ("nft", &["--version"])];
        tools.into_iter().find_map(|(tool, arguments)| run(tool, arguments).err())
    };
    let tools = if needs_packets { missing() } else { None };
    let wanted = [(NETWORK, needs_packets && tools.is_none()), (MOUNTS, needs_disk)];
    let flags: Vec<&str> =
        wanted.into_iter().filter(|(_, is_wanted)| *is_wanted).map(|(flag, _)| flag).collect();
    // A process that inherits the variable from a run with other namespaces must not change what is outside.
    let refused = if is_inside(&inside, &flags) { None } else { Some(replace_process(arguments, &flags)) };
    let is_in_network = refused.is_none() && needs_packets && tools.is_none();
    let lo = if is_in_network { run("ip", &["link", "set", "lo", "up"]).err() } else { None };
    let packets = tools.or_else(|| refused.clone().filter(|_| needs_packets)).or(lo);
    let mut disciplines = BTreeMap::new();
    if is_in_network && packets.is_none() {
        disciplines.extend(
            Discipline::ALL.into_iter().filter_map(|discipline| Some((discipline, discipline.obstacle()?))),
        );
    }
    Obstacles { packets, disk: refused.filter(|_| needs_disk), disciplines }
}

/// Returns whether a process with this value of [`INSIDE`] has all these namespaces for itself.
fn is_inside(inside: &str, flags: &[&str]) -> bool {
    flags.iter().all(|flag| inside.split(' ').any(|own| own == *flag))
}

/// Returns only with the reason why this is impossible.
fn replace_process(arguments: &[OsString], namespaces: &[&str]) -> String {
    // Without privileges, only a user namespace of one's own may contain others.
    let user: &[&str] =
        if rustix::process::geteuid().is_root() { &[] } else { &["--user", "--map-root-user"] };
    let flags = [namespaces, user].concat();
    if let Err(cause) = run("unshare", &[&flags[..], &["true"]].concat()) {
        return cause;
    }
    let own = match std::env::current_exe() {
        Ok(own) => own,
        Err(error) => return error.to_string(),
    };
    let mut command = Command::new("unshare");
    command.args(flags).arg("--").arg(own).args(&arguments[1..]).env(INSIDE, namespaces.join(" "));
    format!("unshare: {}", command.exec())
}

/// Runs a program that must succeed.
///
/// # Errors
/// The first line of what it reports, with its name and exit status.
pub(crate) fn run(program: &str, arguments: &[impl AsRef<OsStr>]) -> Result<(), String> {
    output(program, arguments).map(drop)
}

/// Runs a program that must succeed, and returns its output.
///
/// # Errors
/// Those of [`run`].
pub(crate) fn output(program: &str, arguments: &[impl AsRef<OsStr>]) -> Result<Output, String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    succeeded(program, output)
}

/// Runs a program with this input, which must succeed.
///
/// # Errors
/// Those of [`run`].
pub(crate) fn feed(program: &str, arguments: &[&str], input: &str) -> Result<(), String> {
    let run = || {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        child.wait_with_output()
    };
    succeeded(program, run()).map(drop)
}

fn succeeded(program: &str, output: std::io::Result<Output>) -> Result<Output, String> {
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().next().unwrap_or_default().trim();
    Err(format!("{program} ended with {}: {line}", output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_an_obstacle_with_its_message() {
        run("true", &[""; 0]).unwrap();
        let message = run("sh", &["-c", "echo no such kind >&2; exit 2"]).unwrap_err();
        assert_eq!(message, "sh ended with exit status: 2: no such kind");
        assert!(
            run("gauntlet-has-no-such-program", &[""; 0])
                .unwrap_err()
                .contains("gauntlet-has-no-such-program: ")
        );
        feed("grep", &["-q", "x"], "x\n").unwrap();
    }

    #[test]
    fn a_process_in_another_kind_of_namespace_is_not_inside() {
        assert!(is_inside("--net --mount", &[NETWORK]) && is_inside("", &[]));
        assert!(!is_inside(MOUNTS, &[NETWORK]) && !is_inside("", &[MOUNTS]));
    }

    #[test]
    fn a_run_that_needs_no_namespace_stays_where_it_is() {
        let obstacles = enter(&["chaos".into()], false, false);
        assert!(obstacles.packets.is_none() && obstacles.disk.is_none() && obstacles.disciplines.is_empty());
    }
}
