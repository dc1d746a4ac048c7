//! Faults of the services that the target uses, such as a database.
//!
//! A target that cannot know what to reply refuses, as its protocol allows: a package index closes the connection, after at most one
//! `ERROR`, and a request that was refused may have taken effect. Five seconds after the end of the fault, the target serves all
//! clients again.

use conformance::case::Step;
use conformance::case::Step::Act;
use conformance::case::Step::Pause;
use driver::moves::Act as Action;
use protocol::Clause;

use crate::dependencies::DependencyFault;
use crate::fault::{Fault, State};

/// The time after which a target has reached its services again.
const RECOVERY_MS: u64 = 5000;

const END: Step = Act(Action::EndCondition);
const DELAYED: &[Step] = &[Act(DependencyFault::Delayed.begin()), Pause(2000), END, Pause(RECOVERY_MS)];
const CUT: &[Step] = &[Act(DependencyFault::Cut.begin()), Pause(2000), END, Pause(RECOVERY_MS)];
const STALLED: &[Step] = &[Act(DependencyFault::Stalled.begin()), Pause(4000), END, Pause(RECOVERY_MS)];

/// Returns the rows for a protocol; `clause` is about the replies of all clients.
pub(crate) const fn faults(clause: Clause, states: &'static [State]) -> [Fault; 3] {
    [
        Fault::new("dependency/delayed", clause, "The services that the target uses reply late.", states)
            .parameters("250 ms ± 50 ms in each direction, for 2 s")
            .steps(DELAYED)
            .of_dependency(),
        Fault::new(
            "dependency/cut",
            clause,
            "The services that the target uses close their connections and accept none.",
            states,
        )
        .parameters("for 2 s")
        .steps(CUT)
        .of_dependency(),
        Fault::new(
            "dependency/stalled",
            clause,
            "The services that the target uses receive and send nothing for a while.",
            states,
        )
        .parameters("for 4 s; what was sent arrives afterwards")
        .steps(STALLED)
        .of_dependency(),
    ]
}
