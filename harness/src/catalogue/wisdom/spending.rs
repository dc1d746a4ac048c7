//! Cases about the time of a challenge, and about spending it: W24 to W27.

use protocol::wisdom::clauses::{W24, W25, W26, W27};

use super::{CHALLENGE, QUOTE, error};
use conformance::case::A;
use conformance::case::Allowed;
use conformance::case::B;
use conformance::case::Case;
use conformance::case::Runs;
use conformance::case::Step;
use conformance::case::Step::AllAsk;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Ends;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::ask;
use conformance::case::case;
use conformance::dialects::wisdom::REQUEST;
use driver::moves::Source;

/// A client gets a quotation for a challenge of its own.
const SERVED: Step = Repeat(1, &[Ask(B, REQUEST, CHALLENGE), Ask(B, b"{solution}", QUOTE), Ends(B)]);

/// The first challenge, solved once more.
const AGAIN: Step = Repeat(1, &[Ask(A, b"{solution 0}", error!("REPLAYED")), Ends(A)]);

/// Of equal solutions one brings the quotation, and the others do not. There may be no place for all of them while a busy
/// server takes leave of those before.
const QUOTE_OR_REPLAYED: Allowed = Allowed::Lines(&[b"QUOTE", b"ERROR REPLAYED", b"ERROR SERVER_BUSY"]);

pub(super) const CASES: &[Case] = &[
    case("wisdom/W24/1", W24, "A challenge brings its quotation three seconds before it expires.")
        .steps(&[ask(REQUEST, CHALLENGE), Close(A), Pause(3000), Ask(B, b"{solution}", QUOTE), Ends(B)])
        .cause("challenges live shorter than they say")
        .runs(Runs::WithSettings(&["ttl"])),
    case(
        "wisdom/W24/2",
        W24,
        "A challenge that has expired is answered CHALLENGE_EXPIRED, and another one brings a quotation on the same connection.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        Pause(6300),
        ask(b"{solution}", error!("CHALLENGE_EXPIRED")),
        ask(REQUEST, CHALLENGE),
        ask(b"{solution}", QUOTE),
        Ends(A),
    ])
    .cause("nobody looks at the time, or the connection is closed")
    .runs(Runs::WithSettings(&["ttl"])),
    case("wisdom/W25/1", W25, "A solution that has brought its quotation is answered REPLAYED on another connection.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution}", QUOTE), Ends(A), AGAIN])
        .cause("nobody remembers which challenges have brought their quotation"),
    case("wisdom/W25/2", W25, "It still is after forty other quotations.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution}", QUOTE), Ends(A), Repeat(40, &[SERVED]), AGAIN])
        .cause("only so many spent challenges are remembered, and live ones are forgotten")
        .runs(Runs::WithSettings(&["difficulty"])),
    case("wisdom/W25/3", W25, "It still is two and a half seconds later.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"{solution}", QUOTE),
            Ends(A),
            Pause(2500),
            // On a busy machine it may have expired by then, which is looked at first.
            ask(b"{solution}", Allowed::Lines(&[b"ERROR REPLAYED", b"ERROR CHALLENGE_EXPIRED"])),
        ])
        .cause("spent challenges are forgotten before they expire"),
    case("wisdom/W26/1", W26, "Another counter for a challenge that has brought its quotation is answered REPLAYED.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"{solution}", QUOTE),
            Ends(A),
            Ask(B, b"{solution other}", error!("REPLAYED")),
            Ends(B),
        ])
        .cause("it is the solution that is remembered, and not the challenge"),
    case("wisdom/W27/1", W27, "Of 24 equal solutions at once one brings a quotation, eight times.")
        .steps(&[Repeat(8, &[
            Ask(A, REQUEST, CHALLENGE),
            Close(A),
            ConnectCrowd(24, Source::Any),
            AllAsk(24, 1, b"{solution}", QUOTE_OR_REPLAYED),
            CloseAll,
            Pause(20),
        ])])
        .exactly(b"QUOTE", 8)
        .cause("it is looked in one step whether a challenge is spent, and noted in another")
        // With others beside it an address could have more connections than a server has to allow it.
        .alone(),
    case("wisdom/W27/2", W27, "Of 64 equal solutions at once one brings a quotation, sixteen times.")
        .steps(&[Repeat(16, &[
            Ask(A, REQUEST, CHALLENGE),
            Close(A),
            ConnectCrowd(64, Source::Any),
            AllAsk(64, 1, b"{solution}", QUOTE_OR_REPLAYED),
            CloseAll,
            Pause(20),
        ]),
        // For those who come next there has to be a place again.
        Pause(500)])
        .exactly(b"QUOTE", 16)
        .cause("it is looked in one step whether a challenge is spent, and noted in another")
        .runs(Runs::WithSettings(&["max-connections-per-address"]))
        .alone(),
];
