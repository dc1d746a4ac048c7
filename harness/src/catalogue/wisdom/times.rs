//! Cases about keys and deadlines: W28 and W29.

use protocol::wisdom::clauses::{W28, W29};

use super::{CHALLENGE, QUOTE, error};
use conformance::case::A;
use conformance::case::B;
use conformance::case::C;
use conformance::case::Case;
use conformance::case::Runs;
use conformance::case::Step::Act as Do;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::Ends;
use conformance::case::Step::EndsWithReply;
use conformance::case::Step::Open;
use conformance::case::Step::Pause;
use conformance::case::Step::Send;
use conformance::case::ask;
use conformance::case::case;
use conformance::dialects::wisdom::REQUEST;
use driver::moves::Act;

/// The secret file names another key, and no longer the first one.
const NEXT_KEY: u16 = 1;

pub(super) const CASES: &[Case] = &[
    case(
        "wisdom/W28/1",
        W28,
        "A challenge of a retired key brings its quotation a second later, and INVALID_SIGNATURE after the grace time.",
    )
    .steps(&[
        ask(REQUEST, CHALLENGE),
        ask(REQUEST, CHALLENGE),
        Close(A),
        Do(Act::ChangeSetting(NEXT_KEY)),
        Pause(1000),
        Ask(B, b"{solution 0}", QUOTE),
        Ends(B),
        Pause(4500),
        Ask(C, b"{solution 1}", error!("INVALID_SIGNATURE")),
        Ends(C),
        ask(REQUEST, CHALLENGE),
        ask(b"{solution}", QUOTE),
        Ends(A),
    ])
    .cause("a key that is taken out of the file is forgotten at once, or never")
    .runs(Runs::WithSettings(&["secret-file", "key-grace"]))
    .alone(),
    case("wisdom/W29/1", W29, "A client that says nothing is answered TIMEOUT after about five seconds.")
        .steps(&[Open(A), EndsWithReply(A, error!("TIMEOUT"), 8500)])
        .cause("there is no deadline for the first byte"),
    case("wisdom/W29/2", W29, "A frame that comes a byte now and then is answered TIMEOUT after about five seconds.")
        .steps(&[
            Send(A, b"W"),
            Pause(2200),
            Send(A, b"W"),
            Pause(2200),
            Send(A, b"\x01"),
            EndsWithReply(A, error!("TIMEOUT"), 4200),
        ])
        .cause("the deadline is for each read, and not for the frame"),
    case("wisdom/W29/3", W29, "A client that says nothing for three seconds is served.")
        .steps(&[Open(A), Pause(3000), ask(REQUEST, CHALLENGE), ask(b"{solution}", QUOTE), Ends(A)])
        .cause("the deadline for the first byte is too short"),
];
