//! Cases C1 to C5: many clients and the resources that they use.

use conformance::case::Step::{
    AllAsk, AllSend, Ask, AwaitEnd, AwaitEndWithin, Close, CloseAll, ConnectCrowd, EndSending, Expect,
    ExpectTimes, Flood, Join, Open, Pause, PauseForStallLimit, Repeat, Reset, Sample, Send, SendTimes,
};
use conformance::case::{A, ANY, B, C, Case, D, ERROR, FAIL, OK, OK_OR_FAIL, Runs, Step, ask, case};
use conformance::resources::{SYSTEM_BUFFERS_BYTES, VISITS};
use driver::moves::Source;
use protocol::Level::Should;
use protocol::index::clauses::{C1, C2, C3, C4, C5};

/// A flood of requests whose replies have the same length as the requests. Shorter lines would keep a slow target busy
/// for longer than other clients wait.
const FLOOD: &[u8] = b"QUERY|z|\n?\n";

/// How often a flood is repeated that keeps the target busy for some milliseconds only.
const FLOOD_TIMES: usize = 12_000;

/// The control of a client that resets its connection while the server writes replies: it reads them instead.
const FLOOD_THAT_IS_READ: Case =
    case("index/C3/5", C3, "A client that sends as many requests and reads their replies.")
        .steps(&[SendTimes(A, FLOOD, FLOOD_TIMES), ExpectTimes(A, ANY, 2 * FLOOD_TIMES), Close(A)])
        .alone();

/// The time in which a target notices that its clients have disconnected.
const SETTLE_MS: u64 = 300;

