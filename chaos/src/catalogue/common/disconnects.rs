//! Clients that end their connection: the rows that both protocols have.

use conformance::case::A;
use conformance::case::B;
use conformance::case::Step;
use conformance::case::Step::Close;
use conformance::case::Step::EndSending;
use conformance::case::Step::Pause;
use conformance::case::Step::Reset;
use conformance::case::Step::Send;
use conformance::case::Template;
use protocol::Clause;

use crate::fault::{Fault, State};

/// The client resets its connection.
pub(crate) const fn reset(clause: Clause, states: &'static [State]) -> Fault {
    Fault::new("disconnects/reset", clause, "The client resets its connection.", states)
        .parameters("immediately")
        .steps(&[Reset(A), Pause(20)])
}

/// The client closes its connection.
pub(crate) const fn end_of_stream(clause: Clause, states: &'static [State]) -> Fault {
    Fault::new("disconnects/end-of-stream", clause, "The client closes its connection.", states)
        .parameters("immediately")
        .steps(&[Close(A), Pause(20)])
}

/// The client half-closes its connection.
pub(crate) const fn half_close(clause: Clause, states: &'static [State]) -> Fault {
    Fault::new(
        "disconnects/half-close",
        clause,
        "The client half-closes its connection and resets it later.",
        states,
    )
    .parameters("reset after 100 ms")
    .steps(&[EndSending(A), Pause(100), Reset(A)])
}

/// Clients reset their connections, each after a different part of a request.
pub(crate) const fn reset_at_every_offset(
    clause: Clause,
    states: &'static [State],
    parameters: &'static str,
    steps: &'static [Step],
) -> Fault {
    let summary = "Clients reset their connections, each after a different part of a request.";
    Fault::new("disconnects/reset-at-every-offset", clause, summary, states)
        .parameters(parameters)
        .steps(steps)
}

/// Clients close their connections, each after a different part of a request.
pub(crate) const fn end_at_every_offset(
    clause: Clause,
    states: &'static [State],
    parameters: &'static str,
    steps: &'static [Step],
) -> Fault {
    let summary = "Clients close their connections, each after a different part of a request.";
    Fault::new("disconnects/end-at-every-offset", clause, summary, states).parameters(parameters).steps(steps)
}

/// Many clients connect, are served and reset their connections.
pub(crate) const fn many_resets(
    clause: Clause,
    states: &'static [State],
    parameters: &'static str,
    steps: &'static [Step],
) -> Fault {
    let summary = "Many clients connect, receive a reply and reset their connections, in a short time.";
    Fault::new("disconnects/many-resets", clause, summary, states).parameters(parameters).steps(steps)
}

/// Many clients reset their connections while their requests are outstanding.
pub(crate) const fn crowd_awaiting(
    clause: Clause,
    states: &'static [State],
    parameters: &'static str,
    steps: &'static [Step],
) -> Fault {
    let summary = "Many clients reset their connections at once, each with an outstanding request.";
    Fault::new("disconnects/crowd-awaiting", clause, summary, states).parameters(parameters).steps(steps)
}

/// Returns steps that send each part of a request on a new connection and then do `end`.
pub(crate) const fn after_each<const PARTS: usize, const STEPS: usize>(
    parts: [Template; PARTS],
    end: Step,
) -> [Step; STEPS] {
    assert!(STEPS == 2 * PARTS, "each part takes two steps");
    let mut steps = [end; STEPS];
    let mut part = 0;
    while part < PARTS {
        steps[2 * part] = Send(B, parts[part]);
        part += 1;
    }
    steps
}
