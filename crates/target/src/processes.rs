//! The processes of a started target, and their resource usage as `/proc` reports it.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};
#[cfg(target_os = "linux")]
use rustix::process::{Resource, getrlimit, prlimit};

use driver::drive::Process;
use driver::history::Sample;
use driver::moves::Act;

/// The processes of a target, determined anew for each use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Processes {
    /// All descendants of a supervisor.
    Below(Pid),
    /// The main process of a container and all its descendants.
    From {
        /// The main process.
        main: Pid,
        /// The start time of the main process, in clock ticks. Its process id may be reused after it ends.
        begun: u64,
    },
}

impl Processes {
    /// Returns the processes of a container with this main process, if it runs.
    pub(crate) fn from(main: Pid) -> Option<Self> {
        Some(Self::From { main, begun: begun_at(main)? })
    }

    /// Returns the processes that run now.
    fn members(self) -> Vec<Pid> {
        match self {
            Self::Below(supervisor) => descendants_of(supervisor),
            Self::From { main, begun } if begun_at(main) == Some(begun) => {
                [main].into_iter().chain(descendants_of(main)).collect()
            }
            Self::From { .. } => Vec::new(),
        }
    }

    fn signal(self, signal: Signal) -> bool {
        let processes = self.members();
        !processes.is_empty() && processes.into_iter().all(|pid| kill_process(pid, signal).is_ok())
    }
}

impl Process for Processes {
    fn sample(&self) -> Option<Sample> {
        sample(*self)
    }

    fn act(&self, act: Act) -> bool {
        match act {
            Act::Stop => self.signal(Signal::STOP),
            Act::Continue => self.signal(Signal::CONT),
            Act::Kill => self.signal(Signal::KILL),
            Act::LimitDescriptors(most) => limit_descriptors(*self, Some(most.into())),
            Act::RestoreDescriptors => limit_descriptors(*self, None),
            // The target does not own the network conditions and the settings file.
            Act::BeginCondition(_) | Act::EndCondition | Act::ChangeSetting(_) => false,
        }
    }
}

/// Returns all descendants of a process.
pub(crate) fn descendants_of(ancestor: Pid) -> Vec<Pid> {
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
    status_of(pid)?.split_whitespace().nth(1)?.parse().ok()
}

fn begun_at(pid: Pid) -> Option<u64> {
    status_of(pid.as_raw_nonzero().get())?.split_whitespace().nth(19)?.parse().ok()
}

/// Returns the fields of `/proc/PID/stat` from the state on. The process name before it, in parentheses, may contain
/// anything.
fn status_of(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.to_owned())
}

/// Sets the limit on open file descriptors of all processes; `None` sets the largest limit allowed.
#[cfg(target_os = "linux")]
fn limit_descriptors(processes: Processes, most: Option<u64>) -> bool {
    let limit = |pid: Pid| {
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = most.or(limit.maximum);
        prlimit(Some(pid), Resource::Nofile, limit).is_ok()
    };
    processes.members().into_iter().all(limit)
}

#[cfg(not(target_os = "linux"))]
fn limit_descriptors(_: Processes, _: Option<u64>) -> bool {
    false
}

/// Returns the sum of the resources of all processes; `None` where it is not known.
#[cfg(target_os = "linux")]
fn sample(processes: Processes) -> Option<Sample> {
    let mut sum: Option<Sample> = None;
    for pid in processes.members() {
        // A process that ended in the meantime uses nothing.
        let Ok(process) = procfs::process::Process::new(pid.as_raw_nonzero().get()) else { continue };
        let (Ok(descriptors), Ok(status)) = (process.fd_count(), process.status()) else { continue };
        let sum = sum.get_or_insert(Sample { descriptors: 0, memory_bytes: 0, threads: 0, waited_ns: 0 });
        sum.descriptors += descriptors as u64;
        sum.memory_bytes += status.rssanon.unwrap_or(0) * 1024;
        sum.threads += status.threads;
        sum.waited_ns += waited_ns(pid);
    }
    sum
}

/// Returns the time that the first threads of a process were ready to run but had no processor: the second field of
/// `schedstat`. The threads of a large pool delay each other, which says nothing about the machine.
#[cfg(target_os = "linux")]
fn waited_ns(pid: Pid) -> u64 {
    const THREADS_MAX: usize = 8;
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).into_iter().flatten().flatten();
    let of_task = |task: fs::DirEntry| {
        let schedstat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        schedstat.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    tasks.take(THREADS_MAX).filter_map(of_task).sum()
}

/// Returns `None`: process resources are not measured on this system.
#[cfg(not(target_os = "linux"))]
fn sample(_: Processes) -> Option<Sample> {
    None
}
