//! The controls of the package index: one for each fault that no mutant reveals alone.

use std::time::Duration;

use crate::control::{Control, End, Moment, Probe, Trace, Unit, What};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Returns a control that ends when a line satisfies a condition.
macro_rules! line {
    ($fault:literal, $summary:literal, |$line:ident| $is_met:expr) => {
        Control::new($fault, $summary, |moment| {
            let $line = &moment.trace.last;
            moment.what == What::Unit && $is_met
        })
    };
}

/// Returns a control that ends when a request arrives from one of these addresses, whose packets chaos affects.
macro_rules! affected {
    ($fault:literal, $summary:literal, $first:literal, $count:literal) => {
        Control::new($fault, $summary, |moment| {
            let number = moment.trace.address.wrapping_sub(AFFECTED);
            moment.what == What::Unit && ($first..$first + $count).contains(&number)
        })
    };
}

/// The number of the first address whose packets chaos affects, 127.200.1.1.
const AFFECTED: u32 = 199 * 254 * 254;

/// Returns a control that ends when a connection ends so, and satisfies a condition.
macro_rules! end {
    ($fault:literal, $summary:literal, $end:ident, |$moment:ident| $is_met:expr) => {
        Control::new($fault, $summary, |$moment| $moment.what == What::Ended(End::$end) && $is_met)
    };
}

