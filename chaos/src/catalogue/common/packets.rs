//! Lost, late and repeated packets: faults that the network makes below TCP.
//!
//! They need `--packets`. A fault counts only if it affected a packet.

use conformance::case::Allowed;
use conformance::case::B;
use conformance::case::Step;
use conformance::case::Step::Act;
use conformance::case::Step::AllAsk;
use conformance::case::Step::AllSend;
use conformance::case::Step::Ask;
use conformance::case::Step::Close;
use conformance::case::Step::CloseAll;
use conformance::case::Step::ConnectCrowd;
use conformance::case::Step::OpenFrom;
use conformance::case::Step::Pause;
use conformance::case::Step::Repeat;
use conformance::case::Step::ResetCrowd;
use conformance::case::Template;
use driver::moves::Act as Action;
use driver::moves::Slot;
use protocol::Clause;

use crate::fault::{Fault, State};
use crate::packets::{Discipline, PacketFault, affected, affected_client};

/// The requests of one protocol.
pub(crate) trait PacketTraffic {
    /// The states in which the faults are made.
    const STATES: &'static [State];
    /// The clause about clients that are served at the same time.
    const CONCURRENCY: Clause;
    /// The clause about clients that disconnect.
    const DISCONNECTION: Clause;
    /// A request, which a client may repeat, and its reply.
    const REQUEST: Template;
    const REPLY: Allowed;
    /// How often a client may repeat the request.
    const TIMES: usize;
}

const END: Step = Act(Action::EndCondition);

/// The number of clients behind a partition.
const CROWD: Slot = 40;

/// Holds the rows for one protocol's traffic.
pub(crate) struct PacketFaults<T>(T);

impl<T: PacketTraffic> PacketFaults<T> {
    const ASK: Step = Ask(B, T::REQUEST, T::REPLY);
    const LOSS: &'static [Step] = &[
        Act(PacketFault::Loss.begin()),
        Repeat(15, &[OpenFrom(B, affected_client(0)), Repeat(T::TIMES, &[Self::ASK]), Close(B)]),
        END,
    ];
    const PARTITION: &'static [Step] = &[
        ConnectCrowd(CROWD, affected(1_000)),
        Act(PacketFault::Partition.begin()),
        AllSend(CROWD, T::REQUEST),
        Pause(2000),
        END,
        // The system sends the lost requests again; their replies come first.
        AllAsk(CROWD, 1, T::REQUEST, T::REPLY),
        CloseAll,
    ];
    const VANISHED: &'static [Step] = &[
        ConnectCrowd(CROWD, affected(2_000)),
        AllAsk(CROWD, 1, T::REQUEST, T::REPLY),
        Act(PacketFault::RepliesLost.begin()),
        AllSend(CROWD, T::REQUEST),
        Pause(100),
        END,
        // The resets are lost, and nothing tells the target that its clients are gone.
        Act(PacketFault::Partition.begin()),
        ResetCrowd(CROWD),
        Pause(2000),
        END,
        // The target sends its replies again, and learns it.
        Pause(1500),
    ];

    const TABLE_FULL: &'static [Step] = &[
        ConnectCrowd(CROWD / 2, affected(3_000)),
        Act(PacketFault::NewLost.begin()),
        AllAsk(CROWD / 2, 1, T::REQUEST, T::REPLY),
        CloseAll,
        // They connect once their packets are sent again.
        ConnectCrowd(CROWD, affected(4_000)),
        END,
        AllAsk(CROWD, 1, T::REQUEST, T::REPLY),
        CloseAll,
    ];
    const RATE_LIMITED: &'static [Step] = &Self::for_all(PacketFault::RateLimited, 100);
    const DISTURBED: &'static [Step] = &Self::for_all(PacketFault::Disturbed, 110);

    /// Returns the steps of a fault that concerns all clients. One of them has an address of its own.
    const fn for_all(fault: PacketFault, client: u32) -> [Step; 7] {
        [
            Act(fault.begin()),
            OpenFrom(B, affected_client(client)),
            Repeat(T::TIMES, &[Self::ASK]),
            Close(B),
            Pause(1500),
            END,
            // What was lost or delayed is sent again.
            Pause(500),
        ]
    }

    /// All rows, in order.
    pub(crate) const ROWS: &'static [Fault] = &[
        Self::row(
            "packets/loss",
            T::CONCURRENCY,
            "The network loses packets of a client, and they are sent again.",
        )
        .parameters("every tenth packet in each direction, 15 connections")
        .steps(Self::LOSS),
        Self::row(
            "packets/partition",
            T::CONCURRENCY,
            "Some clients cannot reach the target for a while, and their requests arrive late.",
        )
        .parameters("40 clients, 2 s")
        .steps(Self::PARTITION),
        Self::row(
            "packets/vanished",
            T::DISCONNECTION,
            "Some clients are gone while replies are due, and nothing tells the target.",
        )
        .parameters("40 clients, 2 s")
        .steps(Self::VANISHED),
        Self::row(
            "packets/table-full",
            T::CONCURRENCY,
            "A table of connections on the path is full: connected clients are served, and others connect later.",
        )
        .parameters("20 connected clients and 40 others, 0.7 s")
        .steps(Self::TABLE_FULL),
        Self::row("packets/rate-limited", T::CONCURRENCY, "All clients share a low rate, and some packets are lost.")
            .parameters("512 kbit/s, 1.5 s")
            .steps(Self::RATE_LIMITED)
            .of_discipline(Discipline::Tbf)
            .beyond_promises(),
        Self::row(
            "packets/disturbed",
            T::CONCURRENCY,
            "The network delays the packets of all clients; some overtake others, and some arrive twice.",
        )
        .parameters("20 ms ± 10 ms in each direction, a quarter at once, 5% twice; 1.5 s")
        .steps(Self::DISTURBED)
        .of_discipline(Discipline::Netem)
        .beyond_promises(),
    ];

    const fn row(id: &'static str, clause: Clause, summary: &'static str) -> Fault {
        Fault::new(id, clause, summary, T::STATES).of_packets()
    }
}
