//! What a connection of the package index can be in the middle of.

use conformance::case::A;
use conformance::case::Allowed;
use conformance::case::D;
use conformance::case::FAIL;
use conformance::case::OK_OR_FAIL;
use conformance::case::Step;
use conformance::case::Step::Ask;
use conformance::case::Step::Flood;
use conformance::case::Step::Pause;
use conformance::case::Step::Send;
use conformance::case::Template;
use conformance::case::ask;

use super::{FLOOD_BYTES, REQUESTS};
use crate::fault::State;

/// All of them.
pub(crate) const STATES: &[State] = &[IDLE, MID_LINE, AWAITING_REPLY, MID_REPLY];

/// Its last request was answered.
pub(super) const IDLE: State = State {
    name: "idle",
    steps: &[ask(b"QUERY|{a}|\n", FAIL)],
    truth: &[ask_new(b"QUERY|{a}|\n", FAIL)],
    needs_block: false,
};

/// Half a line was sent, which was no request (F4).
pub(super) const MID_LINE: State = State {
    name: "mid-line",
    steps: &[ask(b"QUERY|{a}|\n", FAIL), Send(A, b"INDEX|{a}|"), Pause(50)],
    truth: &[ask_new(b"QUERY|{a}|\n", FAIL)],
    needs_block: false,
};

/// A request was sent, and its reply has not been read: it happened or not.
pub(super) const AWAITING_REPLY: State = State {
    name: "awaiting-reply",
    steps: &[ask(b"QUERY|{a}|\n", FAIL), Send(A, b"INDEX|{b}|\n")],
    truth: &[ask_new(b"QUERY|{b}|\n", OK_OR_FAIL)],
    needs_block: false,
};

/// The target writes replies that nobody reads.
pub(super) const MID_REPLY: State = State {
    name: "mid-reply",
    steps: &[Flood(A, REQUESTS, FLOOD_BYTES)],
    truth: &[ask_new(b"QUERY|{a}|\n", FAIL)],
    needs_block: true,
};

/// Client `D` comes and asks.
const fn ask_new(line: Template, reply: Allowed) -> Step {
    Ask(D, line, reply)
}
