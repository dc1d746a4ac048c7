//! The processes of a started target, and their resource usage as `/proc` reports it.

use std::collections::BTreeMap;
use std::fs;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

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
    pub(crate) fn members(self) -> Vec<Pid> {
        match self {
            Self::Below(supervisor) => descendants_of(supervisor),
            Self::From { main, begun } if begun_at(main) == Some(begun) => {
                [main].into_iter().chain(descendants_of(main)).collect()
            }
            Self::From { .. } => Vec::new(),
        }
    }

    /// Returns the main process of a container.
    pub(crate) fn main(self) -> Option<Pid> {
        match self {
            Self::Below(_) => None,
            Self::From { main, .. } => Some(main),
        }
    }

    fn signal(self, signal: Signal) -> bool {
        let processes = self.members();
        // A process that has ended in the meantime needs no signal.
        let is_sent = |pid| matches!(kill_process(pid, signal), Ok(()) | Err(Errno::SRCH));
        !processes.is_empty() && processes.into_iter().all(is_sent)
    }
}

impl Process for Processes {
    fn sample(&self) -> Option<Sample> {
        sample(*self)
    }

    fn act(&self, act: Act) -> bool {
        match act {
            Act::Stop => self.signal(Signal::STOP),
            // A signal is delivered some time after it was sent, so the proof that the process stopped comes last.
            Act::Continue => {
                let has_stopped = self.members().into_iter().all(is_stopped);
                self.signal(Signal::CONT) && has_stopped
            }
            Act::Kill => self.signal(Signal::KILL),
            Act::Terminate => self.signal(Signal::TERM),
            // These need a state, which the target has.
            Act::LeaveDescriptors(_)
            | Act::RestoreDescriptors
            | Act::LimitMemory
            | Act::RestoreMemory
            | Act::BlockOutput
            | Act::UnblockOutput
            | Act::BeginCondition(_)
            | Act::EndCondition
            | Act::ChangeSetting(_) => false,
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

/// Returns whether a signal has stopped a process: the states `T` and `t` of proc(5).
fn is_stopped(pid: Pid) -> bool {
    status_of(pid.as_raw_nonzero().get()).is_some_and(|status| status.trim_start().starts_with(['T', 't']))
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

/// Returns the sum of the resources of all processes; `None` where it is not known.
#[cfg(target_os = "linux")]
fn sample(processes: Processes) -> Option<Sample> {
    const NS_PER_S: u64 = 1_000_000_000;
    let mut sum: Option<Sample> = None;
    for pid in processes.members() {
        // A process that ended in the meantime uses nothing.
        let Ok(process) = procfs::process::Process::new(pid.as_raw_nonzero().get()) else { continue };
        let (Ok(descriptors), Ok(status), Ok(stat)) = (process.fd_count(), process.status(), process.stat())
        else {
            continue;
        };
        let sum = sum.get_or_insert_default();
        sum.descriptors += descriptors as u64;
        sum.memory_bytes += status.rssanon.unwrap_or(0) * 1024;
        let others = status.rssfile.unwrap_or(0) + status.rssshmem.unwrap_or(0);
        sum.memory_peak_bytes += status.vmhwm.unwrap_or(0).saturating_sub(others) * 1024;
        sum.threads += status.threads;
        let (by_first_ns, by_all_ns) = waited_ns(pid);
        sum.waited_ns += by_first_ns;
        sum.waited_by_all_ns += by_all_ns;
        sum.cpu_ns += (stat.utime + stat.stime) * (NS_PER_S / procfs::ticks_per_second());
    }
    sum
}

/// Returns the times that the first threads and that all threads of a process were ready to run but had no processor: the second
/// field of `schedstat`. Of thousands of threads, most are not read, because that takes longer than the pause between two samples.
#[cfg(target_os = "linux")]
fn waited_ns(pid: Pid) -> (u64, u64) {
    const FIRST: usize = 8;
    const THREADS_MAX: usize = 256;
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).into_iter().flatten().flatten();
    let of_task = |task: fs::DirEntry| {
        let schedstat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        schedstat.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let by_thread: Vec<u64> = tasks.take(THREADS_MAX).filter_map(of_task).collect();
    (by_thread.iter().take(FIRST).sum(), by_thread.iter().sum())
}

/// Returns `None`: process resources are not measured on this system.
#[cfg(not(target_os = "linux"))]
fn sample(_: Processes) -> Option<Sample> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::hint;
    use std::sync::Barrier;
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::process::getpid;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::*;

    /// Uses a processor until both loops have run for a while.
    fn spin() {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(300) {
            hint::spin_loop();
        }
    }

    #[test]
    fn a_loop_in_a_later_thread_is_seen_waiting() {
        const IDLE: usize = 10;
        let (before, done) = (waited_ns(getpid()), Barrier::new(IDLE + 1));
        let (by_first_ns, by_all_ns) = thread::scope(|scope| {
            for _ in 0..IDLE {
                scope.spawn(|| done.wait());
            }
            let looping = || {
                // Two loops on one processor wait for each other.
                let allowed = sched_getaffinity(None).unwrap();
                let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap();
                let mut one = CpuSet::new();
                one.set(first);
                sched_setaffinity(None, &one).unwrap();
                spin();
                let waited = waited_ns(getpid());
                spin();
                waited
            };
            let (first, second) = (scope.spawn(looping), scope.spawn(looping));
            let waited = [first.join().unwrap(), second.join().unwrap()];
            done.wait();
            waited.into_iter().max_by_key(|(_, by_all_ns)| *by_all_ns).unwrap()
        });
        let by_others_ns = (by_all_ns - before.1).saturating_sub(by_first_ns - before.0);
        assert!(by_others_ns > 50_000_000, "{by_others_ns} ns of {by_all_ns} ns");
    }

    #[test]
    fn memory_that_was_freed_remains_as_the_peak() {
        const TAKEN_BYTES: usize = 64 << 20;
        let processes = Processes::from(getpid()).unwrap();
        let before = sample(processes).unwrap();
        drop(hint::black_box(vec![1_u8; TAKEN_BYTES]));
        let after = sample(processes).unwrap();
        assert!(after.memory_bytes < before.memory_bytes + (TAKEN_BYTES as u64) / 2, "{before:?} {after:?}");
        let grown_bytes = after.memory_peak_bytes - before.memory_peak_bytes;
        assert!(grown_bytes > (TAKEN_BYTES as u64) * 9 / 10, "{before:?} {after:?}");
    }
}
