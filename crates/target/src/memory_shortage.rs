//! A shortage of memory in the container of a target: a limit of its control group, begun, proven and ended.
//!
//! The files are described in the kernel's documentation of memory control groups, versions 1 and 2.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

/// Where the control groups are.
const GROUPS: &str = "/sys/fs/cgroup";

/// The memory that the group may use beyond what it uses, in bytes.
const FREE_BYTES: u64 = 1 << 20;

/// The files of a version of control groups.
#[derive(Debug)]
struct Files {
    limit: &'static str,
    usage: &'static str,
    /// Counts how often the limit was reached.
    failures: &'static str,
    /// The prefix of the line in that file.
    failures_name: &'static str,
    /// Describes the use, with a line for memory of no file.
    details: &'static str,
    own_name: &'static str,
}

const FIRST: Files = Files {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    failures: "memory.failcnt",
    failures_name: "",
    details: "memory.stat",
    own_name: "rss ",
};

const SECOND: Files = Files {
    limit: "memory.max",
    usage: "memory.current",
    failures: "memory.events",
    failures_name: "max ",
    details: "memory.stat",
    own_name: "anon ",
};

/// A control group with a limit.
#[derive(Debug)]
pub(crate) struct MemoryShortage {
    group: Group,
    limit_before: String,
    failures_before: u64,
}

#[derive(Debug)]
struct Group {
    path: PathBuf,
    files: &'static Files,
}

impl MemoryShortage {
    /// Leaves the control group of this process little memory. Returns `None` if that is not possible.
    pub(crate) fn begin(main: Pid) -> Option<Self> {
        let group = Group::of(main)?;
        let limit_before = group.text(group.files.limit)?;
        let failures_before = group.number(group.files.failures, group.files.failures_name)?;
        // Pages of files can be freed.
        let own = group.number(group.files.details, group.files.own_name)?;
        let limit = (own + FREE_BYTES).to_string();
        fs::write(group.path.join(group.files.limit), limit).ok()?;
        Some(Self { group, limit_before, failures_before })
    }

    /// Restores the previous limit. Returns whether the group has reached the limit; one that is gone has.
    pub(crate) fn end(self) -> bool {
        let Self { group, limit_before, failures_before } = self;
        let failures = group.number(group.files.failures, group.files.failures_name);
        // The group of a container that has ended is removed, and needs no limit.
        let _ = fs::write(group.path.join(group.files.limit), limit_before);
        failures.is_none_or(|failures| failures > failures_before)
    }
}

/// Returns why the memory of a process's control group cannot be limited, if it cannot.
pub(crate) fn obstacle(main: Pid) -> Option<String> {
    let Some(group) = Group::of(main) else {
        return Some(format!("the control group of the container is not visible at {GROUPS}"));
    };
    let limit = group.path.join(group.files.limit);
    let opened = fs::File::options().write(true).open(&limit);
    opened.err().map(|error| format!("cannot write {}: {error}", limit.display()))
}

impl Group {
    fn of(pid: Pid) -> Option<Self> {
        let groups = fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_nonzero())).ok()?;
        [(&FIRST, "memory"), (&SECOND, "")].into_iter().find_map(|(files, controller)| {
            let path = directory(&groups, controller)?;
            path.join(files.usage).is_file().then_some(Self { path, files })
        })
    }

    fn text(&self, file: &str) -> Option<String> {
        Some(fs::read_to_string(self.path.join(file)).ok()?.trim().to_owned())
    }

    /// Returns the number in the line of a file that begins with this name.
    fn number(&self, file: &str, name: &str) -> Option<u64> {
        let text = self.text(file)?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }
}

/// Returns the directory of a controller, from the text of `/proc/PID/cgroup`: cgroups(7). In version 2 its name is empty.
fn directory(groups: &str, controller: &str) -> Option<PathBuf> {
    let path = groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        controllers.split(',').any(|name| name == controller).then(|| path.trim_start_matches('/'))
    })?;
    Some(Path::new(GROUPS).join(controller).join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_group_depends_on_the_version() {
        let first = "9:name=systemd:/a\n4:cpu,memory:/docker/b\n0::/c\n";
        assert_eq!(directory(first, "memory").unwrap(), Path::new("/sys/fs/cgroup/memory/docker/b"));
        assert_eq!(directory(first, "").unwrap(), Path::new("/sys/fs/cgroup/c"));
        assert_eq!(directory("0::/c\n", "memory"), None);
    }

    #[test]
    fn a_limit_is_reached_once_the_count_of_failures_has_grown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let write = |file: &str, text: &str| fs::write(path.join(file), text).unwrap();
        for (name, text) in [("memory.max", "max\n"), ("memory.stat", "file 9\nanon 4096\n")] {
            write(name, text);
        }
        let ends_with = |failures: &str| {
            let group = Group { path: path.clone(), files: &SECOND };
            write("memory.events", failures);
            MemoryShortage { group, limit_before: "max".to_owned(), failures_before: 3 }.end()
        };
        assert!(!ends_with("low 0\nmax 3\n"));
        assert!(ends_with("low 0\nmax 4\n"));
        assert_eq!(fs::read_to_string(path.join("memory.max")).unwrap(), "max");
    }
}
