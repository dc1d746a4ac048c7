//! What makes it hard to give each challenge one quotation, and one only.

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

use super::{CHALLENGE, CHALLENGE_OR_LATER, QUOTE, QUOTE_OR_LATER, QUOTE_OR_REPLAYED, REQUEST, error, fault};
use crate::fault::Fault;

/// A solution whose client vanishes before it has read what came of it: it was spent or not, and is spent after the next.
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

/// Equal solutions, all at once.
const EQUAL: &[Step] = &[
    Ask(B, REQUEST, CHALLENGE),
    Close(B),
    ConnectCrowd(24, Any),
    AllAsk(24, 1, b"{solution}", QUOTE_OR_REPLAYED),
    CloseAll,
];

/// Two hundred and fifty challenges are got, each from another address.
macro_rules! hoard {
    ($first:literal) => {
        Repeat(1, &[ConnectCrowd(250, Each($first)), AllAsk(250, 1, REQUEST, CHALLENGE_OR_LATER), CloseAll])
    };
}

/// And brought, all at once, from the same addresses.
macro_rules! bring {
    ($first:literal) => {
        Repeat(
            1,
            &[ConnectCrowd(250, Each($first)), AllAsk(250, 1, b"{solution next}", QUOTE_OR_LATER), CloseAll],
        )
    };
}

/// All that were got are solved, and nothing is said.
const SOLVE: &[Step] = &[Send(B, b"{solution ahead}"), Close(B)];

pub(super) const FAULTS: &[Fault] = &[
    fault("spending/reset", W25, "A client vanishes between its solution and its quotation.")
        .with("3 clients, each solution 3 times")
        .steps(lost_after!(Reset(B))),
    fault("spending/half-close", W25, "A client ends its sending half behind its solution, and vanishes.")
        .with("3 clients, each solution 3 times")
        .steps(lost_after!(EndSending(B), Reset(B))),
    fault("spending/equal", W27, "Equal solutions, all at once.")
        .with("4 challenges, 24 clients each")
        .steps(&[Repeat(4, EQUAL)]),
    fault(
        "spending/equal-in-one-segment",
        W26,
        "The same solution many times in one segment brings one quotation.",
    )
    .with("1 client, and another one afterwards")
    .steps(&[
        Ask(B, REQUEST, CHALLENGE),
        Ask(B, b"{solution}{solution other}{solution}", QUOTE),
        Ends(B),
        Ask(C, b"{solution other}", error!("REPLAYED")),
        Ends(C),
    ]),
    fault("spending/hoarded", W02, "Solutions that were found beforehand, all at once.")
        .with("250 clients")
        .steps(&[hoard!(20_000), Repeat(1, SOLVE), bring!(20_000)]),
    fault("spending/hoarded-in-thousands", W02, "Thousands of solutions that were found beforehand.")
        .with("5,000 challenges, and then 250 solutions at a time")
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
            bring!(21_000),
            bring!(22_000),
            bring!(23_000),
            bring!(24_000),
            bring!(25_000),
            bring!(26_000),
            bring!(27_000),
            bring!(28_000),
            bring!(29_000),
            bring!(30_000),
            bring!(31_000),
            bring!(32_000),
            bring!(33_000),
            bring!(34_000),
            bring!(35_000),
            bring!(36_000),
            bring!(37_000),
            bring!(38_000),
            bring!(39_000),
            bring!(40_000),
        ])
        .long(),
    fault(
        "spending/key-changed",
        W28,
        "The key changes while a client solves; its challenge is good for a while, and so are new ones.",
    )
    .with("1 s after the change, within the grace time")
    .steps(&[
        Ask(B, REQUEST, CHALLENGE),
        Act(ChangeSetting(1)),
        Pause(1000),
        Ask(B, b"{solution}", QUOTE),
        Ends(B),
        Ask(C, REQUEST, CHALLENGE),
        Ask(C, b"{solution}", QUOTE),
        Ends(C),
        // As it was, for whatever comes next.
        Act(ChangeSetting(0)),
        Pause(300),
        Ask(A, REQUEST, CHALLENGE),
        Ask(A, b"{solution}", QUOTE),
        Ends(A),
    ])
    .needs_settings(&["secret-file", "key-grace"]),
];
