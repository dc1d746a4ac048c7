//! Faults of the target's process.

use conformance::case::ANY;
use conformance::case::ANY_OR_END;
use conformance::case::B;
use conformance::case::C;
use conformance::case::Step;
use conformance::case::Step::Act;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::Ask;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use driver::moves::{Act as Action, Source};
use protocol::index::clauses::{A3, C1, C3, C6};

use crate::catalogue::common;
use crate::catalogue::index::requests::{QUERY, fault};
use crate::catalogue::index::states::{AWAITING_REPLY, IDLE, MID_LINE};
use crate::environment::{FILL_DISK, SUSPEND};
use crate::fault::Fault;

pub(crate) const FAULTS: &[Fault] = &[
    common::process::stopped(A3, &[IDLE, MID_LINE, AWAITING_REPLY]),
    common::process::stopped_long(A3, &[IDLE, MID_LINE, AWAITING_REPLY], &[common::process::STOP_LONG]),
    common::process::stopped_crowd(
        C6,
        &[IDLE],
        "stopped for 1.5 s; 200 clients connect and leave, and 60 connect and send a request afterwards",
        STOPPED_CROWD,
    ),
    fault("process/killed", C3, "The target's process is killed and started again.")
        .parameters("SIGKILL")
        .states(&[IDLE, AWAITING_REPLY])
        .steps(&[Act(Action::Kill), Pause(2000)])
        .beyond_promises()
        .ends_target(),
    common::process::terminated(A3, &[IDLE, AWAITING_REPLY]),
    common::process::throttled(A3, &[IDLE, AWAITING_REPLY]),
    common::process::memory_limited(C1, &[IDLE], MEMORY_LIMITED),
    common::process::full_disk(C1, &[IDLE], FULL_DISK),
    common::process::output_blocked(C1, &[IDLE], OUTPUT_BLOCKED),
    common::process::no_descriptors(
        C1,
        &[IDLE],
        "1 free descriptor; 2 clients connect meanwhile; 1 s",
        NO_DESCRIPTORS,
    ),
];

const MEMORY_LIMITED: &[Step] = &[
    Act(Action::LimitMemory),
    ConnectCrowd(200, Source::Any),
    AllSend(200, b"QUERY|{x*8000}"),
    Pause(500),
    CloseAll,
    Act(Action::RestoreMemory),
    Pause(500),
];

/// Each connection and each request is a reason to write something.
const FULL_DISK: &[Step] = &[
    Act(FILL_DISK),
    ConnectCrowd(60, Source::Any),
    AllAsk(60, 1, QUERY, ANY_OR_END),
    CloseAll,
    Act(Action::EndCondition),
    Pause(100),
];

/// Those that have left come first in the backlog, and no client connects after those that wait.
const STOPPED_CROWD: &[Step] = &[
    Act(SUSPEND),
    ConnectCrowd(200, Source::Any),
    CloseAll,
    ConnectCrowd(60, Source::Any),
    Pause(1600),
    Act(Action::EndCondition),
    AllAsk(60, 1, QUERY, ANY),
    CloseAll,
];

const NO_DESCRIPTORS: &[Step] = &[
    Act(Action::LeaveDescriptors(1)),
    Open(B),
    Open(C),
    Pause(1000),
    Act(Action::RestoreDescriptors),
    Ask(B, QUERY, ANY_OR_END),
    Ask(C, QUERY, ANY_OR_END),
];

const OUTPUT_BLOCKED: &[Step] =
    &[common::process::BLOCK_OUTPUT, Ask(B, QUERY, ANY_OR_END), Ask(C, QUERY, ANY_OR_END)];
