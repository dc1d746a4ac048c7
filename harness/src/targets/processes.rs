//! The processes of a started target, and what they take of their machine, where /proc tells.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::Pid;

use crate::history::Sample;

/// Which processes are a target's.
#[derive(Clone, Copy, Debug)]
pub(super) enum Family {
    /// All below a supervisor.
    Below(Pid),
    /// The main process of a container, and all below it.
    From(Pid),
}

impl Family {
    /// Those that run now.
    fn members(self) -> Vec<Pid> {
        match self {
            Self::Below(ancestor) => descendants_of(ancestor),
            Self::From(main) => [main].into_iter().chain(descendants_of(main)).collect(),
        }
    }
}

/// All processes below one.
pub(super) fn descendants_of(ancestor: Pid) -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(pid) = pid
            && let Some(parent) = parent_of(pid)
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut todo = vec![ancestor.as_raw_nonzero().get()];
    while let Some(pid) = todo.pop() {
        for &child in children.get(&pid).into_iter().flatten() {
            found.extend(Pid::from_raw(child));
            todo.push(child);
        }
    }
    found
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; the state and the parent follow it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// What they all take together; nothing where that is not known.
#[cfg(target_os = "linux")]
pub(super) fn sample(family: Family) -> Option<Sample> {
    let mut sum: Option<Sample> = None;
    for pid in family.members() {
        // One that ended just now takes nothing.
        let Ok(process) = procfs::process::Process::new(pid.as_raw_nonzero().get()) else { continue };
        let (Ok(descriptors), Ok(status)) = (process.fd_count(), process.status()) else { continue };
        let sum = sum.get_or_insert(Sample { descriptors: 0, memory_bytes: 0, threads: 0 });
        sum.descriptors += descriptors as u64;
        sum.memory_bytes += status.rssanon.unwrap_or(0) * 1024;
        sum.threads += status.threads;
    }
    sum
}

/// What they all take together; nothing where that is not known.
#[cfg(not(target_os = "linux"))]
pub(super) fn sample(_: Family) -> Option<Sample> {
    None
}