/// All controls, in the order of the faults.
pub const CONTROLS: &[Control] = &[
    Control::new("lines/at-once", "ten requests arrive at once, after one", |moment| {
        moment.what == What::Read && moment.trace.units == 11 && moment.trace.units_in_read == 10
    }),
    line!("lines/fields-missing", "a line is a command alone", |line| line.head == b"INDEX"),
    line!("lines/fields-doubled", "a line contains its command twice", |line| line
        .begins_with(b"INDEX|INDEX|")),
    line!("lines/fields-swapped", "a line begins with a bar and ends with a command", |line| {
        line.begins_with(b"|") && line.head.ends_with(b"|INDEX")
    }),
    line!("lines/separators", "a line consists of two bars", |line| line.head == b"||"),
    line!("lines/no-package", "a REMOVE contains no package", |line| line.head == b"REMOVE||"),
    line!("lines/other-case", "a command ends in lower case", |line| line.begins_with(b"INDEx|")),
    line!("lines/prefixes", "a command has an additional byte", |line| line.begins_with(b"INDEXX|")),
    line!("lines/nul-bytes", "a line is a NUL byte", |line| line.head == b"\0"),
    line!("lines/control-bytes", "a line begins with an escape sequence", |line| line
        .begins_with(b"\x1b[2J")),
    line!("lines/not-utf8", "a line begins with bytes that are not UTF-8", |line| line
        .begins_with(b"\xff\xfe\xfd")),
    line!("lines/name-of-100-bytes", "a QUERY has a name of 100 bytes", |line| is_query_of(line, 100)),
    line!("lines/name-of-255-bytes", "a QUERY has a name of 255 bytes", |line| is_query_of(line, 255)),
    line!("lines/name-of-256-bytes", "a QUERY has a name of 256 bytes", |line| is_query_of(line, 256)),
    line!("lines/name-of-65535-bytes", "a QUERY has a name of 65,535 bytes", |line| is_query_of(
        line, 65_535
    )),
    line!("lines/name-of-65536-bytes", "a QUERY has a name of 65,536 bytes", |line| is_query_of(
        line, 65_536
    )),
    line!("lines/name-of-a-megabyte", "an INDEX has a name of a megabyte", |line| {
        line.length > 1_000_000 && line.begins_with(b"INDEX|") && line.bars() == 1
    }),
    line!("lines/dependencies", "an INDEX has dependencies of a megabyte", |line| {
        line.length > 1_000_000 && line.begins_with(b"INDEX|") && line.bars() == 2
    }),
    Control::new("lines/empty", "a thousand empty lines follow each other", |moment| {
        moment.trace.empty_in_a_row == 1000
    }),
    Control::new("lines/endless", "a client leaves after 8 to 32 MiB without a line end", |moment| {
        matches!(moment.what, What::Ended(_)) && (8 << 20..32 << 20).contains(&moment.trace.partial.length)
    }),
    line!("lines/noise", "a line is UTF-16", |line| line.begins_with(b"\xfe\xff\0I")),
    line!("lines/http", "a line is the first of an HTTP request", |line| line.begins_with(b"GET / HTTP/1.1")),
    line!("lines/tls", "a line begins as a TLS handshake does", |line| line.begins_with(b"\x16\x03\x01")),
    line!("lines/too-long", "a QUERY has a name of 200,000 bytes", |line| {
        line.begins_with(b"QUERY|") && (200_000..300_000).contains(&line.length)
    }),
    Control::new("lines/queries", "a client sends thirty invalid requests between valid ones", |moment| {
        moment.what == What::Unit && moment.trace.lizards == 30 && moment.trace.last.length < 100
    }),
    line!("writers/byte-by-byte", "a line arrives byte by byte, over 8 ms for each", |line| {
        let count = line.parts.len();
        count >= 10
            && line.length < 100
            && line.parts[..count - 1].iter().all(|&part| part == 1)
            && line.duration() > ms(8) * u32::try_from(count - 1).unwrap_or(u32::MAX)
    }),
    line!("writers/pauses", "a line arrives in parts of five bytes", |line| {
        let count = line.parts.len();
        count >= 3 && line.parts[..count - 1].iter().all(|&part| part == 5)
    }),
    line!("writers/pause-within-line", "a client pauses for more than a second within a line", |line| {
        (ms(1200)..ms(2500)).contains(&line.gap_max)
    }),
    line!("writers/crowd-byte-by-byte", "a line of more than 500 bytes arrives byte by byte", |line| {
        line.parts.len() > 300 && (500..1000).contains(&line.length)
    }),
    Control::new(
        "writers/never-finished",
        "a client leaves more than a second after it has begun a line",
        |moment| {
            let trace = moment.trace;
            moment.what == What::Ended(End::Stream)
                && trace.units == 0
                && trace.partial.begins_with(b"INDEX|")
                && moment.now - trace.partial.begun_at > ms(1200)
        },
    ),
    Control::new(
        "writers/many-never-finished",
        "forty clients leave half a second after they have begun a line",
        |moment| {
            moment.what == What::Ended(End::Stream)
                && moment.all.ended_within(ms(1000), |trace, end| {
                    end == End::Stream && trace.is_mid_unit() && ended_after(trace) > ms(300)
                }) >= 40
        },
    ),
    end!("disconnects/reset", "a reset arrives within a second line", Reset, |moment| {
        let partial = &moment.trace.partial;
        moment.trace.units == 1
            && partial.head.ends_with(b"|")
            && partial.begins_with(b"INDEX|")
            && partial.bars() == 2
    }),
    end!(
        "disconnects/end-of-stream",
        "a client closes its connection right after an INDEX",
        Stream,
        |moment| { is_index_after_a_query(moment) }
    )
    .probes(Probe::AfterEnd),
    end!(
        "disconnects/half-close",
        "a client half-closes its connection right after an INDEX, and resets it later",
        StreamThenReset,
        |moment| { is_index_after_a_query(moment) }
    )
    .probes(Probe::AfterEnd),
    Control::new(
        "disconnects/half-close-with-reply-due",
        "the stream ends right after a second QUERY",
        |moment| {
            moment.what == What::ReadBeforeEnd && moment.trace.units == 2 && moment.trace.not_queries == 0
        },
    )
    .probes(Probe::BeforeReply),
    end!("disconnects/reset-at-every-offset", "a reset arrives within the first command", Reset, |moment| {
        moment.trace.partial.head == b"INDE" && moment.trace.units == 0
    }),
    end!("disconnects/end-at-every-offset", "the stream ends within the first command", Stream, |moment| {
        moment.trace.partial.head == b"INDE" && moment.trace.units == 0
    }),
    end!(
        "disconnects/replies-unread",
        "a reset arrives after hundreds of requests at once",
        Reset,
        |moment| {
            let trace = moment.trace;
            trace.bytes == 0 || trace.units_in_read_max >= 50 && trace.units <= 500 && trace.not_queries == 0
        }
    ),
    end!("disconnects/replies-unread-in-order", "the stream ends after 500 requests", Stream, |moment| {
        moment.trace.units == 500 && moment.trace.not_queries == 0
    }),
    end!(
        "disconnects/many-resets",
        "500 clients reset their connections after one request",
        Reset,
        |moment| {
            moment.all.ended_within(ms(20_000), |trace, end| {
                end == End::Reset && trace.units == 1 && !trace.is_mid_unit()
            }) >= 500
        }
    ),
    end!(
        "disconnects/many-ends",
        "900 clients leave after one request, of few that are connected at a time",
        Stream,
        |moment| { is_row_of_ends(moment) }
    ),
    end!(
        "disconnects/crowd-in-mid-line",
        "thirty clients reset their connections within their second line",
        Reset,
        |moment| {
            moment.all.ended_within(ms(2000), |trace, end| {
                end == End::Reset
                    && trace.units == 1
                    && trace.partial.begins_with(b"INDEX|")
                    && trace.partial.bars() == 1
            }) >= 30
        }
    ),
    end!(
        "disconnects/crowd-awaiting",
        "several clients reset their connections after a second QUERY",
        Reset,
        |moment| {
            moment.all.ended_within(ms(2000), |trace, end| {
                end == End::Reset && trace.units == 2 && trace.not_queries == 0 && !trace.is_mid_unit()
            }) >= 3
        }
    ),
    end!("crowds/sixty", "forty clients leave after eleven requests", Stream, |moment| are_with_units(
        moment, 11
    )),
    end!("crowds/storm", "more than 300 clients are connected, and fewer than 500", Stream, |moment| {
        (310..500).contains(&moment.all.open_max)
    }),
    end!("crowds/idle", "more than 800 clients are connected", Stream, |moment| moment.all.open_max > 800),
    Control::new("crowds/lines-at-once", "a client sends 5,000 valid requests in a short time", |moment| {
        moment.what == What::Unit
            && moment.trace.units == 5000
            && moment.trace.not_queries == 0
            && moment.now - moment.trace.opened_at < ms(20_000)
    }),
    end!("crowds/one-package", "twenty clients leave after a REMOVE, their 21st request", Stream, |moment| {
        moment.all.ended_within(ms(2000), |trace, _| trace.units == 21 && trace.last.begins_with(b"REMOVE|"))
            >= 20
    }),
    end!("crowds/pipelines", "forty clients leave after 41 requests", Stream, |moment| are_with_units(
        moment, 41
    )),
    Control::new(
        "network/latency",
        "two requests of a client each arrive long after the one before",
        |moment| {
            let trace = moment.trace;
            moment.what == What::Unit
                && trace.units == 3
                && trace.after_pauses >= 2
                // A client that asks once in a second is another fault.
                && moment.now - trace.opened_at < ms(1900)
                && trace.not_queries == 0
                && !trace.is_served_normally()
        },
    ),
    end!(
        "network/bandwidth",
        "a reset arrives after some requests whose bytes arrived slowly",
        Reset,
        |moment| {
            let trace = moment.trace;
            (2..=21).contains(&trace.units)
                && trace.not_queries == 0
                && !trace.is_served_normally()
                && trace.read_at - trace.opened_at > ms(150)
                && trace.units_in_read_max < 10
        }
    ),
    line!("network/slicing", "a short line arrives in at least six pieces, less than 4 ms apart", |line| {
        let later = u32::try_from(line.parts.len()).unwrap_or(u32::MAX) - 1;
        later >= 5 && line.length < 100 && line.duration() < ms(4) * later
    }),
    end!(
        "network/joining",
        "the second and last QUERY has arrived as one piece, 45 ms after the first",
        Stream,
        |moment| {
            let trace = moment.trace;
            trace.units == 2
                && trace.not_queries == 0
                && trace.last.parts.len() == 1
                && !trace.is_served_normally()
                && (ms(45)..ms(150)).contains(&(trace.last.begun_at - trace.opened_at))
        }
    ),
    end!("network/limit", "the stream ends within the dependencies of a second request", Stream, |moment| {
        let partial = &moment.trace.partial;
        moment.trace.units == 1
            && partial.begins_with(b"INDEX|")
            && partial.bars() == 2
            && partial.length < 100
            && !partial.head.ends_with(b"|")
    }),
    end!("network/reset", "a reset arrives after some requests", Reset, |moment| {
        let trace = moment.trace;
        (3..10).contains(&trace.units)
            && trace.not_queries == 0
            && !trace.is_served_normally()
            && trace.read_at - trace.opened_at < ms(150)
    }),
    end!("network/black-hole", "a reset arrives 250 ms after the only request", Reset, |moment| {
        moment.trace.units == 1 && !moment.trace.is_mid_unit() && moment.now - moment.trace.read_at > ms(250)
    }),
    end!(
        "network/slow-close",
        "the stream of a client ends 200 ms after its only request, while one that came before it stays",
        Stream,
        |moment| {
            let trace = moment.trace;
            let is_before = |other: &Trace| other.units == 1 && trace.opened_at - other.opened_at < ms(50);
            trace.units == 1
                && trace.company < 60
                && !trace.is_served_normally()
                && (ms(180)..ms(400)).contains(&(moment.now - trace.read_at))
                && moment.all.open.values().any(|other| other.opened_at < trace.opened_at && is_before(other))
        }
    ),
    end!("network/down", "the stream ends after some requests at once", Stream, |moment| {
        let trace = moment.trace;
        (3..10).contains(&trace.units)
            && trace.units_in_read_max >= 3
            && trace.not_queries == 0
            && !trace.is_served_normally()
    }),
    line!("network/corruption", "a command differs from QUERY in one bit", |line| differs_in_one_bit(
        &line.head, b"QUERY|"
    )),
    affected!("packets/loss", "a request arrives from an address whose packets are lost", 0, 1),
    affected!("packets/partition", "a request arrives from behind a partition", 1_100, 40),
    affected!("packets/vanished", "a request arrives from a client that will vanish", 2_100, 40),
    affected!("packets/table-full", "a request arrives from a client that has connected late", 4_100, 40),
    affected!("packets/rate-limited", "a request arrives from the client with a low rate", 100, 1),
    affected!("packets/disturbed", "a request arrives from the client whose packets are disturbed", 110, 1),
    Control::new(
        "process/stopped",
        "the process was paused for a fraction of a second",
        |moment| matches!(moment.what, What::Paused(pause) if pause < ms(425)),
    ),
    Control::new("process/throttled", "the process was paused three times in a row", |moment| {
        matches!(moment.what, What::Paused(pause) if pause < ms(1000)) && moment.all.pauses == 3
    }),
    Control::new("process/full-disk", "a record cannot be written to the journal", |_moment| false)
        .probes(Probe::Journal),
    Control::new(
        "process/killed",
        "the server finds the lock file of a process that has not removed it",
        |moment| moment.all.is_stale,
    ),
    end!("resources/visits", "a client of a crowd has left after one request", Stream, |moment| {
        moment.trace.units == 1 && moment.trace.company >= 40 && !moment.trace.is_mid_unit()
    })
    .leaks(),
    end!("resources/resets", "a client has reset its connection within its second line", Reset, |moment| {
        moment.trace.units == 1 && moment.trace.partial.head == b"QUERY|"
    })
    .leaks(),
    end!(
        "resources/half-lines",
        "the stream of a client has ended within its second line",
        Stream,
        |moment| { moment.trace.units == 1 && moment.trace.partial.begins_with(b"QUERY|") }
    )
    .leaks(),
    Control::new("resources/endless-line", "a line exceeds 64 MiB", |moment| {
        moment.what == What::Read && moment.trace.partial.length > 64 << 20
    }),
];

