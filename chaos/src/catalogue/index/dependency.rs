//! Faults of the services that the target uses, such as a database.
//!
//! A target that cannot know the state of its index refuses: it closes the connection, after at most one `ERROR`. A request
//! that was refused may have taken effect. Five seconds after the end of the fault, the target serves all clients again.

use conformance::case::Step;
use conformance::case::Step::Act;
use conformance::case::Step::Pause;
use driver::moves::Act as Action;
use protocol::index::clauses::C2;

use crate::catalogue::index::requests::fault;
use crate::dependencies::DependencyFault;
use crate::fault::Fault;

/// The time after which a target has reached its services again.
const RECOVERY_MS: u64 = 5000;

const END: Step = Act(Action::EndCondition);

pub(crate) const FAULTS: &[Fault] = &[
    fault("dependency/delayed", C2, "The services that the target uses reply late.")
        .parameters("250 ms ± 50 ms in each direction, for 2 s")
        .steps(&[Act(DependencyFault::Delayed.begin()), Pause(2000), END, Pause(RECOVERY_MS)])
        .of_dependency(),
    fault("dependency/cut", C2, "The services that the target uses close their connections and accept none.")
        .parameters("for 2 s")
        .steps(&[Act(DependencyFault::Cut.begin()), Pause(2000), END, Pause(RECOVERY_MS)])
        .of_dependency(),
    fault(
        "dependency/stalled",
        C2,
        "The services that the target uses receive and send nothing for a while.",
    )
    .parameters("for 4 s; what was sent arrives afterwards")
    .steps(&[Act(DependencyFault::Stalled.begin()), Pause(4000), END, Pause(RECOVERY_MS)])
    .of_dependency(),
];
