//! What happens to the target's process.

use conformance::case::B;
use conformance::case::C;
use conformance::case::Step::Act;
use conformance::case::Step::Ask;
use conformance::case::Step::Ends;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use driver::moves::Act as Deed;
use protocol::wisdom::clauses::{W16, W31};

use super::states::{CHALLENGED, MID_FRAME, NEW};
use super::{CHALLENGE, CHALLENGE_OR_END, QUOTE, REQUEST, error, fault};
use crate::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    fault("process/stopped", W31, "The target's process is stopped, and goes on after a while.")
        .with("stopped for 300 ms")
        .states(&[NEW, MID_FRAME, CHALLENGED])
        .steps(&[Act(Deed::Stop), Pause(300), Act(Deed::Continue), Pause(50)])
        .beyond_promises()
        .of_process(),
    fault(
        "process/killed-while-solving",
        W16,
        "The target's process is killed and started again while a client solves: no challenge outlives it.",
    )
    .with("SIGKILL; the old challenge is INVALID_SIGNATURE, and a new one is good")
    .states(&[NEW, CHALLENGED])
    .steps(&[Ask(B, REQUEST, CHALLENGE), Act(Deed::Kill), Pause(2000)])
    .sequel(&[
        Ask(B, b"{solution 0}", error!("INVALID_SIGNATURE")),
        Ends(B),
        Ask(C, REQUEST, CHALLENGE),
        Ask(C, b"{solution}", QUOTE),
        Ends(C),
    ])
    .beyond_promises()
    .ends_target(),
    fault("process/no-descriptors", W31, "The target runs out of descriptors, and gets some again.")
        .with("1 descriptor, 2 clients that come meanwhile beside the bystanders, 1 s")
        .steps(&[
            Act(Deed::LimitDescriptors(1)),
            Open(B),
            Open(C),
            Pause(1000),
            Act(Deed::RestoreDescriptors),
            Ask(B, REQUEST, CHALLENGE_OR_END),
            Ask(C, REQUEST, CHALLENGE_OR_END),
            Pause(300),
        ])
        .beyond_promises()
        .of_process(),
];