fn is_query_of(line: &Unit, name_bytes: usize) -> bool {
    line.begins_with(b"QUERY|") && line.length == b"QUERY||".len() + name_bytes
}

fn is_index_after_a_query(moment: &Moment<'_>) -> bool {
    let trace = moment.trace;
    trace.units == 2
        && trace.not_queries == 1
        && trace.last.begins_with(b"INDEX|")
        && !trace.is_served_normally()
        && trace.last.bars() == 2
        && trace.last.head.ends_with(b"|")
        && moment.now - trace.read_at < ms(172)
}

/// Returns how long after its last read a connection ended.
fn ended_after(trace: &Trace) -> Duration {
    trace.end.map_or(Duration::ZERO, |(_, at)| at - trace.read_at)
}

/// Returns whether forty clients have left after this number of requests.
fn are_with_units(moment: &Moment<'_>, lines: usize) -> bool {
    moment.all.ended_within(ms(3000), |trace, end| end == End::Stream && trace.units == lines) >= 40
}

/// Returns whether the last 900 clients have all left after one request, and few were connected at a time.
fn is_row_of_ends(moment: &Moment<'_>) -> bool {
    const ENDS: usize = 900;
    let mut later = moment.now;
    let is_visit = |trace: &Trace| {
        let Some((end, at)) = trace.end else { return false };
        let is_soon = later - at < ms(200);
        later = at;
        end == End::Stream && trace.units == 1 && trace.company < 150 && !trace.is_mid_unit() && is_soon
    };
    moment.all.ended.iter().rev().map(is_visit).take_while(|is| *is).take(ENDS).count() == ENDS
}

fn differs_in_one_bit(bytes: &[u8], from: &[u8]) -> bool {
    bytes.len() > from.len()
        && bytes.iter().zip(from).map(|(byte, from)| (byte ^ from).count_ones()).sum::<u32>() == 1
}
