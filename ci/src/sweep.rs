//! `cargo ci sweep`: removes containers, networks and images that tests and killed supervisors have left behind.

use crate::docker::{TEST_LABEL, docker};
use crate::failure::Failure;
use std::path::Path;

/// Removes what has the label of tests, and what belongs to a supervisor that no longer runs.
///
/// # Errors
/// The Docker daemon does not answer or refuses.
pub(crate) fn run() -> Result<(), Failure> {
    let of_tests = format!("label={TEST_LABEL}");
    remove(&["ps", "--all", "--quiet", "--filter", &of_tests], &["rm", "--force", "--volumes"], |_| true)?;
    remove(
        &["ps", "--all", "--filter", "label=gauntlet", "--format", "{{.Names}}"],
        &["rm", "--force", "--volumes"],
        is_left_over,
    )?;
    remove(
        &["network", "ls", "--filter", "name=^gauntlet-", "--format", "{{.Name}}"],
        &["network", "rm"],
        is_left_over,
    )?;
    remove(&["image", "ls", "--quiet", "--filter", &of_tests], &["image", "rm", "--force"], |_| true)
}

fn remove(list: &[&str], removal: &[&str], is_removed: impl Fn(&str) -> bool) -> Result<(), Failure> {
    let listed = docker(list)?;
    let names: Vec<&str> = listed.lines().filter(|name| is_removed(name)).collect();
    if !names.is_empty() {
        docker(&[removal, &names].concat())?;
        println!("removed {}", names.join(", "));
    }
    Ok(())
}

/// Returns whether the supervisor of a container or network has ended. The name is `gauntlet-PID-…`; a name without an id
/// belongs to no living supervisor.
fn is_left_over(name: &str) -> bool {
    let pid = name.strip_prefix("gauntlet-").and_then(|rest| rest.split('-').next());
    let pid = pid.and_then(|pid| pid.parse::<u32>().ok());
    pid.is_none_or(|pid| !Path::new(&format!("/proc/{pid}")).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_of_a_living_supervisor_stay() {
        assert!(!is_left_over(&format!("gauntlet-{}-abc", std::process::id())));
        assert!(is_left_over("gauntlet-4294967295-abc"));
        assert!(is_left_over("gauntlet-abc"));
    }
}
