//! Solutions that are lost, repeated or sent at once: each challenge yields exactly one quotation.

use conformance::case::A;
use conformance::case::B;
use conformance::case::C;
use conformance::case::D;
use conformance::case::Step;
use conformance::case::Step::Act;
use conformance::case::Step::AllAsk;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::EndSending;
use conformance::case::Step::Ends;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::Reset;
use conformance::case::Step::Send;
use driver::moves::Act::ChangeSetting;
use driver::moves::Source::Any;
use driver::moves::Source::Each;
use protocol::wisdom::clauses::{W02, W25, W26, W27, W28};

use crate::catalogue::wisdom::requests::{
    CHALLENGE, CHALLENGE_OR_REFUSED, QUOTE, QUOTE_OR_REFUSED, QUOTE_OR_REPLAYED, REQUEST, error,
};
use crate::catalogue::wisdom::states::fault;
use crate::fault::Fault;

/// A client disconnects before it reads the reply to its solution. The challenge may or may not be spent; after the next
/// solution it is spent.
macro_rules! lost_after {
    ($($end:expr),+) => {
        &[Repeat(3, &[
            Ask(B, REQUEST, CHALLENGE),
            Send(B, b"{solution}"),
            $($end,)+
            Ask(C, b"{solution}", QUOTE_OR_REPLAYED),
            Ends(C),
            Ask(D, b"{solution}", error!("REPLAYED")),
            Ends(D),
        ])]
    };
}

/// Many clients send the same solution at once.
const EQUAL: &[Step] = &[
    Ask(B, REQUEST, CHALLENGE),
    Close(B),
    ConnectCrowd(24, Any),
    AllAsk(24, 1, b"{solution}", QUOTE_OR_REPLAYED),
    CloseAll,
];

/// 250 clients obtain challenges, each from a different address.
macro_rules! hoard {
    ($first:literal) => {
        Repeat(1, &[ConnectCrowd(250, Each($first)), AllAsk(250, 1, REQUEST, CHALLENGE_OR_REFUSED), CloseAll])
    };
}

/// The same clients send their solutions at once.
macro_rules! redeem {
    ($first:literal) => {
        Repeat(
            1,
            &[
                ConnectCrowd(250, Each($first)),
                AllAsk(250, 1, b"{solution next}", QUOTE_OR_REFUSED),
                CloseAll,
            ],
        )
    };
}

/// Solves all challenges obtained so far, without sending a solution.
const SOLVE: &[Step] = &[Send(B, b"{solution ahead}"), Close(B)];

pub(crate) const FAULTS: &[Fault] = &[
    fault("spending/reset", W25, "A client resets its connection between its solution and its quotation.")
        .parameters("3 clients, each solution 3 times")
        .steps(lost_after!(Reset(B))),
    fault(
        "spending/half-close",
        W25,
        "A client half-closes and then resets its connection after its solution.",
    )
    .parameters("3 clients, each solution 3 times")
    .steps(lost_after!(EndSending(B), Reset(B))),
    fault("spending/equal", W27, "Many clients send the same solution at once.")
        .parameters("4 challenges, 24 clients each")
        .steps(&[Repeat(4, EQUAL)]),
    fault(
        "spending/equal-in-one-segment",
        W26,
        "A client sends the same solution several times in one segment and receives one quotation.",
    )
    .parameters("1 client, and then another one")
    .steps(&[
        Ask(B, REQUEST, CHALLENGE),
        Ask(B, b"{solution}{solution other}{solution}", QUOTE),
        Ends(B),
        Ask(C, b"{solution other}", error!("REPLAYED")),
        Ends(C),
    ]),
    fault("spending/hoarded", W02, "Many clients send solutions at once that they found beforehand.")
        .parameters("250 clients")
        .steps(&[hoard!(20_000), Repeat(1, SOLVE), redeem!(20_000)]),
    fault(
        "spending/hoarded-in-thousands",
        W02,
        "Clients send thousands of solutions that they found beforehand.",
    )
    .parameters("5,000 challenges; then 250 solutions at a time")
    .steps(&[
        hoard!(21_000),
        hoard!(22_000),
        hoard!(23_000),
        hoard!(24_000),
        hoard!(25_000),
        hoard!(26_000),
        hoard!(27_000),
        hoard!(28_000),
        hoard!(29_000),
        hoard!(30_000),
        hoard!(31_000),
        hoard!(32_000),
        hoard!(33_000),
        hoard!(34_000),
        hoard!(35_000),
        hoard!(36_000),
        hoard!(37_000),
        hoard!(38_000),
        hoard!(39_000),
        hoard!(40_000),
        Repeat(1, SOLVE),
        redeem!(21_000),
        redeem!(22_000),
        redeem!(23_000),
        redeem!(24_000),
        redeem!(25_000),
        redeem!(26_000),
        redeem!(27_000),
        redeem!(28_000),
        redeem!(29_000),
        redeem!(30_000),
        redeem!(31_000),
        redeem!(32_000),
        redeem!(33_000),
        redeem!(34_000),
        redeem!(35_000),
        redeem!(36_000),
        redeem!(37_000),
        redeem!(38_000),
        redeem!(39_000),
        redeem!(40_000),
    ])
    .long(),
    fault(
        "spending/key-changed",
        W28,
        "The key changes while a client solves: old and new challenges are valid during the grace time.",
    )
    .parameters("1 s after the change")
    .steps(&[
        Ask(B, REQUEST, CHALLENGE),
        Act(ChangeSetting(1)),
        Pause(1000),
        Ask(B, b"{solution}", QUOTE),
        Ends(B),
        Ask(C, REQUEST, CHALLENGE),
        Ask(C, b"{solution}", QUOTE),
        Ends(C),
        // Later scenes need the first key.
        Act(ChangeSetting(0)),
        Pause(300),
        Ask(A, REQUEST, CHALLENGE),
        Ask(A, b"{solution}", QUOTE),
        Ends(A),
    ])
    .needs_settings(&["secret-file", "key-grace"]),
];
