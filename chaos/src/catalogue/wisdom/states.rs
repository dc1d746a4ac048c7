//! What a connection of WOW/1 can be in the middle of.

use conformance::case::A;
use conformance::case::D;
use conformance::case::Step;
use conformance::case::Step::Ask;
use conformance::case::Step::Ends;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use conformance::case::Step::Send;
use conformance::case::ask;

use super::{CHALLENGE, QUOTE, REQUEST};
use crate::fault::State;

/// All of them.
pub(crate) const STATES: &[State] = &[NEW, MID_FRAME, CHALLENGED, MID_SOLUTION];

/// It is open, and nothing was said.
pub(super) const NEW: State =
    State { name: "new", steps: &[Open(A)], truth: SOMEBODY_IS_SERVED, needs_block: false };

/// Half a request was sent.
pub(super) const MID_FRAME: State = State {
    name: "mid-frame",
    steps: &[Send(A, b"WW\x01\x01\0\0"), Pause(50)],
    truth: SOMEBODY_IS_SERVED,
    needs_block: false,
};

/// It has a challenge that it has not solved yet, and that is good on another connection too (W03).
pub(super) const CHALLENGED: State = State {
    name: "challenged",
    steps: &[ask(REQUEST, CHALLENGE)],
    truth: ITS_CHALLENGE_IS_GOOD,
    needs_block: false,
};

/// Half a solution was sent, which was none.
pub(super) const MID_SOLUTION: State = State {
    name: "mid-solution",
    steps: &[ask(REQUEST, CHALLENGE), Send(A, b"{solution head}"), Pause(50)],
    truth: ITS_CHALLENGE_IS_GOOD,
    needs_block: false,
};

const SOMEBODY_IS_SERVED: &[Step] = &[Ask(D, REQUEST, CHALLENGE), Ask(D, b"{solution}", QUOTE), Ends(D)];

const ITS_CHALLENGE_IS_GOOD: &[Step] = &[Ask(D, b"{solution 0}", QUOTE), Ends(D)];