pub(super) const CASES: &[Case] = &[
    case("index/C1/1", C1, "An idle client does not keep another client from being served.")
        .cause(
            "The server serves one client at a time and accepts the next connection when the last \
             one closes.",
        )
        .steps(&[
            Open(A),
            Pause(20),
            Ask(B, b"QUERY|{a}|\n", ANY),
            ask(b"INDEX|{a}|\n", ANY),
            Ask(B, b"QUERY|{a}|\n", ANY),
        ])
        .alone(),
    case(
        "index/C1/2",
        C1,
        "A client that has sent half a line does not keep another client from being served.",
    )
    .cause("The server reads a line to its end before it serves another client.")
    .presupposes(&["index/F2/1"])
    .steps(&[
        ask(b"QUERY|{a}|\n", ANY),
        Send(A, b"QUERY|"),
        Pause(50),
        Ask(B, b"QUERY|{a}|\n", ANY),
        Ask(C, b"INDEX|{a}|\n", ANY),
        Send(A, b"{a}|\n"),
        Expect(A, &[ANY]),
    ]),
    case(
        "index/C1/3",
        C1,
        "A client that does not read its replies does not keep another client from being served.",
    )
    .cause("The server writes a reply while it holds a lock, or on a thread that other clients need.")
    .steps(&[
        ask(b"QUERY|{a}|\n", FAIL),
        Flood(B, FLOOD, SYSTEM_BUFFERS_BYTES),
        ask(b"INDEX|{a}|\n", OK),
        Ask(C, b"QUERY|{a}|\n", OK),
        Close(B),
        Ask(D, b"QUERY|{a}|\n", OK),
    ])
    .needs_block()
    .alone(),
    case("index/C1/4", C1, "A hundred connected clients are all served.")
        .cause("The server has fewer than a hundred threads, workers or file descriptors.")
        .steps(&[
            Join(100, b"QUERY|{a}n{n}|\n", FAIL),
            AllAsk(100, 2, b"INDEX|{a}n{n}|\n", OK),
            AllAsk(100, 2, b"QUERY|{a}n{n}|\n", OK),
            AllAsk(100, 2, b"REMOVE|{a}n{n}|\n", OK),
        ])
        .alone(),
    case("index/C1/5", C1, "While ninety-nine clients have sent half a line, the hundredth is served.")
        .cause("Every client with an incomplete line occupies a worker, and there are too few workers.")
        .presupposes(&["index/F2/1"])
        .steps(&[
            Join(99, b"QUERY|{a}|\n", FAIL),
            AllSend(99, b"QUERY|"),
            Pause(50),
            ask(b"INDEX|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", OK),
            AllSend(99, b"{a}|"),
            AllAsk(99, 1, b"\n", OK),
        ])
        .alone(),
    case("index/C1/6", C1, "Beside ninety idle clients, another client is served as quickly as alone.")
        .cause("The server polls its connections in turn, with a time limit for each.")
        .steps(&[TEN_REQUESTS, Join(90, b"QUERY|{a}|\n", FAIL), Pause(20), TEN_REQUESTS])
        .compares_latency()
        .at(Should)
        .alone(),
    case("index/C2/1", C2, "A package that one client indexes is visible to another client.")
        .cause("Each connection has its own index, or a copy of it.")
        .steps(&[
            Open(B),
            ask(b"INDEX|{a}|\n", OK),
            Ask(B, b"QUERY|{a}|\n", OK),
            Ask(B, b"REMOVE|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/C2/2", C2, "Dependencies hold between packages of different clients.")
        .cause("Each connection has its own index, or a copy of it.")
        .presupposes(&["index/S1/1", "index/S3/1"])
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            Ask(B, b"INDEX|{a}|{b}\n", OK),
            Ask(C, b"REMOVE|{b}|\n", FAIL),
            Ask(C, b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
            Ask(B, b"INDEX|{a}|{b}\n", FAIL),
        ]),
    case("index/C2/3", C2, "An open connection sees the changes that other clients make.")
        .cause("The server answers reads from a copy made when the connection was opened.")
        .presupposes(&["index/S1/1"])
        .steps(&[
            Ask(B, b"QUERY|{a}|\n", FAIL),
            ask(b"INDEX|{a}|\n", OK),
            Ask(B, b"QUERY|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            Ask(B, b"QUERY|{a}|\n", FAIL),
            Ask(B, b"INDEX|{b}|{a}\n", FAIL),
        ]),
    case("index/C2/4", C2, "When twenty clients change packages at the same time, no change is lost.")
        .cause("Two simultaneous changes overwrite each other.")
        .presupposes(&["index/S3/1"])
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            Join(20, b"QUERY|{a}n{n}|\n", FAIL),
            AllAsk(20, 5, b"INDEX|{a}n{n}|{b}\n", OK),
            AllAsk(20, 5, b"QUERY|{a}n{n}|\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
            AllAsk(20, 5, b"REMOVE|{a}n{n}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
        ]),
    case(
        "index/C3/1",
        C3,
        "A client that resets its connection in the middle of a line does not affect others, \
             and the incomplete line has no effect.",
    )
    .cause("A read error ends more than the connection, or the server processes the incomplete line.")
    .presupposes(&["index/F2/1", "index/F4/2"])
    .steps(&[
        ask(b"INDEX|{a}|\n", OK),
        Send(A, b"REMOVE|{a}|"),
        Pause(20),
        Reset(A),
        Pause(50),
        Ask(B, b"QUERY|{a}|\n", OK),
    ])
    .alone(),
    case(
        "index/C3/2",
        C3,
        "The completed requests of a client that resets its connection keep their effect.",
    )
    .cause("The server undoes the changes of a connection that breaks.")
    .steps(&[
        ask(b"INDEX|{b}|\n", OK),
        ask(b"INDEX|{a}|{b}\n", OK),
        Reset(A),
        Pause(50),
        Ask(B, b"QUERY|{a}|\n", OK),
        Ask(B, b"REMOVE|{b}|\n", FAIL),
    ])
    .alone(),
    case("index/C3/3", C3, "A client that resets its connection before its reply does not affect others.")
        .cause(
            "The server does not handle the error of a write to a closed connection, or a signal \
             ends the process.",
        )
        .steps(&[
            Send(A, b"INDEX|{a}|\n"),
            Reset(A),
            Send(B, b"QUERY|{a}|\nQUERY|{a}|\nQUERY|{a}|\n"),
            Reset(B),
            Pause(50),
            // The INDEX may take effect at any later time, or never.
            Ask(C, b"QUERY|{a}|\n", OK_OR_FAIL),
            Ask(C, b"REMOVE|{a}|\n", OK),
            Ask(C, b"QUERY|{a}|\n", OK_OR_FAIL),
            Ask(C, b"QUERY|{b}|\n", FAIL),
        ])
        .alone(),
    case("index/C3/4", C3, "A client that ends its stream in the middle of a line does not affect others.")
        .cause("The server does not expect the end of the stream in the middle of a line.")
        .presupposes(&["index/F2/1", "index/F4/1"])
        .steps(&[
            Send(A, b"INDEX|{a}"),
            EndSending(A),
            Close(A),
            Send(B, b"I"),
            Close(B),
            Ask(C, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case(
        "index/C3/5",
        C3,
        "A client that resets its connection while the server writes replies does not affect \
             others.",
    )
    .cause(
        "The server does not handle the error of a write to a closed connection, or a signal \
             ends the process.",
    )
    .steps(&[
        Flood(A, FLOOD, FLOOD.len() * FLOOD_TIMES),
        Reset(A),
        Pause(50),
        Ask(B, b"INDEX|{a}|\n", OK),
        Ask(C, b"QUERY|{a}|\n", OK),
    ])
    .control(&FLOOD_THAT_IS_READ)
    .alone(),
    case(
        "index/C4/1",
        C4,
        "The server releases the resources of a client that connects, sends a request and \
             disconnects.",
    )
    .cause("The server does not close a connection that the client closed.")
    .steps(&[Repeat(
        5,
        &[
            Join(VISITS, b"QUERY|{a}|\n", FAIL),
            AllAsk(VISITS, 1, b"QUERY|{a}|\n", FAIL),
            CloseAll,
            Pause(SETTLE_MS),
            Sample,
        ],
    )])
    .runs(Runs::WithProcess)
    .alone(),
    case(
        "index/C4/2",
        C4,
        "The server releases the resources of requests: the same packages are indexed and \
             removed repeatedly.",
    )
    .cause(
        "The server keeps data for every request, such as a log or an entry that is only \
             marked as removed.",
    )
    .steps(&[Repeat(
        5,
        &[
            Join(VISITS, b"QUERY|{a}|\n", FAIL),
            AllAsk(VISITS, 20, b"INDEX|{a}n{n}|\n", OK),
            AllAsk(VISITS, 20, b"REMOVE|{a}n{n}|\n", OK),
            AllAsk(VISITS, 5, b"LIZARD|{a}n{n}|{x*8000}\n", ERROR),
            CloseAll,
            Pause(SETTLE_MS),
            Sample,
        ],
    )])
    .runs(Runs::WithProcess)
    .alone(),
    case(
        "index/C4/3",
        C4,
        "The server releases the resources of a client that disconnects in the middle of a line.",
    )
    .cause("A thread or task waits indefinitely for the rest of the line.")
    .steps(&[Repeat(
        5,
        &[
            Join(VISITS, b"QUERY|{a}|\n", FAIL),
            AllSend(VISITS, b"QUERY|{a}"),
            CloseAll,
            Pause(SETTLE_MS),
            Sample,
        ],
    )])
    .runs(Runs::WithProcess)
    .alone(),
    case(
        "index/C4/4",
        C4,
        "The server releases the resources of a client that disconnects without a request.",
    )
    .cause("The server closes a connection only after a request, or waits for the first one indefinitely.")
    .steps(&[Repeat(
        5,
        &[
            ConnectCrowd(VISITS, Source::Any),
            // Its reply shows that the connections before it were accepted.
            ask(b"QUERY|{a}|\n", FAIL),
            CloseAll,
            Pause(SETTLE_MS),
            Sample,
        ],
    )])
    .runs(Runs::WithProcess)
    .alone(),
    case(
        "index/C5/1",
        C5,
        "The server drops a client that stops in the middle of a line, after a time limit.",
    )
    .cause("Reads have no deadline.")
    .steps(&[ask(b"QUERY|{a}|\n", FAIL), Send(A, b"QUERY|"), AwaitEnd(A)])
    .runs(Runs::WithStallLimit),
    case("index/C5/2", C5, "The server drops a client that never reads its replies, after a time limit.")
        .cause("Writes have no deadline.")
        .steps(&[
            ask(b"QUERY|{a}|\n", FAIL),
            Flood(B, FLOOD, SYSTEM_BUFFERS_BYTES),
            PauseForStallLimit,
            // Not longer: the flood ends in the middle of a line, for which the target may drop the client too.
            AwaitEndWithin(B, 4000),
            ask(b"QUERY|{a}|\n", FAIL),
        ])
        .needs_block()
        .runs(Runs::WithStallLimit),
];

/// Ten requests in sequence.
const TEN_REQUESTS: Step = Repeat(10, &[ask(b"QUERY|{b}|\n", ANY)]);
