//! Many clients, or many requests, at once.

use conformance::case::A;
use conformance::case::ANY;
use conformance::case::ANY_OR_END;
use conformance::case::B;
use conformance::case::FAIL;
use conformance::case::OK;
use conformance::case::Step::AllAsk;
use conformance::case::Step::Ask;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::ExpectTimes;
use conformance::case::Step::IfFast;
use conformance::case::Step::Join;
use conformance::case::Step::Pause;
use conformance::case::Step::RepeatWithin;
use conformance::case::Step::SendTimes;
use driver::moves::Source;
use protocol::index::clauses::{A4, C1, C2, F3};

use crate::catalogue::index::requests::{QUERY, fault};
use crate::catalogue::index::states::{AWAITING_REPLY, IDLE};
use crate::fault::Fault;

pub(crate) const FAULTS: &[Fault] = &[
    fault("crowds/sixty", C1, "Sixty clients connect and send requests, in addition to the bystanders.")
        .parameters("60 clients, 10 requests each")
        .states(&[IDLE, AWAITING_REPLY])
        .steps(&[Join(60, b"QUERY|{a}|\n", ANY), AllAsk(60, 10, b"QUERY|{a}|\n", ANY), CloseAll]),
    fault("crowds/silent", C1, "Sixty clients connect and send nothing while another client asks.")
        .parameters("60 clients")
        .steps(&[ConnectCrowd(60, Source::Any), Ask(B, QUERY, FAIL), CloseAll]),
    fault("crowds/storm", A4, "Many more clients connect than the protocol promises to serve.")
        .parameters("300 clients")
        .steps(&[Join(300, b"QUERY|{a}|\n", ANY_OR_END), CloseAll])
        .beyond_promises(),
    fault("crowds/idle", A4, "A thousand clients send one request each and stay idle.")
        .parameters("1,000 clients, or as many as connect within 3 s; idle for 500 ms")
        .steps(&[RepeatWithin(3, 20, 3000, &[Join(50, b"QUERY|{a}|\n", ANY_OR_END)]), Pause(500), CloseAll])
        .beyond_promises(),
    fault("crowds/lines-at-once", F3, "The client sends ten thousand lines in one write.")
        .parameters("100 lines, and 10,000 (200 kB) if the target answers those within 150 ms")
        .steps(&[IfFast(
            150,
            &[SendTimes(A, QUERY, 100), ExpectTimes(A, FAIL, 100)],
            &[SendTimes(A, QUERY, 10_000), ExpectTimes(A, FAIL, 10_000)],
        )])
        .beyond_promises(),
    fault("crowds/one-package", C2, "Fifty clients change the same package concurrently.")
        .parameters("50 clients, 20 requests each")
        .steps(&[
            Join(50, b"QUERY|{b}|\n", ANY),
            AllAsk(50, 10, b"INDEX|{b}|\n", OK),
            AllAsk(50, 10, b"REMOVE|{b}|\n", OK),
            CloseAll,
        ]),
    fault("crowds/pipelines", F3, "Fifty clients pipeline many requests.")
        .parameters("50 clients, 40 lines each")
        .steps(&[
            Join(50, b"QUERY|{b}|\n", ANY),
            AllAsk(50, 20, b"QUERY|{b}|\n", FAIL),
            AllAsk(50, 20, b"QUERY|{b}|\n", FAIL),
            CloseAll,
        ]),
];
