//! The states of a WOW/1 connection in which faults are made.

use conformance::case::A;
use conformance::case::D;
use conformance::case::Step;
use conformance::case::Step::Ask;
use conformance::case::Step::Ends;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use conformance::case::Step::Send;
use conformance::case::ask;
use protocol::Clause;

use crate::catalogue::wisdom::requests::{CHALLENGE, QUOTE, REQUEST};
use crate::fault::{Fault, State};

/// All states.
pub(crate) const STATES: &[State] = &[NEW, MID_FRAME, CHALLENGED, MID_SOLUTION];

/// The connection is open, and the client has sent nothing.
pub(crate) const NEW: State =
    State { name: "new", steps: &[Open(A)], invariant: ANOTHER_CLIENT_IS_SERVED, needs_block: false };

/// Half a request was sent.
pub(crate) const MID_FRAME: State = State {
    name: "mid-frame",
    steps: &[Send(A, b"WW\x01\x01\0\0"), Pause(50)],
    invariant: ANOTHER_CLIENT_IS_SERVED,
    needs_block: false,
};

/// The client has an unsolved challenge, which is valid on another connection too (W03).
pub(crate) const CHALLENGED: State = State {
    name: "challenged",
    steps: &[ask(REQUEST, CHALLENGE)],
    invariant: CHALLENGE_IS_VALID,
    needs_block: false,
};

/// Half a solution was sent.
pub(crate) const MID_SOLUTION: State = State {
    name: "mid-solution",
    steps: &[ask(REQUEST, CHALLENGE), Send(A, b"{solution head}"), Pause(50)],
    invariant: CHALLENGE_IS_VALID,
    needs_block: false,
};

const ANOTHER_CLIENT_IS_SERVED: &[Step] =
    &[Ask(D, REQUEST, CHALLENGE), Ask(D, b"{solution}", QUOTE), Ends(D)];

const CHALLENGE_IS_VALID: &[Step] = &[Ask(D, b"{solution 0}", QUOTE), Ends(D)];

/// Returns a fault of a new connection, without steps.
pub(crate) const fn fault(id: &'static str, clause: Clause, summary: &'static str) -> Fault {
    Fault::new(id, clause, summary, &[NEW])
}
