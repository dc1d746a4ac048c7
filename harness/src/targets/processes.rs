//! The processes of a started target, and what they take of their machine, where /proc tells.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};
#[cfg(target_os = "linux")]
use rustix::process::{Resource, getrlimit, prlimit};

use crate::drive::Process;
use crate::history::Sample;
use crate::moves::Act;

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

/// All processes below one, whatever they are at the moment.
pub(super) struct Processes {
    ancestor: Pid,
}

impl Processes {
    pub(super) fn below(ancestor: Pid) -> Self {
        Self { ancestor }
    }

    fn signal(&self, signal: Signal) -> bool {
        let processes = descendants_of(self.ancestor);
        !processes.is_empty() && processes.into_iter().all(|pid| kill_process(pid, signal).is_ok())
    }
}

impl Process for Processes {
    fn sample(&self) -> Option<Sample> {
        sample(self.ancestor)
    }

    fn act(&self, act: Act) -> bool {
        match act {
            Act::Stop => self.signal(Signal::STOP),
            Act::Continue => self.signal(Signal::CONT),
            Act::Kill => self.signal(Signal::KILL),
            Act::LimitDescriptors(most) => limit_descriptors(self.ancestor, Some(most.into())),
            Act::UnlimitDescriptors => limit_descriptors(self.ancestor, None),
            // The way is somebody else's.
            Act::Worsen(_) | Act::Mend => false,
        }
    }
}

/// Lets all processes below one have so many descriptors, or as many as they may have at the most.
#[cfg(target_os = "linux")]
fn limit_descriptors(ancestor: Pid, most: Option<u64>) -> bool {
    let limit = |pid: Pid| {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = most.or(limit.maximum);
        prlimit(Some(pid), Resource::Nofile, limit).is_ok()
    };
    descendants_of(ancestor).into_iter().all(limit)
}

#[cfg(not(target_os = "linux"))]
fn limit_descriptors(_: Pid, _: Option<u64>) -> bool {
    false
}

/// What all processes below one take together; nothing where that is not known.
#[cfg(target_os = "linux")]
fn sample(ancestor: Pid) -> Option<Sample> {
    let mut sum: Option<Sample> = None;
    for pid in descendants_of(ancestor) {
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

/// What all processes below one take together; nothing where that is not known.
#[cfg(not(target_os = "linux"))]
fn sample(_: Pid) -> Option<Sample> {
    None
}
