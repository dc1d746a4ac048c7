//! Cases W24 to W27: the expiry of a challenge, and its spending.

use conformance::case::Step::{AllAsk, Ask, Close, CloseAll, ConnectCrowd, Ends, Pause, Repeat};
use conformance::case::{A, Allowed, B, Case, Runs, Step, ask, case};
use conformance::dialects::wisdom::REQUEST;
use driver::moves::Source;
use protocol::wisdom::clauses::{W24, W25, W26, W27};

use crate::catalogue::wisdom::replies::{CHALLENGE, QUOTE, error};

/// A client gets a quotation for its own challenge.
const SERVED: Step = Repeat(1, &[Ask(B, REQUEST, CHALLENGE), Ask(B, b"{solution}", QUOTE), Ends(B)]);

/// The first challenge is solved a second time.
const REPLAY: Step = Repeat(1, &[Ask(A, b"{solution 0}", error!("REPLAYED")), Ends(A)]);

/// One of several identical solutions receives the quotation. A busy server may refuse some of them while it still closes
/// earlier connections.
const QUOTE_OR_REPLAYED: Allowed = Allowed::Lines(&[b"QUOTE", b"ERROR REPLAYED", b"ERROR SERVER_BUSY"]);

pub(super) const CASES: &[Case] = &[
    case("wisdom/W24/1", W24, "A challenge yields its quotation three seconds before it expires.")
        .steps(&[ask(REQUEST, CHALLENGE), Close(A), Pause(3000), Ask(B, b"{solution}", QUOTE), Ends(B)])
        .cause("Challenges expire earlier than they declare.")
        .runs(Runs::WithSettings(&["ttl"])),
    case(
        "wisdom/W24/2",
        W24,
        "An expired challenge is answered CHALLENGE_EXPIRED, and a new one yields a quotation \
             on the same connection.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        Pause(6300),
        ask(b"{solution}", error!("CHALLENGE_EXPIRED")),
        ask(REQUEST, CHALLENGE),
        ask(b"{solution}", QUOTE),
        Ends(A),
    ])
    .cause("The server does not check the expiry time, or closes the connection.")
    .runs(Runs::WithSettings(&["ttl"])),
    case(
        "wisdom/W25/1",
        W25,
        "A solution that has received its quotation is answered REPLAYED on another connection.",
    )
    .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution}", QUOTE), Ends(A), REPLAY])
    .cause("The server does not remember spent challenges."),
    case("wisdom/W25/2", W25, "A spent challenge is still answered REPLAYED after forty other quotations.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution}", QUOTE), Ends(A), Repeat(40, &[SERVED]), REPLAY])
        .cause("The server remembers a limited number of spent challenges and evicts valid ones.")
        .runs(Runs::WithSettings(&["difficulty"])),
    case("wisdom/W25/3", W25, "A spent challenge is still answered REPLAYED two and a half seconds later.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"{solution}", QUOTE),
            Ends(A),
            Pause(2500),
            // On a busy machine the challenge may have expired by then, which the server checks first.
            ask(b"{solution}", Allowed::Lines(&[b"ERROR REPLAYED", b"ERROR CHALLENGE_EXPIRED"])),
        ])
        .cause("The server forgets spent challenges before they expire."),
    case("wisdom/W26/1", W26, "Another counter for a spent challenge is answered REPLAYED.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"{solution}", QUOTE),
            Ends(A),
            Ask(B, b"{solution other}", error!("REPLAYED")),
            Ends(B),
        ])
        .cause("The server remembers the solution instead of the challenge."),
    case(
        "wisdom/W27/1",
        W27,
        "Of 24 identical simultaneous solutions exactly one receives a quotation, in each of \
             eight rounds.",
    )
    .steps(&[Repeat(
        8,
        &[
            Ask(A, REQUEST, CHALLENGE),
            Close(A),
            ConnectCrowd(24, Source::Any),
            AllAsk(24, 1, b"{solution}", QUOTE_OR_REPLAYED),
            CloseAll,
            Pause(20),
        ],
    )])
    .exactly(b"QUOTE", 8)
    .cause(
        "The server checks whether a challenge is spent and marks it as spent in two separate \
             steps.",
    )
    // Together with other cases, an address could have more connections than a server must allow.
    .alone(),
    case(
        "wisdom/W27/2",
        W27,
        "Of 64 identical simultaneous solutions exactly one receives a quotation, in each of \
             sixteen rounds.",
    )
    .steps(&[
        Repeat(
            16,
            &[
                Ask(A, REQUEST, CHALLENGE),
                Close(A),
                ConnectCrowd(64, Source::Any),
                AllAsk(64, 1, b"{solution}", QUOTE_OR_REPLAYED),
                CloseAll,
                Pause(20),
            ],
        ),
        // The next clients need free connections.
        Pause(500),
    ])
    .exactly(b"QUOTE", 16)
    .cause(
        "The server checks whether a challenge is spent and marks it as spent in two separate \
             steps.",
    )
    .runs(Runs::WithSettings(&["max-connections-per-address"]))
    .alone(),
];
