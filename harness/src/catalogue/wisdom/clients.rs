//! Cases about places, and about what clients leave behind: W30 to W32.

use protocol::wisdom::clauses::{W30, W31, W32};

use super::{CHALLENGE, QUOTE};
use conformance::case::A;
use conformance::case::Allowed;
use conformance::case::B;
use conformance::case::Case;
use conformance::case::Runs;
use conformance::case::Step;
use conformance::case::Step::AllAsk;
use conformance::case::Step::Ask;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Ends;
use conformance::case::Step::Join;
use conformance::case::Step::Repeat;
use conformance::case::Step::Reset;
use conformance::case::Step::Sample;
use conformance::case::Step::Send;
use conformance::case::ask;
use conformance::case::case;
use conformance::dialects::wisdom::REQUEST;
use conformance::resources::VISITS;
use driver::moves::Source;

/// The limit that the target is told, and a few more.
const MORE_THAN_ALL_PLACES: u16 = 272;

/// The same for one address.
const MORE_THAN_ONE_ADDRESS_HAS: u16 = 216;

/// A client is served, or told that there is no place for it.
const CHALLENGE_OR_BUSY: Allowed = Allowed::Lines(&[b"CHALLENGE", b"ERROR SERVER_BUSY"]);

/// A client asks, and leaves.
const VISIT: Step = Repeat(1, &[Ask(B, REQUEST, CHALLENGE), Ask(B, b"{solution}", QUOTE), Ends(B)]);

/// Visits that leave in the middle of what they do.
const RUDE_VISITS: Step =
    Repeat(1, &[Send(B, b"WW\x01"), Reset(B), Ask(B, REQUEST, CHALLENGE), Send(B, b"{solution}"), Reset(B)]);

pub(super) const CASES: &[Case] = &[
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
    // Last of all: for a while after them there may be no place for anybody.
    case("wisdom/W30/1", W30, "Clients for whom there is no place read SERVER_BUSY.")
        .steps(&[
            ConnectCrowd(MORE_THAN_ALL_PLACES, Source::Each(0)),
            AllAsk(MORE_THAN_ALL_PLACES, 1, REQUEST, CHALLENGE_OR_BUSY),
            CloseAll,
        ])
        .at_least(b"ERROR SERVER_BUSY", 8)
        .cause("the connection is closed without a word, is reset, or is kept waiting")
        .runs(Runs::WithSettings(&["max-connections"]))
        .alone(),
    case("wisdom/W30/2", W30, "Clients of an address that has no place left read SERVER_BUSY.")
        .steps(&[Join(MORE_THAN_ONE_ADDRESS_HAS, REQUEST, CHALLENGE_OR_BUSY), CloseAll])
        .at_least(b"ERROR SERVER_BUSY", 8)
        .cause("the connection is closed with bytes unread, so that a reset destroys the error")
        .runs(Runs::WithSettings(&["max-connections-per-address"]))
        .alone(),
];
