//! Faults of the target's process.

use conformance::case::A;
use conformance::case::Allowed;
use conformance::case::B;
use conformance::case::C;
use conformance::case::Step;
use conformance::case::Step::Act;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::Ask;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Ends;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use conformance::case::Step::ResetCrowd;
use driver::moves::Act as Action;
use driver::moves::{Slot, Source};
use protocol::wisdom::clauses::{W16, W25, W31};

use crate::catalogue::common;
use crate::catalogue::wisdom::requests::{
    CHALLENGE, CHALLENGE_OR_END, CHALLENGE_OR_REFUSED, QUOTE, REQUEST, error,
};
use crate::catalogue::wisdom::states::{CHALLENGED, MID_FRAME, NEW, fault};
use crate::environment::{FILL_DISK, SUSPEND};
use crate::fault::Fault;

pub(crate) const FAULTS: &[Fault] = &[
    common::process::stopped(W31, &[NEW, MID_FRAME, CHALLENGED]),
    common::process::stopped_long(
        W25,
        &[NEW, MID_FRAME],
        &[
            Ask(B, REQUEST, CHALLENGE),
            Ask(B, b"{solution}", QUOTE),
            Ends(B),
            common::process::STOP_LONG,
            Ask(C, b"{solution}", error!("REPLAYED")),
            Ends(C),
        ],
    ),
    common::process::stopped_crowd(
        W31,
        &[NEW],
        "stopped for 1.5 s; 40 clients connect and reset their connections, and 20 connect and request a challenge afterwards",
        STOPPED_CROWD,
    ),
    fault(
        "process/killed-while-solving",
        W16,
        "The target's process is killed and restarted while a client solves: no challenge survives a restart.",
    )
    .parameters("SIGKILL; the old challenge is INVALID_SIGNATURE, and a new one is valid")
    .states(&[NEW, CHALLENGED])
    .steps(&[Ask(B, REQUEST, CHALLENGE), Act(Action::Kill), Pause(2000)])
    .sequel(&[
        Ask(B, b"{solution 0}", error!("INVALID_SIGNATURE")),
        Ends(B),
        Ask(C, REQUEST, CHALLENGE),
        Ask(C, b"{solution}", QUOTE),
        Ends(C),
    ])
    .beyond_promises()
    .ends_target(),
    common::process::terminated(W31, &[NEW, CHALLENGED]),
    common::process::throttled(W31, &[NEW, CHALLENGED]),
    common::process::memory_limited(W31, &[NEW], MEMORY_LIMITED),
    common::process::full_disk(W31, &[NEW], FULL_DISK),
    common::process::output_blocked(W31, &[NEW], OUTPUT_BLOCKED),
    common::process::no_descriptors(
        W31,
        &[NEW],
        "1 free descriptor; 2 clients connect meanwhile, in addition to the bystanders; 1 s; 2 others request challenges",
        NO_DESCRIPTORS,
    ),
];

const STOPPED_CROWD: &[Step] = &[
    Act(SUSPEND),
    // The target accepts these connections only after they were reset.
    ConnectCrowd(40, Source::Each(58_000)),
    ResetCrowd(40),
    ConnectCrowd(20, Source::Each(58_100)),
    Pause(1600),
    Act(Action::EndCondition),
    AllAsk(20, 1, REQUEST, CHALLENGE_OR_REFUSED),
    CloseAll,
];

/// A client that is connected before the shortage, as `A` is.
const CONNECTED: Slot = 4;

const NO_DESCRIPTORS: &[Step] = &[
    Open(CONNECTED),
    Act(Action::LeaveDescriptors(1)),
    Open(B),
    Open(C),
    Pause(1000),
    // Their nonces differ although the process can open nothing (W01).
    Ask(A, REQUEST, CHALLENGE_OR_END),
    Ask(CONNECTED, REQUEST, CHALLENGE_OR_END),
    Act(Action::RestoreDescriptors),
    Ask(B, REQUEST, CHALLENGE_OR_END),
    Ask(C, REQUEST, CHALLENGE_OR_END),
    Pause(300),
];

const MEMORY_LIMITED: &[Step] = &[
    Act(Action::LimitMemory),
    ConnectCrowd(200, Source::Each(13_000)),
    AllSend(200, b"WW\x01\x01\0\0\x10\0{x*4000}"),
    Pause(500),
    CloseAll,
    Act(Action::RestoreMemory),
    Pause(500),
];

/// Each connection and each request is a reason to write something.
const FULL_DISK: &[Step] = &[
    Act(FILL_DISK),
    ConnectCrowd(60, Source::Each(12_000)),
    AllAsk(60, 1, REQUEST, CHALLENGE_OR_ERROR),
    CloseAll,
    Act(Action::EndCondition),
    Pause(100),
];

/// A target that cannot write may say so.
const CHALLENGE_OR_ERROR: Allowed = Allowed::LinesOrEnd(&[
    b"CHALLENGE",
    b"ERROR INTERNAL",
    b"ERROR RATE_LIMITED",
    b"ERROR SERVER_BUSY",
    b"ERROR TIMEOUT",
]);

const OUTPUT_BLOCKED: &[Step] =
    &[common::process::BLOCK_OUTPUT, Ask(B, REQUEST, CHALLENGE_OR_END), Ask(C, REQUEST, CHALLENGE_OR_END)];
