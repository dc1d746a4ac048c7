//! Cases W30 to W32: connection limits, and the release of resources.

use conformance::case::Step::{AllAsk, Ask, CloseAll, ConnectCrowd, Ends, Join, Repeat, Reset, Sample, Send};
use conformance::case::{A, Allowed, B, Case, Runs, Step, ask, case};
use conformance::dialects::wisdom::REQUEST;
use conformance::resources::VISITS;
use driver::moves::Source;
use protocol::wisdom::clauses::{W30, W31, W32};

use crate::catalogue::wisdom::replies::{CHALLENGE, QUOTE};

/// A few connections more than the limit that the target is given.
const BEYOND_CONNECTION_LIMIT: u16 = 272;

/// A few connections more than the limit for one address.
const BEYOND_ADDRESS_LIMIT: u16 = 216;

/// A client is served or refused.
const CHALLENGE_OR_BUSY: Allowed = Allowed::Lines(&[b"CHALLENGE", b"ERROR SERVER_BUSY"]);

/// A client gets a quotation and disconnects.
const VISIT: Step = Repeat(1, &[Ask(B, REQUEST, CHALLENGE), Ask(B, b"{solution}", QUOTE), Ends(B)]);

/// Two clients that reset their connection: one within a frame, one before its reply.
const RESET_VISITS: Step =
    Repeat(1, &[Send(B, b"WW\x01"), Reset(B), Ask(B, REQUEST, CHALLENGE), Send(B, b"{solution}"), Reset(B)]);

pub(super) const CASES: &[Case] = &[
    case(
        "wisdom/W31/1",
        W31,
        "Clients that reset their connection in the middle of a frame, or before their reply, \
             do not affect others.",
    )
    .steps(&[Repeat(20, &[RESET_VISITS]), ask(REQUEST, CHALLENGE), ask(b"{solution}", QUOTE), Ends(A)])
    .cause("An error on one connection ends the server.")
    .lenient()
    .alone(),
    case(
        "wisdom/W32/1",
        W32,
        "The server releases the file descriptors and threads of disconnected clients.",
    )
    .steps(&[
        Repeat(VISITS as usize, &[VISIT]),
        Sample,
        Repeat(4, &[Repeat(VISITS as usize, &[VISIT]), Sample]),
    ])
    .cause("The server keeps a connection in a table, or does not close it.")
    .runs(Runs::WithProcess)
    .alone(),
    // These cases come last: for a while after them the target may refuse every client.
    case("wisdom/W30/1", W30, "Clients beyond the connection limit can read SERVER_BUSY.")
        .steps(&[
            ConnectCrowd(BEYOND_CONNECTION_LIMIT, Source::Each(0)),
            AllAsk(BEYOND_CONNECTION_LIMIT, 1, REQUEST, CHALLENGE_OR_BUSY),
            CloseAll,
        ])
        .at_least(b"ERROR SERVER_BUSY", 8)
        .cause("The server closes the connection without an error, resets it, or does not answer it.")
        .runs(Runs::WithSettings(&["max-connections"]))
        .alone(),
    case("wisdom/W30/2", W30, "Clients beyond the connection limit of their address can read SERVER_BUSY.")
        .steps(&[Join(BEYOND_ADDRESS_LIMIT, REQUEST, CHALLENGE_OR_BUSY), CloseAll])
        .at_least(b"ERROR SERVER_BUSY", 8)
        .cause("The server closes the connection with unread bytes, and the reset destroys the error.")
        .runs(Runs::WithSettings(&["max-connections-per-address"]))
        .alone(),
];
