//! The controls of WOW/1: one for each fault that no mutant reveals alone.
//!
//! Each crowd of chaos has addresses of its own, so a control recognizes the clients of its fault.

use std::time::Duration;

use crate::control::{Control, End, Probe, Trace, What};

/// A request for a challenge.
const REQUEST: &[u8] = b"WW\x01\x01\0\0\0\x02{}";

/// The beginning of a solution.
const SOLUTION: &[u8] = b"WW\x01\x03";

/// A frame with a token is longer, in bytes.
const SOLUTION_BYTES_MIN: usize = 100;

/// The first slot of a crowd, which is added to its first address.
const CROWD: u32 = 100;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Returns a control that ends when bytes of a member of a crowd satisfy a condition.
macro_rules! crowd {
    ($fault:literal, $summary:literal, $addresses:expr, |$trace:ident| $is_met:expr) => {
        Control::new($fault, $summary, |moment| {
            let $trace = moment.trace;
            matches!(moment.what, What::Read | What::Unit) && is_of(moment.trace, $addresses) && $is_met
        })
    };
}

/// Returns a control that ends when a connection ends so, and satisfies a condition.
macro_rules! end {
    ($fault:literal, $summary:literal, $end:ident, |$trace:ident, $moment:ident| $is_met:expr) => {
        Control::new($fault, $summary, |$moment| {
            let $trace = $moment.trace;
            $moment.what == What::Ended(End::$end) && $is_met
        })
    };
}

/// Returns a control that ends when a connection of a crowd ends and satisfies a condition.
macro_rules! end_of {
    ($fault:literal, $summary:literal, $addresses:expr, |$trace:ident, $moment:ident| $is_met:expr) => {
        Control::new($fault, $summary, |$moment| {
            let $trace = $moment.trace;
            matches!($moment.what, What::Ended(_)) && is_of($trace, $addresses) && $is_met
        })
    };
}

/// The number of the first address whose packets chaos affects, 127.200.1.1.
const AFFECTED: u32 = 199 * 254 * 254;

/// The first addresses and the sizes of crowds.
const FRAMES: [u32; 2] = [0, 50];

