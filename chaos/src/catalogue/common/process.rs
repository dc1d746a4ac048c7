//! Faults of the target's process: the rows that both protocols have.

use conformance::case::Step::Act;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::{B, C, Step};
use driver::moves::Act as Action;
use protocol::Clause;

use crate::environment::THROTTLE;
use crate::fault::{Fault, State};

/// The process is stopped and continued.
pub(crate) const fn stopped(clause: Clause, states: &'static [State]) -> Fault {
    Fault::new("process/stopped", clause, "The target's process is stopped and later continued.", states)
        .parameters("stopped for 300 ms")
        .steps(&[Act(Action::Stop), Pause(300), Act(Action::Continue), Pause(50)])
        .beyond_promises()
        .of_process()
}

/// The process is stopped for longer than a busy machine delays it.
pub(crate) const fn stopped_long(clause: Clause, states: &'static [State], steps: &'static [Step]) -> Fault {
    let summary =
        "The target's process is stopped for long and later continued, as on a machine that was suspended.";
    Fault::new("process/stopped-long", clause, summary, states)
        .parameters("stopped for 3 s")
        .steps(steps)
        .beyond_promises()
        .of_process()
}

/// The steps of a long stop.
pub(crate) const STOP_LONG: Step =
    Repeat(1, &[Act(Action::Stop), Pause(3000), Act(Action::Continue), Pause(150)]);

/// Clients connect while the process is stopped, and leave or wait.
pub(crate) const fn stopped_crowd(
    clause: Clause,
    states: &'static [State],
    parameters: &'static str,
    steps: &'static [Step],
) -> Fault {
    let summary = "Clients connect while the target's process is stopped: it serves those that have waited when it continues.";
    Fault::new("process/stopped-crowd", clause, summary, states)
        .parameters(parameters)
        .steps(steps)
        .beyond_promises()
        .of_process()
}

/// The process gets little processor time.
pub(crate) const fn throttled(clause: Clause, states: &'static [State]) -> Fault {
    let summary =
        "The target's process gets a tenth of a processor for a while, as under the quota of a container.";
    Fault::new("process/throttled", clause, summary, states)
        .parameters("50 ms of every 500 ms, for 2.5 s")
        // The last period may still be in progress.
        .steps(&[Act(THROTTLE), Pause(2500), Act(Action::EndCondition), Pause(600)])
        .beyond_promises()
        .of_process()
}

/// The container of the process reaches a limit of memory.
pub(crate) const fn memory_limited(
    clause: Clause,
    states: &'static [State],
    steps: &'static [Step],
) -> Fault {
    let summary =
        "The target's container reaches a limit of its memory: it may be ended, or serves again afterwards.";
    Fault::new("process/memory-limited", clause, summary, states)
        .parameters("1 MiB beyond what it uses; 200 clients send half a line or frame each")
        .steps(steps)
        .beyond_promises()
        .ends_target()
        .of_container()
}

/// The file system on which the process writes is full for a while.
pub(crate) const fn full_disk(clause: Clause, states: &'static [State], steps: &'static [Step]) -> Fault {
    let summary =
        "The disk of the target is full for a while: it may refuse requests, and serves again afterwards.";
    Fault::new("process/full-disk", clause, summary, states)
        .parameters("128 MiB of tmpfs at {directory}; 60 connections while it is full")
        .steps(steps)
        .beyond_promises()
        .of_disk()
}

/// The process has no free file descriptor for a while.
pub(crate) const fn no_descriptors(
    clause: Clause,
    states: &'static [State],
    parameters: &'static str,
    steps: &'static [Step],
) -> Fault {
    let summary = "The target's process reaches its limit of file descriptors; the limit is raised later.";
    Fault::new("process/no-descriptors", clause, summary, states)
        .parameters(parameters)
        .steps(steps)
        .beyond_promises()
        .of_process()
}

/// The process is asked to end while clients send requests, and is started again.
pub(crate) const fn terminated(clause: Clause, states: &'static [State]) -> Fault {
    let summary = "The target's process is asked to end while clients send requests: until it ends, its replies are correct.";
    Fault::new("process/terminated", clause, summary, states)
        .parameters("SIGTERM; at most 10 s until it ends, then it is started again")
        .steps(&[Act(Action::Terminate), Pause(10_000)])
        .beyond_promises()
        .ends_target()
}

/// Nobody reads what the process writes to its standard output and standard error.
pub(crate) const fn output_blocked(
    clause: Clause,
    states: &'static [State],
    steps: &'static [Step],
) -> Fault {
    let summary = "Nobody reads what the target writes to its standard output and standard error, and the pipes are full.";
    Fault::new("process/output-blocked", clause, summary, states)
        .parameters("for 1.5 s; two clients connect meanwhile")
        .steps(steps)
        .beyond_promises()
        .of_output()
}

/// The steps of a block of the output. Clients `B` and `C` connect meanwhile.
pub(crate) const BLOCK_OUTPUT: Step =
    Repeat(1, &[Act(Action::BlockOutput), Open(B), Open(C), Pause(1500), Act(Action::UnblockOutput)]);
