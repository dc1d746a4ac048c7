//! The states of a package-index connection in which faults are made.

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
use conformance::resources::SYSTEM_BUFFERS_BYTES;

use crate::fault::State;

/// Requests whose replies are as long as the requests.
pub(crate) const REQUESTS: Template = b"QUERY|z|\n?\n";

/// All states.
pub(crate) const STATES: &[State] = &[IDLE, MID_LINE, AWAITING_REPLY, MID_REPLY];

/// The last request was answered.
pub(crate) const IDLE: State = State {
    name: "idle",
    steps: &[ask(b"QUERY|{a}|\n", FAIL)],
    invariant: &[ask_new(b"QUERY|{a}|\n", FAIL)],
    needs_block: false,
};

/// Half a line was sent, which is no request (F4).
pub(crate) const MID_LINE: State = State {
    name: "mid-line",
    steps: &[ask(b"QUERY|{a}|\n", FAIL), Send(A, b"INDEX|{a}|"), Pause(50)],
    invariant: &[ask_new(b"QUERY|{a}|\n", FAIL)],
    needs_block: false,
};

/// A request was sent, and its reply has not been read: it may or may not have taken effect.
pub(crate) const AWAITING_REPLY: State = State {
    name: "awaiting-reply",
    steps: &[ask(b"QUERY|{a}|\n", FAIL), Send(A, b"INDEX|{b}|\n")],
    invariant: &[ask_new(b"QUERY|{b}|\n", OK_OR_FAIL)],
    needs_block: false,
};

/// The target writes replies that the client does not read.
pub(crate) const MID_REPLY: State = State {
    name: "mid-reply",
    steps: &[Flood(A, REQUESTS, SYSTEM_BUFFERS_BYTES)],
    invariant: &[ask_new(b"QUERY|{a}|\n", FAIL)],
    needs_block: true,
};

/// Client `D` connects and asks.
const fn ask_new(line: Template, reply: Allowed) -> Step {
    Ask(D, line, reply)
}
