//! What happens to the target's process.

use conformance::case::ANY_OR_END;
use conformance::case::B;
use conformance::case::C;
use conformance::case::Step::Act;
use conformance::case::Step::Ask;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use driver::moves::Act as Deed;
use protocol::index::clauses::{A4, C3};

use super::fault;
use super::states::{AWAITING_REPLY, IDLE, MID_LINE};
use crate::fault::Fault;

pub(super) const FAULTS: &[Fault] = &[
    fault("process/stopped", C3, "The target's process is stopped, and goes on after a while.")
        .with("stopped for 300 ms")
        .states(&[IDLE, MID_LINE, AWAITING_REPLY])
        .steps(&[Act(Deed::Stop), Pause(300), Act(Deed::Continue), Pause(50)])
        .beyond_promises()
        .of_process(),
    fault("process/killed", C3, "The target's process is killed, and started again.")
        .with("SIGKILL")
        .states(&[IDLE, AWAITING_REPLY])
        .steps(&[Act(Deed::Kill), Pause(2000)])
        .beyond_promises()
        .ends_target(),
    fault("process/no-descriptors", A4, "The target runs out of descriptors, and gets some again.")
        .with("1 descriptor, 2 clients that come meanwhile, 300 ms")
        .steps(&[
            Act(Deed::LimitDescriptors(1)),
            Open(B),
            Open(C),
            Pause(300),
            Act(Deed::RestoreDescriptors),
            Ask(B, b"QUERY|{a}|\n", ANY_OR_END),
            Ask(C, b"QUERY|{a}|\n", ANY_OR_END),
        ])
        .beyond_promises()
        .of_process(),
];
