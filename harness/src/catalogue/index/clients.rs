//! C1 to C5: many clients, and what they may cost.

use conformance::case::Step::{
    AllAsk, AllSend, Ask, AwaitEnd, AwaitEndWithin, Close, CloseAll, EndSending, Expect, Flood, Join, Open,
    Pause, PauseForStallLimit, Repeat, Reset, Sample, Send,
};
use conformance::case::{A, ANY, B, C, Case, D, ERROR, FAIL, OK, OK_OR_FAIL, Runs, Step, ask, case};
use conformance::resources::VISITS;
use protocol::Level::Should;
use protocol::index::clauses::{C1, C2, C3, C4, C5};

/// Requests whose replies are as long as they are. Shorter lines would keep a slow target busy for longer than others
/// can wait.
const FLOOD: &[u8] = b"QUERY|z|\n?\n";

/// More than the system holds on its way, replies and requests together: on one machine some 14 MiB.
const FLOOD_BYTES: usize = 32 << 20;

/// How long a target may take to notice that its clients are gone.
const SETTLE_MS: u64 = 300;

pub(super) const CASES: &[Case] = &[
    case("index/C1/1", C1, "A client that is connected and asks nothing does not keep another from being served.")
        .cause("Clients are served one after the other: the next connection is taken when the last is closed.")
        .steps(&[
            Open(A),
            Pause(20),
            Ask(B, b"QUERY|{a}|\n", ANY),
            ask(b"INDEX|{a}|\n", ANY),
            Ask(B, b"QUERY|{a}|\n", ANY),
        ])
        .alone(),
    case("index/C1/2", C1, "A client that is in the middle of a line does not keep another from being served.")
        .cause("The line is read to its end before anybody else is looked at.")
        .steps(&[
            ask(b"QUERY|{a}|\n", ANY),
            Send(A, b"QUERY|"),
            Pause(50),
            Ask(B, b"QUERY|{a}|\n", ANY),
            Ask(C, b"INDEX|{a}|\n", ANY),
            Send(A, b"{a}|\n"),
            Expect(A, &[ANY]),
        ]),
    case("index/C1/3", C1, "A client that does not read its replies does not keep another from being served.")
        .cause("A reply is written while a lock is held, or by a thread that others wait for.")
        .steps(&[
            ask(b"QUERY|{a}|\n", FAIL),
            Flood(B, FLOOD, FLOOD_BYTES),
            ask(b"INDEX|{a}|\n", OK),
            Ask(C, b"QUERY|{a}|\n", OK),
            Close(B),
            Ask(D, b"QUERY|{a}|\n", OK),
        ])
        .needs_block()
        .alone(),
    case("index/C1/4", C1, "A hundred clients are connected, and each is answered.")
        .cause("The number of threads, workers or descriptors is lower than a hundred.")
        .steps(&[
            Join(100, b"QUERY|{a}.{n}|\n", FAIL),
            AllAsk(100, 2, b"INDEX|{a}.{n}|\n", OK),
            AllAsk(100, 2, b"QUERY|{a}.{n}|\n", OK),
            AllAsk(100, 2, b"REMOVE|{a}.{n}|\n", OK),
        ])
        .alone(),
    case("index/C1/5", C1, "Ninety-nine clients stop in the middle of a line, and the hundredth is answered.")
        .cause("Each client in mid-line takes a worker, and there are too few of them.")
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
    case("index/C1/6", C1, "Beside ninety idle clients, another is answered as quickly as alone.")
        .cause("Each connection is looked at in turn, with a time limit for each.")
        .steps(&[
            TEN_ASKED,
            Join(90, b"QUERY|{a}|\n", FAIL),
            Pause(20),
            TEN_ASKED,
        ])
        .compares_latency()
        .at(Should)
        .alone(),

    case("index/C2/1", C2, "What one client indexes, another finds.")
        .cause("Each connection has an index of its own, or a copy.")
        .steps(&[
            Open(B),
            ask(b"INDEX|{a}|\n", OK),
            Ask(B, b"QUERY|{a}|\n", OK),
            Ask(B, b"REMOVE|{a}|\n", OK),
            ask(b"QUERY|{a}|\n", FAIL),
        ]),
    case("index/C2/2", C2, "Dependencies hold between packages of different clients.")
        .cause("Each connection has an index of its own, or a copy.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            Ask(B, b"INDEX|{a}|{b}\n", OK),
            Ask(C, b"REMOVE|{b}|\n", FAIL),
            Ask(C, b"REMOVE|{a}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
            Ask(B, b"INDEX|{a}|{b}\n", FAIL),
        ]),
    case("index/C2/3", C2, "A connection that has been open for a while sees what changed meanwhile.")
        .cause("Reads are answered from a copy that was made when the connection was opened.")
        .steps(&[
            Ask(B, b"QUERY|{a}|\n", FAIL),
            ask(b"INDEX|{a}|\n", OK),
            Ask(B, b"QUERY|{a}|\n", OK),
            ask(b"REMOVE|{a}|\n", OK),
            Ask(B, b"QUERY|{a}|\n", FAIL),
            Ask(B, b"INDEX|{b}|{a}\n", FAIL),
        ]),
    case("index/C2/4", C2, "Of twenty clients that change packages at the same time, each change is there afterwards.")
        .cause("Two changes at the same time write over each other.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            Join(20, b"QUERY|{a}.{n}|\n", FAIL),
            AllAsk(20, 5, b"INDEX|{a}.{n}|{b}\n", OK),
            AllAsk(20, 5, b"QUERY|{a}.{n}|\n", OK),
            ask(b"REMOVE|{b}|\n", FAIL),
            AllAsk(20, 5, b"REMOVE|{a}.{n}|\n", OK),
            ask(b"REMOVE|{b}|\n", OK),
        ]),

    case("index/C3/1", C3, "A client that vanishes in the middle of a line harms nobody, and its half line is nothing.")
        .cause("A read error ends more than the connection, or what was read so far is handled.")
        .steps(&[
            ask(b"INDEX|{a}|\n", OK),
            Send(A, b"REMOVE|{a}|"),
            Pause(20),
            Reset(A),
            Pause(50),
            Ask(B, b"QUERY|{a}|\n", OK),
        ])
        .alone(),
    case("index/C3/2", C3, "What a client completed before it vanished stands.")
        .cause("What a connection did is taken back when it breaks.")
        .steps(&[
            ask(b"INDEX|{b}|\n", OK),
            ask(b"INDEX|{a}|{b}\n", OK),
            Reset(A),
            Pause(50),
            Ask(B, b"QUERY|{a}|\n", OK),
            Ask(B, b"REMOVE|{b}|\n", FAIL),
        ])
        .alone(),
    case("index/C3/3", C3, "A client that vanishes before its reply comes harms nobody.")
        .cause("Writing to a connection that is gone is an error that nobody handles, or a signal that ends the server.")
        .steps(&[
            Send(A, b"INDEX|{a}|\n"),
            Reset(A),
            Send(B, b"QUERY|{a}|\nQUERY|{a}|\nQUERY|{a}|\n"),
            Reset(B),
            Pause(50),
            Ask(C, b"QUERY|{a}|\n", OK_OR_FAIL),
            Ask(C, b"REMOVE|{a}|\n", OK),
            Ask(C, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),
    case("index/C3/4", C3, "A client that ends its stream in the middle of a line harms nobody.")
        .cause("The end of the stream is not expected there.")
        .steps(&[
            Send(A, b"INDEX|{a}"),
            EndSending(A),
            Close(A),
            Send(B, b"I"),
            Close(B),
            Ask(C, b"QUERY|{a}|\n", FAIL),
        ])
        .alone(),

    case("index/C3/5", C3, "A client that vanishes while it is being answered harms nobody.")
        .cause("Writing to a connection that is gone is an error that nobody handles, or a signal that ends the server.")
        .steps(&[
            Flood(A, FLOOD, 1 << 20),
            Reset(A),
            Pause(50),
            Ask(B, b"INDEX|{a}|\n", OK),
            Ask(C, b"QUERY|{a}|\n", OK),
        ])
        .alone(),
    case("index/C4/1", C4, "What a client costs that comes, asks and leaves is given back.")
        .cause("A connection that was closed by the client is not closed by the server.")
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
    case("index/C4/2", C4, "What a request costs is given back: the same packages indexed and removed again.")
        .cause("Something is kept of each request, such as a log, or an entry that is only marked as removed.")
        .steps(&[Repeat(
            5,
            &[
                Join(VISITS, b"QUERY|{a}|\n", FAIL),
                AllAsk(VISITS, 20, b"INDEX|{a}.{n}|\n", OK),
                AllAsk(VISITS, 20, b"REMOVE|{a}.{n}|\n", OK),
                AllAsk(VISITS, 5, b"LIZARD|{a}.{n}|{x*8000}\n", ERROR),
                CloseAll,
                Pause(SETTLE_MS),
                Sample,
            ],
        )])
        .runs(Runs::WithProcess)
        .alone(),
    case("index/C4/3", C4, "What a client costs that leaves in the middle of a line is given back.")
        .cause("A thread or a task waits for the rest of the line for ever.")
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

    case("index/C5/1", C5, "A client that stops in the middle of a line is dropped after a time.")
        .cause("Reading has no deadline.")
        .steps(&[ask(b"QUERY|{a}|\n", FAIL), Send(A, b"QUERY|"), AwaitEnd(A)])
        .runs(Runs::WithStallLimit),
    case("index/C5/2", C5, "A client that never reads its replies is dropped after a time.")
        .cause("Writing has no deadline.")
        .steps(&[
            ask(b"QUERY|{a}|\n", FAIL),
            Flood(B, FLOOD, FLOOD_BYTES),
            PauseForStallLimit,
            // Not longer: what was sent ends in the middle of a line, for which the target may drop it too.
            AwaitEndWithin(B, 4000),
            ask(b"QUERY|{a}|\n", FAIL),
        ])
        .needs_block()
        .runs(Runs::WithStallLimit),
];

/// Ten requests, one after the other.
const TEN_ASKED: Step = Repeat(10, &[ask(b"QUERY|{b}|\n", ANY)]);
