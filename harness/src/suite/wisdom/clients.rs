//! Cases about places, and about what clients leave behind: W30 to W32.

use protocol::wisdom::clauses::{W30, W31, W32};

use super::dialect::REQUEST;
use super::{CHALLENGE, QUOTE, error};
use crate::moves::Source;
use crate::suite::case::Step::{Ask, Ends, EndsSaying, Gather, Open, Repeat, Reset, Sample, Send};
use crate::suite::case::{A, B, Case, Runs, Step, ask, case};
use crate::suite::resources::VISITS;

/// The limit that the target is told, and a few more, so that none of the next finds a place.
const MORE_THAN_ALL_PLACES: u16 = 136;

/// A client asks, and leaves.
const VISIT: Step = Repeat(1, &[Ask(B, REQUEST, CHALLENGE), Ask(B, b"{solution}", QUOTE), Ends(B)]);

/// Visits that leave in the middle of what they do.
const RUDE_VISITS: Step =
    Repeat(1, &[Send(B, b"WW\x01"), Reset(B), Ask(B, REQUEST, CHALLENGE), Send(B, b"{solution}"), Reset(B)]);

pub(super) const CASES: &[Case] = &[
    case("wisdom/W30/1", W30, "A client for whom there is no place reads SERVER_BUSY.")
        .steps(&[
            Gather(MORE_THAN_ALL_PLACES, Source::Each(0)),
            Open(B),
            EndsSaying(B, error!("SERVER_BUSY"), 5000),
        ])
        .cause("the connection is closed without a word, or is kept waiting")
        .runs(Runs::WithSettings(&["max-connections"]))
        .lenient()
        .alone(),
    case("wisdom/W30/2", W30, "It reads SERVER_BUSY though it has sent its request already.")
        .steps(&[
            Gather(MORE_THAN_ALL_PLACES, Source::Each(0)),
            Send(B, REQUEST),
            EndsSaying(B, error!("SERVER_BUSY"), 5000),
        ])
        .cause("the connection is closed with bytes unread, so that a reset destroys the error")
        .runs(Runs::WithSettings(&["max-connections"]))
        .lenient()
        .alone(),
    case(
        "wisdom/W31/1",
        W31,
        "Clients that vanish in the middle of a frame, or before their reply, harm nobody.",
    )
    .steps(&[Repeat(20, &[RUDE_VISITS]), ask(REQUEST, CHALLENGE), ask(b"{solution}", QUOTE), Ends(A)])
    .cause("an error on one connection ends the server")
    .lenient()
    .alone(),
    case("wisdom/W32/1", W32, "Clients that have gone leave no descriptors and threads behind.")
        .steps(&[
            Repeat(VISITS as usize, &[VISIT]),
            Sample,
            Repeat(4, &[Repeat(VISITS as usize, &[VISIT]), Sample]),
        ])
        .cause("a connection is kept in a table, or is not closed")
        .runs(Runs::WithProcess)
        .alone(),
];