/// All controls, in the order of the faults.
pub const CONTROLS: &[Control] = &[
    crowd!("frames/magic", "a frame has the wrong magic bytes", FRAMES, |trace| {
        trace.bytes == 10 && begins(trace, b"XX\x01\x01")
    }),
    crowd!("frames/version", "a frame has an unsupported version", FRAMES, |trace| begins(trace, b"WW\x09")),
    crowd!("frames/type", "a frame has an unknown type", FRAMES, |trace| begins(trace, b"WW\x01\xff")),
    crowd!("frames/too-long", "a header announces 4,097 bytes", FRAMES, |trace| {
        begins(trace, b"WW\x01\x03\0\0\x10\x01")
    }),
    crowd!("frames/oversized", "a header announces 4 GiB", FRAMES, |trace| {
        begins(trace, b"WW\x01\x03\xff\xff\xff\xff")
    }),
    crowd!("frames/empty", "a request has no payload", FRAMES, |trace| begins(trace, b"WW\x01\x01\0\0\0\0")),
    crowd!("frames/not-utf8", "a payload is not UTF-8", FRAMES, |trace| {
        begins(trace, b"WW\x01\x03\0\0\0\x02\xff\xfe")
    }),
    crowd!("frames/array", "a payload is an array", FRAMES, |trace| begins(
        trace,
        b"WW\x01\x03\0\0\0\x05[1,2]"
    )),
    crowd!("frames/behind", "a payload continues after its object", FRAMES, |trace| {
        begins(trace, b"WW\x01\x01\0\0\0\x04{}{}")
    }),
    crowd!("frames/nested", "a payload has thousands of brackets", FRAMES, |trace| {
        begins(trace, b"WW\x01\x01\0\0\x0f\xa5{\"x\":")
    }),
    crowd!("frames/of-a-server", "a frame is one that only servers send", FRAMES, |trace| {
        begins(trace, b"WW\x01\x04")
    }),
    crowd!("frames/no-token", "the challenge of a solution is no token", FRAMES, |trace| {
        begins(trace, b"WW\x01\x03\0\0\0\x31{\"challenge\":\"AAAA\"")
    }),
    crowd!("frames/http", "a client sends an HTTP request", FRAMES, |trace| begins(trace, b"GET / HTTP/1.1")),
    crowd!("frames/noise-behind", "an invalid frame is followed by 3,000 bytes", FRAMES, |trace| {
        trace.bytes > 3000 && begins(trace, b"XX\x01\x01")
    }),
    crowd!("frames/tls", "a client begins a TLS handshake", FRAMES, |trace| begins(trace, b"\x16\x03\x01")),
    crowd!(
        "clients/dribbling",
        "the second byte of a client arrives more than a second after the first",
        [1_000, 300],
        |trace| { trace.bytes == 2 && trace.partial.gap_max > ms(1200) }
    ),
    end_of!(
        "clients/silent",
        "a client leaves after a second without a byte",
        [2_000, 400],
        |trace, moment| { trace.bytes == 0 && moment.now - trace.opened_at > ms(700) }
    ),
    end_of!("clients/idle", "a client leaves a second after its request", [3_000, 300], |trace, moment| {
        trace.units == 1 && moment.now - trace.read_at > ms(700)
    }),
    crowd!("clients/byte-by-byte", "a request arrives in many parts", [4_000, 200], |trace| {
        trace.units == 1 && trace.last.parts.len() >= 5
    }),
    end_of!(
        "clients/never-finished",
        "a client leaves half a second after it has begun a frame",
        [5_000, 300],
        |trace, moment| { trace.partial.begins_with(SOLUTION) && moment.now - trace.read_at > ms(300) }
    ),
    crowd!("clients/unread", "two requests arrive at once", [6_000, 300], |trace| trace.units_in_read == 2),
    end!("disconnects/reset", "a reset arrives within a solution", Reset, |trace, moment| {
        trace.units == 1 && trace.is_mid_unit() && moment.now - trace.read_at < ms(1000)
    }),
    end!("disconnects/end-of-stream", "the stream ends within a solution", Stream, |trace, moment| {
        trace.address != 0 && trace.units == 1 && trace.is_mid_unit() && moment.now - trace.read_at < ms(600)
    })
    .probes(Probe::AfterEnd),
    end!(
        "disconnects/half-close",
        "the stream ends within a solution, and a reset follows",
        StreamThenReset,
        |trace, _moment| { trace.units == 1 && trace.is_mid_unit() }
    )
    .probes(Probe::AfterEnd),
    Control::new(
        "disconnects/half-close-with-quote-due",
        "the stream ends after a solution, without a reset",
        |moment| moment.what == What::ReadBeforeEnd && moment.trace.units == 2,
    )
    .probes(Probe::BeforeReply),
    end!(
        "disconnects/reset-at-every-offset",
        "a reset arrives within a first header",
        Reset,
        |trace, _moment| { trace.units == 0 && (2..=4).contains(&trace.partial.length) }
    ),
    end!(
        "disconnects/end-at-every-offset",
        "the stream ends within a first header",
        Stream,
        |trace, _moment| { trace.units == 0 && trace.partial.head == b"WW\x01" }
    )
    .probes(Probe::AfterEnd),
    end!(
        "disconnects/half-close-at-every-offset",
        "the stream ends within a first header, and a reset follows",
        StreamThenReset,
        |trace, _moment| { trace.units == 0 && trace.partial.head == b"WW\x01" }
    )
    .probes(Probe::AfterEnd),
    end!("disconnects/many-resets", "a reset arrives after a request", Reset, |trace, _moment| {
        is_of(trace, [7_000, 50]) && trace.units == 1
    }),
    end!("disconnects/crowd-in-mid-frame", "a reset arrives within a frame", Reset, |trace, _moment| {
        is_of(trace, [7_200, 100]) && trace.is_mid_unit()
    }),
    end!(
        "disconnects/crowd-awaiting",
        "a reset arrives after a request whose reply was due",
        Reset,
        |trace, _moment| { is_of(trace, [7_400, 100]) && trace.units == 1 }
    ),
    end_of!(
        "disconnects/crowd-in-order",
        "a client leaves with its challenge",
        [7_600, 100],
        |trace, _moment| { trace.units == 1 }
    ),
    crowd!("crowds/forged", "a first frame is a solution", [8_000, 50], |trace| begins(trace, SOLUTION)),
    crowd!("crowds/requests", "a request of a flood arrives", [8_200, 200], |trace| {
        trace.units == 1 && is_of_many(trace)
    }),
    crowd!("crowds/served", "a solution of a crowd arrives", [9_400, 300], |trace| {
        trace.units == 2 && is_of_many(trace)
    }),
    crowd!("crowds/one-address", "requests arrive from one address", [9_800, 1], |trace| trace.units == 1),
    crowd!("crowds/storm", "a request of a storm arrives", [10_000, 800], |trace| {
        trace.units == 1 && is_of_many(trace)
    }),
    end_of!(
        "crowds/silent-storm",
        "a client of a storm leaves without a byte",
        [11_000, 800],
        |trace, _moment| { trace.bytes == 0 }
    ),
    end!("spending/reset", "a reset arrives after a solution", Reset, |trace, _moment| {
        trace.units == 2 && trace.last.begins_with(SOLUTION)
    }),
    Control::new("spending/equal", "ten connections have sent the same solution", |moment| {
        let trace = moment.trace;
        let is_equal = |other: &&Trace| other.units == 1 && other.last.head == trace.last.head;
        moment.what == What::Unit
            && trace.last.begins_with(SOLUTION)
            && trace.last.length > SOLUTION_BYTES_MIN
            && moment.all.open.values().chain(&moment.all.ended).filter(is_equal).count() >= 10
    }),
    Control::new("spending/equal-in-one-segment", "three solutions arrive at once", |moment| {
        moment.what == What::Read
            && moment.trace.units_in_read >= 3
            && moment.trace.last.begins_with(SOLUTION)
    }),
    crowd!("spending/hoarded", "a solution arrives that was found beforehand", [20_000, 250], |trace| {
        begins(trace, SOLUTION)
    }),
    crowd!(
        "spending/hoarded-in-thousands",
        "a solution arrives that was found beforehand",
        [40_000, 250],
        |trace| { begins(trace, SOLUTION) }
    ),
    Control::new("spending/key-changed", "a solution arrives a second after its challenge", |moment| {
        let trace = moment.trace;
        moment.what == What::Unit
            && trace.units == 2
            && trace.last.begins_with(SOLUTION)
            && (ms(950)..ms(2500)).contains(&trace.waited)
            && !moment.all.was_paused_within(moment.now, trace.waited + ms(200))
    }),
    Control::new("network/latency", "a solution arrives long after its challenge", |moment| {
        let trace = moment.trace;
        moment.what == What::Unit
            && trace.address == 0
            && trace.units == 2
            && (ms(150)..ms(700)).contains(&trace.waited)
            && trace.last.parts.len() <= 2
            && moment.now - trace.opened_at < ms(1000)
            && !moment.all.was_paused_within(moment.now, trace.waited + ms(200))
    }),
    Control::new("network/bandwidth", "a solution arrives slowly", |moment| {
        let trace = moment.trace;
        moment.what == What::Unit
            && trace.address == 0
            && trace.units == 2
            && trace.last.duration() > ms(25)
            && trace.last.gap_max < ms(200)
            && (3..20).contains(&trace.last.parts.len())
    }),
    Control::new("network/slicing", "a solution arrives in many small pieces", |moment| {
        moment.what == What::Unit && moment.trace.units == 2 && moment.trace.last.parts.len() >= 40
    }),
    Control::new(
        "network/joining",
        "two requests arrive at once, and a solution on the same connection",
        |moment| {
            let trace = moment.trace;
            let is_solution = trace.last.begins_with(SOLUTION) && trace.last.length > SOLUTION_BYTES_MIN;
            moment.what == What::Unit
                && trace.address == 0
                && trace.units == 3
                && trace.units_in_read_max == 2
                && is_solution
        },
    ),
    Control::new("network/limit", "a connection ends within the token of a solution", |moment| {
        matches!(moment.what, What::Ended(_))
            && moment.trace.address == 0
            && moment.trace.units == 1
            && moment.trace.partial.begins_with(b"WW\x01\x03\0\0\0\x83{\"challenge\":\"A")
    }),
    end!("network/reset", "a reset arrives after two requests", Reset, |trace, _moment| {
        trace.address == 0 && trace.units == 2 && trace.last.head == REQUEST && trace.bytes == 20
    }),
    end!("network/black-hole", "a reset arrives 250 ms after the only request", Reset, |trace, moment| {
        trace.units == 1 && !trace.is_mid_unit() && moment.now - trace.read_at > ms(250)
    }),
    end!("network/slow-close", "the stream ends 200 ms after the only request", Stream, |trace, moment| {
        trace.address == 0
            && trace.units == 1
            && !trace.is_mid_unit()
            && (ms(180)..ms(300)).contains(&(moment.now - trace.read_at))
    }),
    end!("network/down", "the stream ends after two requests", Stream, |trace, _moment| {
        trace.units == 2 && trace.last.head == REQUEST && trace.bytes == 20
    }),
    Control::new("network/corruption", "a frame differs from a request in one bit", |moment| {
        let trace = moment.trace;
        let differs = |head: &[u8]| differs_in_one_bit(head, REQUEST);
        !is_of(trace, FRAMES)
            && trace.bytes > 20
            && (moment.what == What::Read && differs(&trace.partial.head)
                || moment.what == What::Unit && differs(&trace.last.head))
    }),
    crowd!(
        "packets/loss",
        "a request arrives from an address whose packets are lost",
        [AFFECTED - CROWD, 1],
        |trace| trace.units == 1
    ),
    crowd!(
        "packets/partition",
        "a request arrives from behind a partition",
        [AFFECTED + 1_000, 40],
        |trace| trace.units == 1
    ),
    crowd!(
        "packets/vanished",
        "a request arrives from a client that will vanish",
        [AFFECTED + 2_000, 40],
        |trace| trace.units == 1
    ),
    crowd!(
        "packets/table-full",
        "a request arrives from a client that has connected late",
        [AFFECTED + 4_000, 40],
        |trace| trace.units == 1
    ),
    crowd!(
        "packets/rate-limited",
        "a request arrives from the client with a low rate",
        [AFFECTED + 100 - CROWD, 1],
        |trace| trace.units == 1
    ),
    crowd!(
        "packets/disturbed",
        "a request arrives from the client whose packets are disturbed",
        [AFFECTED + 110 - CROWD, 1],
        |trace| trace.units == 1
    ),
    Control::new(
        "process/stopped",
        "the process was paused for a fraction of a second",
        |moment| matches!(moment.what, What::Paused(pause) if pause < ms(425)),
    ),
    Control::new(
        "process/stopped-crowd",
        "the process was paused for a second and a half",
        |moment| matches!(moment.what, What::Paused(pause) if pause > ms(1200) && pause < ms(2400)),
    ),
    Control::new("process/throttled", "the process was paused three times in a row", |moment| {
        matches!(moment.what, What::Paused(pause) if pause < ms(1000)) && moment.all.pauses == 3
    }),
    Control::new("process/full-disk", "a record cannot be written to the journal", |_moment| false)
        .probes(Probe::Journal),
    Control::new(
        "process/killed-while-solving",
        "the server finds the lock file of a process that has not removed it",
        |moment| moment.all.is_stale,
    ),
    Control::new(
        "process/terminated",
        "after SIGTERM, the server continues, and its replies to requests are UNKNOWN_TYPE",
        |_moment| false,
    )
    .probes(Probe::Term),
    Control::new("process/output-blocked", "a line of the log takes more than a second", |_moment| false)
        .probes(Probe::Log),
    end_of!("resources/visits", "a client has left with its challenge", [50_000, 50], |trace, _moment| trace
        .units
        == 1)
    .leaks(),
    end_of!(
        "resources/quotations",
        "a client has left with its quotation",
        [51_000, 50],
        |trace, _moment| trace.units == 2
    )
    .leaks(),
    end_of!(
        "resources/resets",
        "a client has reset its connection within a frame",
        [52_000, 50],
        |trace, _moment| trace.is_mid_unit()
    )
    .leaks(),
    end_of!("resources/half-frames", "a client has left within a frame", [53_000, 50], |trace, _moment| {
        trace.is_mid_unit()
    })
    .leaks(),
    end_of!("resources/errors", "a client has sent an invalid frame", [54_000, 50], |trace, _moment| trace
        .bytes
        > 0)
    .leaks(),
    end_of!("resources/connections", "a client has left within a frame", [56_000, 50], |trace, _moment| {
        trace.is_mid_unit()
    })
    .grows(),
];

/// Returns whether the client is a member of the crowd with this first address and size.
fn is_of(trace: &Trace, [first, size]: [u32; 2]) -> bool {
    (first + CROWD..first + CROWD + size).contains(&trace.address)
}

/// Returns whether more clients were connected than chaos has at other times: the address of a bystander, which is drawn, may be one of
/// a large crowd.
fn is_of_many(trace: &Trace) -> bool {
    trace.company > 60
}

/// Returns whether the first frame, complete or not, begins with these bytes.
fn begins(trace: &Trace, bytes: &[u8]) -> bool {
    let first = if trace.units == 0 { &trace.partial } else { &trace.last };
    trace.units <= 1 && first.begins_with(bytes)
}

fn differs_in_one_bit(bytes: &[u8], from: &[u8]) -> bool {
    bytes.len() >= from.len()
        && bytes.iter().zip(from).map(|(byte, from)| (byte ^ from).count_ones()).sum::<u32>() == 1
}
