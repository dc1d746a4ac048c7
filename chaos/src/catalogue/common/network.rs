//! Impaired paths between one client and the target.
//!
//! The client at fault connects through the relay, so that the impairment affects no other client. A fault counts only
//! if the relay altered the traffic: ending the impairment fails otherwise.

use conformance::case::B;
use conformance::case::Step;
use conformance::case::Step::Act;
use conformance::case::Step::Close;
use conformance::case::Step::OpenAlternate;
use conformance::case::Step::Pause;
use conformance::case::Step::Reset;
use driver::moves::Act as Action;
use protocol::Clause;

use crate::fault::{Fault, State};
use crate::network_fault::NetworkFault;

/// The traffic of client `B` under each impairment, in the requests of one protocol.
pub(crate) trait Traffic {
    /// The states in which the faults are made.
    const STATES: &'static [State];
    /// The clause about clients that are served at the same time.
    const CONCURRENCY: Clause;
    /// The clause about requests that arrive in pieces.
    const FRAGMENTATION: Clause;
    /// The clause about several requests that arrive at once.
    const COALESCING: Clause;
    /// The clause about clients that disconnect.
    const DISCONNECTION: Clause;
    /// The clause about arbitrary input.
    const ARBITRARY_INPUT: Clause;
    /// Opens the connection of a client whose requests all arrive unaltered.
    const CONNECT: Step = OpenAlternate(B);
    /// Opens the connection and receives a first reply.
    const CONNECT_AND_ASK: Step;
    /// Requests whose replies are delayed.
    const DELAYED: Step;
    /// Requests on a path with a limited rate.
    const RATE_LIMITED: Step;
    /// Requests that arrive in pieces.
    const SLICED: Step;
    /// A request that is sent in parts and arrives as one piece.
    const JOINED: Step;
    /// A request that is longer than the byte limit; its replies are not examined.
    const TOO_LONG: Step;
    /// Requests that are cut off; their replies are not examined.
    const CUT_OFF: Step;
    /// A request that is lost.
    const LOST: Step;
    /// Requests whose bytes are altered; their replies are not examined.
    const CORRUPTED: Step;
}

const fn begin(fault: NetworkFault) -> Step {
    Act(fault.begin())
}

const END: Step = Act(Action::EndCondition);

/// Holds the rows for one protocol's traffic.
pub(crate) struct NetworkFaults<T>(T);

impl<T: Traffic> NetworkFaults<T> {
    const LATENCY: &'static [Step] = &[T::CONNECT, begin(NetworkFault::Latency), T::DELAYED, END];
    const BANDWIDTH: &'static [Step] = &[T::CONNECT, begin(NetworkFault::Bandwidth), T::RATE_LIMITED, END];
    const SLICING: &'static [Step] = &[T::CONNECT, begin(NetworkFault::Slicer), T::SLICED, END];
    const JOINING: &'static [Step] = &[T::CONNECT, begin(NetworkFault::Joining), T::JOINED, END];
    const LIMIT: &'static [Step] =
        &[T::CONNECT_AND_ASK, begin(NetworkFault::LimitData), T::TOO_LONG, Pause(100), Close(B), END];
    const RESET: &'static [Step] =
        &[T::CONNECT_AND_ASK, begin(NetworkFault::ResetPeer), T::CUT_OFF, Pause(100), Close(B), END];
    const BLACK_HOLE: &'static [Step] =
        &[T::CONNECT_AND_ASK, begin(NetworkFault::BlackHole), T::LOST, Pause(300), Reset(B), END];
    const SLOW_CLOSE: &'static [Step] =
        &[T::CONNECT_AND_ASK, begin(NetworkFault::SlowClose), Close(B), Pause(250), END];
    const DOWN: &'static [Step] =
        &[T::CONNECT_AND_ASK, T::CUT_OFF, Pause(25), begin(NetworkFault::Down), Pause(100), Close(B), END];
    const CORRUPTION: &'static [Step] =
        &[T::CONNECT_AND_ASK, begin(NetworkFault::Corruption), T::CORRUPTED, Pause(100), Reset(B), END];

    /// All rows, in order.
    pub(crate) const ROWS: &'static [Fault] = &[
        row::<T>("network/latency", T::CONCURRENCY, "The path delays data in both directions.")
            .parameters("100 ms ± 20 ms in each direction")
            .steps(Self::LATENCY),
        row::<T>("network/bandwidth", T::CONCURRENCY, "The path has a low rate in both directions.")
            .parameters("1 kB per second in each direction")
            .steps(Self::BANDWIDTH),
        row::<T>("network/slicing", T::FRAGMENTATION, "The path cuts requests into small pieces.")
            .parameters("1 to 3 bytes, 1 ms apart")
            .steps(Self::SLICING),
        row::<T>("network/joining", T::COALESCING, "The path delivers parts of a request as one piece.")
            .parameters("data of 50 ms")
            .steps(Self::JOINING),
        row::<T>("network/limit", T::DISCONNECTION, "The path closes in the middle of a request.")
            .parameters("after 25 bytes")
            .steps(Self::LIMIT),
        row::<T>("network/reset", T::DISCONNECTION, "The path is reset while requests are in transit.")
            .parameters("after 20 ms")
            .steps(Self::RESET),
        row::<T>("network/black-hole", T::CONCURRENCY, "The path loses all data in both directions.")
            .parameters("for 300 ms")
            .steps(Self::BLACK_HOLE),
        row::<T>("network/slow-close", T::DISCONNECTION, "The path delays the end of the client's stream.")
            .parameters("by 200 ms")
            .steps(Self::SLOW_CLOSE),
        row::<T>("network/down", T::DISCONNECTION, "The path fails while a client awaits a reply.")
            .parameters("for 100 ms")
            .steps(Self::DOWN),
        row::<T>("network/corruption", T::ARBITRARY_INPUT, "The path flips bits of requests.")
            .parameters("1,000 bytes; one bit in 5% of them")
            .steps(Self::CORRUPTION),
    ];
}

const fn row<T: Traffic>(id: &'static str, clause: Clause, summary: &'static str) -> Fault {
    Fault::new(id, clause, summary, T::STATES)
}
