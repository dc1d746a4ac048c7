//! Many clients at once.

use conformance::case::Allowed;
use conformance::case::Step;
use conformance::case::Step::AllAsk;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use driver::moves::Source::Each;
use driver::moves::Source::Own;
use protocol::wisdom::clauses::{W16, W30, W31};

use crate::catalogue::wisdom::requests::{CHALLENGE_OR_END, CHALLENGE_OR_REFUSED, QUOTE_OR_REFUSED, REQUEST};
use crate::catalogue::wisdom::states::fault;
use crate::fault::Fault;

/// The replies to a forged challenge.
const REFUSED: Allowed = Allowed::Lines(&[
    b"ERROR INVALID_SIGNATURE",
    b"ERROR CHALLENGE_EXPIRED",
    b"ERROR RATE_LIMITED",
    b"ERROR SERVER_BUSY",
]);

/// Fifty unsigned tokens.
const FIFTY_FORGERIES: &[Step] =
    &[ConnectCrowd(50, Each(8_000)), AllAsk(50, 1, b"{solution forged}", REFUSED), CloseAll];

pub(crate) const FAULTS: &[Fault] = &[
    fault("crowds/forged", W16, "A flood of solutions with forged challenges.")
        .parameters("1,000 tokens, 50 at a time")
        .steps(&[Repeat(20, FIFTY_FORGERIES)]),
    fault("crowds/requests", W31, "A flood of requests for challenges that are never solved.")
        .parameters("600 clients, 200 at a time")
        .steps(&[
            ConnectCrowd(200, Each(8_200)),
            AllAsk(200, 1, REQUEST, CHALLENGE_OR_REFUSED),
            CloseAll,
            ConnectCrowd(200, Each(8_600)),
            AllAsk(200, 1, REQUEST, CHALLENGE_OR_REFUSED),
            CloseAll,
            ConnectCrowd(200, Each(9_000)),
            AllAsk(200, 1, REQUEST, CHALLENGE_OR_REFUSED),
            CloseAll,
        ]),
    fault("crowds/served", W31, "Hundreds of clients obtain a quotation at the same time.")
        .parameters("300 clients")
        .steps(&[
            ConnectCrowd(300, Each(9_400)),
            AllAsk(300, 1, REQUEST, CHALLENGE_OR_REFUSED),
            AllAsk(300, 1, b"{solution next}", QUOTE_OR_REFUSED),
            CloseAll,
        ]),
    fault(
        "crowds/one-address",
        W30,
        "Many more clients connect from one address than the limit for an address.",
    )
    .parameters("150 clients")
    .steps(&[
        ConnectCrowd(150, Own(9_900)),
        AllAsk(150, 1, REQUEST, CHALLENGE_OR_END),
        CloseAll,
        Pause(300),
    ]),
    fault("crowds/storm", W30, "Many more clients connect than the limit.")
        .parameters("800 clients")
        .steps(&[
            ConnectCrowd(800, Each(10_000)),
            AllAsk(800, 1, REQUEST, CHALLENGE_OR_END),
            CloseAll,
            Pause(500),
        ])
        .beyond_promises(),
    fault("crowds/silent-storm", W30, "Many more clients connect than the limit, and send nothing.")
        .parameters("800 clients, 1 s")
        .steps(&[ConnectCrowd(800, Each(11_000)), Pause(1000), CloseAll, Pause(500)])
        .beyond_promises(),
];
