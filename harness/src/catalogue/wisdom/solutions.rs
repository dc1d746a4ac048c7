//! Cases about tokens and proofs: W16 to W23.

use conformance::case::Step::{Ask, Close, Ends, OpenFrom, OpenMapped, Repeat};
use conformance::case::{A, Allowed, B, C, Case, Runs, ask, case};
use conformance::dialects::wisdom::REQUEST;
use driver::moves::Source;
use protocol::wisdom::clauses::{W16, W17, W18, W19, W20, W21, W22, W23};

use crate::catalogue::wisdom::replies::{CHALLENGE, QUOTE, error};

/// Anything but a quotation.
const REFUSED: Allowed = Allowed::Lines(&[
    b"ERROR INVALID_SIGNATURE",
    b"ERROR INVALID_PAYLOAD",
    b"ERROR CHALLENGE_EXPIRED",
    b"ERROR INSUFFICIENT_WORK",
]);

/// An address that no case has for its own.
const SOMEBODY_ELSE: Source = Source::Exactly(4_000_000_000);

/// A client that has a challenge sends a solution in a wrong form.
macro_rules! wrong_form {
    ($bytes:expr) => {
        &[ask(REQUEST, CHALLENGE), ask($bytes, error!("INVALID_PAYLOAD")), Ends(A)]
    };
}

pub(super) const CASES: &[Case] = &[
    case("wisdom/W16/1", W16, "No token with a flipped bit brings a quotation, though each is solved.")
        .steps(&[Repeat(
            8,
            &[
                Ask(B, REQUEST, CHALLENGE),
                Close(B),
                Repeat(64, &[Ask(A, b"{solution flip}", REFUSED), Close(A)]),
            ],
        )])
        .cause("the tag is not over all of the token, or is compared in part")
        .runs(Runs::WithSettings(&["difficulty"])),
    case("wisdom/W16/2", W16, "A flipped bit of any field of the token brings no quotation.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            Ask(B, b"{solution flip=7}", REFUSED),
            Close(B),
            Ask(B, b"{solution flip=23}", REFUSED),
            Close(B),
            Ask(B, b"{solution flip=31}", REFUSED),
            Close(B),
            Ask(B, b"{solution flip=95}", REFUSED),
            Close(B),
            Ask(B, b"{solution flip=112}", REFUSED),
            Close(B),
            Ask(B, b"{solution flip=200}", REFUSED),
            Close(B),
            Ask(B, b"{solution flip=256}", REFUSED),
            Close(B),
            Ask(B, b"{solution flip=511}", REFUSED),
            Close(B),
        ])
        .cause("the tag is not over all of the token, or is compared in part"),
    case(
        "wisdom/W17/1",
        W17,
        "A token that another address got is answered INVALID_SIGNATURE, and is still good for its own.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        OpenFrom(B, SOMEBODY_ELSE),
        Ask(B, b"{solution}", error!("INVALID_SIGNATURE")),
        Ends(B),
        Ask(C, b"{solution}", QUOTE),
        Ends(C),
    ])
    .cause("the tag is not over the client's address, or a token is spent before its tag is looked at")
    .runs(Runs::WithAddresses),
    case("wisdom/W18/1", W18, "A token that was got over IPv6 from a mapped IPv4 address is good over IPv4.")
        .steps(&[
            OpenMapped(A),
            ask(REQUEST, CHALLENGE),
            OpenFrom(B, Source::Any),
            Ask(B, b"{solution}", QUOTE),
            Ends(B),
        ])
        .cause("the address is signed as the system names it")
        .runs(Runs::WithAddresses),
    case(
        "wisdom/W19/1",
        W19,
        "A challenge whose last character has other bits set is answered INVALID_PAYLOAD.",
    )
    .steps(wrong_form!(b"{solution spare}"))
    .cause("the decoder ignores the bits that have to be zero"),
    case("wisdom/W19/2", W19, "A challenge with padding is answered INVALID_PAYLOAD.")
        .steps(wrong_form!(b"{solution padded}"))
        .cause("the decoder takes base64 with padding too"),
    case("wisdom/W19/3", W19, "A challenge of 63 bytes is answered INVALID_PAYLOAD.")
        .steps(wrong_form!(b"{solution cut}"))
        .cause("the length is not looked at, or found too short in a place where nobody expects it"),
    case("wisdom/W19/4", W19, "A challenge of 65 bytes is answered INVALID_PAYLOAD.")
        .steps(wrong_form!(b"{solution wide}"))
        .cause("only the first 64 bytes are looked at"),
    case("wisdom/W20/1", W20, "A counter that is a number is answered INVALID_PAYLOAD.")
        .steps(wrong_form!(b"{solution number}"))
        .cause("the parser takes a number for a text"),
    case("wisdom/W20/2", W20, "A counter in upper case is answered INVALID_PAYLOAD.")
        .steps(wrong_form!(b"{solution upper}"))
        .cause("hex digits are read without looking at their case"),
    case("wisdom/W20/3", W20, "A counter of 15 digits is answered INVALID_PAYLOAD.")
        .steps(wrong_form!(b"{solution short}"))
        .cause("hex digits are read without counting them"),
    case("wisdom/W20/4", W20, "A counter of 17 digits is answered INVALID_PAYLOAD.")
        .steps(wrong_form!(b"{solution long}"))
        .cause("hex digits are read without counting them"),
    case(
        "wisdom/W21/1",
        W21,
        "One bit too few is answered INSUFFICIENT_WORK; the right counter then brings the quotation.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        ask(b"{solution less}", error!("INSUFFICIENT_WORK")),
        ask(b"{solution}", QUOTE),
        Ends(A),
    ])
    .cause("bits are counted as hex digits, or a token is spent before the work is looked at"),
    case(
        "wisdom/W21/2",
        W21,
        "A hash without any zero bit is answered INSUFFICIENT_WORK, and the connection stays open.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        ask(b"{solution none}", error!("INSUFFICIENT_WORK")),
        ask(REQUEST, CHALLENGE),
    ])
    .cause("any hash is taken"),
    case("wisdom/W22/1", W22, "Three bits more than asked for bring a quotation.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution more}", QUOTE), Ends(A)])
        .cause("the number of zero bits has to be equal to the difficulty"),
    case("wisdom/W23/1", W23, "The third bad solution is answered TOO_MANY_ATTEMPTS.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"{solution none}", error!("INSUFFICIENT_WORK")),
            ask(b"{solution less}", error!("INSUFFICIENT_WORK")),
            ask(b"{solution none}", error!("TOO_MANY_ATTEMPTS")),
            Ends(A),
        ])
        .cause("attempts are not counted"),
    case("wisdom/W23/2", W23, "After two bad solutions a good one brings the quotation.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"{solution none}", error!("INSUFFICIENT_WORK")),
            ask(b"{solution none}", error!("INSUFFICIENT_WORK")),
            ask(b"{solution}", QUOTE),
            Ends(A),
        ])
        .cause("the number of attempts is wrong by one"),
];
