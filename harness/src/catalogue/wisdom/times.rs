//! Cases W28 and W29: key rotation and deadlines.

use conformance::case::Step::{Act as Do, Ask, Close, Ends, EndsWithReply, Open, Pause, Send};
use conformance::case::{A, B, C, Case, Runs, ask, case};
use conformance::dialects::wisdom::REQUEST;
use driver::moves::Act;
use protocol::wisdom::clauses::{W28, W29};

use crate::catalogue::wisdom::replies::{CHALLENGE, QUOTE, error};

/// The version of the secret file that contains the second key and not the first.
const NEXT_KEY: u16 = 1;

pub(super) const CASES: &[Case] = &[
    case(
        "wisdom/W28/1",
        W28,
        "A challenge of a retired key yields its quotation one second later, and \
             INVALID_SIGNATURE after the grace period.",
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
    .cause("The server forgets a removed key immediately, or never.")
    .runs(Runs::WithSettings(&["secret-file", "key-grace"]))
    .alone(),
    case("wisdom/W29/1", W29, "A client that sends nothing is answered TIMEOUT after about five seconds.")
        .steps(&[Open(A), EndsWithReply(A, error!("TIMEOUT"), 8500)])
        .cause("The server has no deadline for the first byte."),
    case(
        "wisdom/W29/2",
        W29,
        "A frame that arrives one byte at a time is answered TIMEOUT after about five seconds.",
    )
    .steps(&[
        Send(A, b"W"),
        Pause(2200),
        Send(A, b"W"),
        Pause(2200),
        Send(A, b"\x01"),
        EndsWithReply(A, error!("TIMEOUT"), 4200),
    ])
    .cause("The deadline applies to each read instead of the whole frame."),
    case("wisdom/W29/3", W29, "A client that sends nothing for three seconds is still served.")
        .steps(&[Open(A), Pause(3000), ask(REQUEST, CHALLENGE), ask(b"{solution}", QUOTE), Ends(A)])
        .cause("The deadline for the first byte is too short."),
];
