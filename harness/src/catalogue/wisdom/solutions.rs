//! Cases W16 to W23: tokens and proofs.

use conformance::case::Step::{Ask, Close, Ends, OpenFrom, OpenMapped, Repeat};
use conformance::case::{A, Allowed, B, C, Case, Runs, ask, case};
use conformance::dialects::wisdom::REQUEST;
use driver::moves::Source;
use protocol::wisdom::clauses::{W16, W17, W18, W19, W20, W21, W22, W23};

use crate::catalogue::wisdom::replies::{CHALLENGE, QUOTE, error};

/// Any refusal of a solution.
const REFUSED: Allowed = Allowed::Lines(&[
    b"ERROR INVALID_SIGNATURE",
    b"ERROR INVALID_PAYLOAD",
    b"ERROR CHALLENGE_EXPIRED",
    b"ERROR INSUFFICIENT_WORK",
]);

/// An address that no case uses otherwise.
const OTHER_ADDRESS: Source = Source::Exactly(4_000_000_000);

/// A client with a challenge sends a solution that is not well-formed.
macro_rules! malformed {
    ($bytes:expr) => {
        &[ask(REQUEST, CHALLENGE), ask($bytes, error!("INVALID_PAYLOAD")), Ends(A)]
    };
}

pub(super) const CASES: &[Case] = &[
    case(
        "wisdom/W16/1",
        W16,
        "A token with a flipped bit never yields a quotation, although each has a valid proof.",
    )
    .steps(&[Repeat(
        8,
        &[Ask(B, REQUEST, CHALLENGE), Close(B), Repeat(64, &[Ask(A, b"{solution flip}", REFUSED), Close(A)])],
    )])
    .cause("The tag does not cover the whole token, or the server compares only a part of it.")
    .runs(Runs::WithSettings(&["difficulty"])),
    case("wisdom/W16/2", W16, "A flipped bit in any field of the token prevents a quotation.")
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
        .cause("The tag does not cover the whole token, or the server compares only a part of it."),
    case(
        "wisdom/W17/1",
        W17,
        "A token issued to another address is answered INVALID_SIGNATURE and stays valid for \
             its own address.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        OpenFrom(B, OTHER_ADDRESS),
        Ask(B, b"{solution}", error!("INVALID_SIGNATURE")),
        Ends(B),
        Ask(C, b"{solution}", QUOTE),
        Ends(C),
    ])
    .cause(
        "The tag does not cover the client's address, or the server spends a token before it \
             checks the tag.",
    )
    .runs(Runs::WithAddresses),
    case("wisdom/W18/1", W18, "A token issued over IPv6 to an IPv4-mapped address is valid over IPv4.")
        .steps(&[
            OpenMapped(A),
            ask(REQUEST, CHALLENGE),
            OpenFrom(B, Source::Any),
            Ask(B, b"{solution}", QUOTE),
            Ends(B),
        ])
        .cause("The server signs the address in the form that the operating system reports.")
        .runs(Runs::WithAddresses),
    case(
        "wisdom/W19/1",
        W19,
        "A challenge with unused bits set in its last character is answered INVALID_PAYLOAD.",
    )
    .steps(malformed!(b"{solution spare}"))
    .cause("The decoder ignores the bits that must be zero."),
    case("wisdom/W19/2", W19, "A challenge with base64 padding is answered INVALID_PAYLOAD.")
        .steps(malformed!(b"{solution padded}"))
        .cause("The decoder also accepts base64 with padding."),
    case("wisdom/W19/3", W19, "A challenge of 63 bytes is answered INVALID_PAYLOAD.")
        .steps(malformed!(b"{solution cut}"))
        .cause("The server does not check the length, or does not handle a length that is too short."),
    case("wisdom/W19/4", W19, "A challenge of 65 bytes is answered INVALID_PAYLOAD.")
        .steps(malformed!(b"{solution wide}"))
        .cause("The server uses only the first 64 bytes."),
    case("wisdom/W20/1", W20, "A counter that is a JSON number is answered INVALID_PAYLOAD.")
        .steps(malformed!(b"{solution number}"))
        .cause("The parser accepts a number instead of a string."),
    case("wisdom/W20/2", W20, "A counter in upper case is answered INVALID_PAYLOAD.")
        .steps(malformed!(b"{solution upper}"))
        .cause("The server accepts hexadecimal digits in either case."),
    case("wisdom/W20/3", W20, "A counter of 15 digits is answered INVALID_PAYLOAD.")
        .steps(malformed!(b"{solution short}"))
        .cause("The server does not check the number of hexadecimal digits."),
    case("wisdom/W20/4", W20, "A counter of 17 digits is answered INVALID_PAYLOAD.")
        .steps(malformed!(b"{solution long}"))
        .cause("The server does not check the number of hexadecimal digits."),
    case(
        "wisdom/W21/1",
        W21,
        "A proof with one bit too few is answered INSUFFICIENT_WORK, and a valid counter then \
             receives the quotation.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        ask(b"{solution less}", error!("INSUFFICIENT_WORK")),
        ask(b"{solution}", QUOTE),
        Ends(A),
    ])
    .cause(
        "The server counts hexadecimal digits instead of bits, or spends a token before it \
             checks the work.",
    ),
    case(
        "wisdom/W21/2",
        W21,
        "A hash without leading zero bits is answered INSUFFICIENT_WORK, and the connection \
             stays open.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        ask(b"{solution none}", error!("INSUFFICIENT_WORK")),
        ask(REQUEST, CHALLENGE),
    ])
    .cause("The server accepts any hash."),
    case("wisdom/W22/1", W22, "A proof with three bits more than required receives the quotation.")
        .steps(&[ask(REQUEST, CHALLENGE), ask(b"{solution more}", QUOTE), Ends(A)])
        .cause("The server requires the number of zero bits to equal the difficulty."),
    case("wisdom/W23/1", W23, "The third solution with insufficient work is answered TOO_MANY_ATTEMPTS.")
        .steps(&[
            ask(REQUEST, CHALLENGE),
            ask(b"{solution none}", error!("INSUFFICIENT_WORK")),
            ask(b"{solution less}", error!("INSUFFICIENT_WORK")),
            ask(b"{solution none}", error!("TOO_MANY_ATTEMPTS")),
            Ends(A),
        ])
        .cause("The server does not count attempts."),
    case(
        "wisdom/W23/2",
        W23,
        "After two solutions with insufficient work, a valid one receives the quotation.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        ask(b"{solution none}", error!("INSUFFICIENT_WORK")),
        ask(b"{solution none}", error!("INSUFFICIENT_WORK")),
        ask(b"{solution}", QUOTE),
        Ends(A),
    ])
    .cause("The attempt limit is off by one."),
];
