//! What a server sees of its clients: the reads of each connection, its units (lines or frames), and its end.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use crate::lifecycle::ClientNumber;

/// How the bytes of a connection are cut into units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Units {
    /// Lines, without the line end.
    #[default]
    Lines,
    /// Frames of WOW/1: a header of 8 bytes, of which the last four are the length of what follows.
    Frames,
}

/// The number of bytes that are kept of a unit.
const HEAD_BYTES: usize = 160;

/// The number of reads that are kept of a unit.
const PARTS_MAX: usize = 1000;

/// The number of ended connections that are kept.
const ENDED_MAX: usize = 2000;

/// A moment at which a condition is examined.
pub(crate) struct Moment<'a> {
    pub(crate) what: What,
    /// The connection concerned.
    pub(crate) trace: &'a Trace,
    /// All connections.
    pub(crate) all: &'a Traces,
    pub(crate) now: Instant,
}

/// What happened last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Bytes were read.
    Read,
    /// A unit is complete.
    Unit,
    /// Bytes were read, and the end of the stream was visible before the reply.
    ReadBeforeEnd,
    Ended(End),
    /// The process has continued after a pause.
    Paused(Duration),
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Stream,
    /// The end of the stream, and a reset soon afterwards.
    StreamThenReset,
    Reset,
    /// The server has closed it.
    Other,
}

/// A line or a frame, complete or not.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    /// The first bytes.
    pub(crate) head: Vec<u8>,
    /// The length in bytes, without the line end.
    pub(crate) length: usize,
    /// The number of bytes of each read, without the line end.
    pub(crate) parts: Vec<usize>,
    pub(crate) begun_at: Instant,
    pub(crate) read_at: Instant,
    /// The longest time between two reads.
    pub(crate) gap_max: Duration,
}

impl Unit {
    fn new(now: Instant) -> Self {
        Self {
            head: Vec::new(),
            length: 0,
            parts: Vec::new(),
            begun_at: now,
            read_at: now,
            gap_max: Duration::ZERO,
        }
    }

    fn add(&mut self, bytes: &[u8], now: Instant) {
        if self.parts.is_empty() {
            self.begun_at = now;
        } else {
            self.gap_max = self.gap_max.max(now - self.read_at);
        }
        self.read_at = now;
        self.length += bytes.len();
        if self.parts.len() < PARTS_MAX {
            self.parts.push(bytes.len());
        }
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(room));
    }

    /// Returns whether the line is one in a part of which was read, and which begins with these bytes.
    pub(crate) fn begins_with(&self, bytes: &[u8]) -> bool {
        self.head.starts_with(bytes)
    }

    pub(crate) fn bars(&self) -> usize {
        self.head.split(|&byte| byte == b'|').count() - 1
    }

    pub(crate) fn duration(&self) -> Duration {
        self.read_at - self.begun_at
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) opened_at: Instant,
    /// The number of the client's loopback address, or 0: see [`address_number`].
    pub(crate) address: u32,
    /// The number of connections that were open when it was opened.
    pub(crate) company: usize,
    pub(crate) read_at: Instant,
    /// The incomplete unit.
    pub(crate) partial: Unit,
    /// The last complete unit.
    pub(crate) last: Unit,
    /// The number of complete units.
    pub(crate) units: usize,
    pub(crate) bytes: usize,
    pub(crate) units_in_read: usize,
    pub(crate) units_in_read_max: usize,
    /// The number of lines since the last one that was not empty, of lines that begin with `LIZARD|`, and of lines that do not begin
    /// with `QUERY|`.
    pub(crate) empty_in_a_row: usize,
    pub(crate) lizards: usize,
    pub(crate) not_queries: usize,
    /// The number of reads before which the client has paused for as long as an impaired path delays it.
    pub(crate) after_pauses: usize,
    /// The time between the last two reads.
    pub(crate) waited: Duration,
    pub(crate) end: Option<(End, Instant)>,
}

/// The time by which an impaired path delays data, and less.
const PAUSE_MIN: Duration = Duration::from_millis(75);

/// The time between two pauses that follow each other, and more.
const PAUSES_APART_MAX: Duration = Duration::from_millis(300);

impl Trace {
    fn new(address: u32, now: Instant) -> Self {
        Self {
            opened_at: now,
            address,
            company: 0,
            read_at: now,
            partial: Unit::new(now),
            last: Unit::new(now),
            units: 0,
            bytes: 0,
            units_in_read: 0,
            units_in_read_max: 0,
            empty_in_a_row: 0,
            lizards: 0,
            not_queries: 0,
            after_pauses: 0,
            waited: Duration::ZERO,
            end: None,
        }
    }

    fn end_unit(&mut self, now: Instant) {
        self.last = std::mem::replace(&mut self.partial, Unit::new(now));
        self.units += 1;
        self.units_in_read += 1;
        self.units_in_read_max = self.units_in_read_max.max(self.units_in_read);
        self.empty_in_a_row = if self.last.length == 0 { self.empty_in_a_row + 1 } else { 0 };
        self.lizards += usize::from(self.last.begins_with(b"LIZARD|"));
        self.not_queries += usize::from(!self.last.begins_with(b"QUERY|"));
    }

    pub(crate) fn is_mid_unit(&self) -> bool {
        self.partial.length > 0
    }

    /// Returns whether the client is a bystander or a newcomer of chaos.
    pub(crate) fn is_served_normally(&self) -> bool {
        let is_normal = |unit: &Unit| {
            let has = |name: &[u8]| unit.head.windows(name.len()).any(|window| window == name);
            has(b"bystander") || has(b"newcomer")
        };
        is_normal(&self.last) || is_normal(&self.partial)
    }
}

/// All connections of a server.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    pub(crate) open: BTreeMap<ClientNumber, Trace>,
    /// The connections that have ended last.
    pub(crate) ended: VecDeque<Trace>,
    /// The largest number of open connections since there were few.
    pub(crate) open_max: usize,
    pub(crate) paused_at: Option<Instant>,
    /// The number of pauses one shortly after the other.
    pub(crate) pauses: u32,
    pub(crate) cut_into: Units,
    /// Whether the lock file of an earlier process was found.
    pub(crate) is_stale: bool,
}

impl Traces {
    pub(crate) fn open(&mut self, client: ClientNumber, address: u32) {
        let company = self.open.len();
        self.open.insert(client, Trace { company, ..Trace::new(address, Instant::now()) });
        self.open_max = self.open_max.max(self.open.len());
    }

    /// Records bytes and calls `examine` after each line and after the read. Returns whether it has returned true.
    pub(crate) fn read(
        &mut self,
        client: ClientNumber,
        bytes: &[u8],
        before_end: bool,
        examine: impl Fn(&Moment<'_>) -> bool,
    ) -> bool {
        let now = Instant::now();
        let Some(mut trace) = self.open.remove(&client) else { return false };
        trace.bytes += bytes.len();
        trace.units_in_read = 0;
        trace.after_pauses += usize::from(now - trace.read_at >= PAUSE_MIN && trace.bytes > bytes.len());
        trace.waited = now - trace.read_at;
        trace.read_at = now;
        let mut is_met = false;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (part, skipped, is_complete) = self.cut_into.next_part(&trace.partial, rest);
            trace.partial.add(part, now);
            rest = &rest[part.len() + skipped..];
            if is_complete {
                trace.end_unit(now);
                is_met |= examine(&Moment { what: What::Unit, trace: &trace, all: self, now });
            }
        }
        let what = if before_end { What::ReadBeforeEnd } else { What::Read };
        is_met |= examine(&Moment { what, trace: &trace, all: self, now });
        self.open.insert(client, trace);
        is_met
    }

    /// Records the end of a connection and calls `examine`.
    pub(crate) fn end(
        &mut self,
        client: ClientNumber,
        end: End,
        examine: impl Fn(&Moment<'_>) -> bool,
    ) -> bool {
        let now = Instant::now();
        let Some(mut trace) = self.open.remove(&client) else { return false };
        trace.end = Some((end, now));
        self.ended.push_back(trace.clone());
        if self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
        let is_met = examine(&Moment { what: What::Ended(end), trace: &trace, all: self, now });
        if self.open.len() < FEW {
            self.open_max = self.open.len();
        }
        is_met
    }

    /// Records that the process has continued after a pause, and calls `examine`.
    pub(crate) fn pause(&mut self, pause: Duration, examine: impl Fn(&Moment<'_>) -> bool) -> bool {
        let now = Instant::now();
        let follows = self.was_paused_within(now, pause + PAUSES_APART_MAX);
        self.pauses = if follows { self.pauses + 1 } else { 1 };
        self.paused_at = Some(now);
        examine(&Moment { what: What::Paused(pause), trace: &Trace::new(0, now), all: self, now })
    }

    /// Returns whether the process was paused within this time.
    pub(crate) fn was_paused_within(&self, now: Instant, time: Duration) -> bool {
        self.paused_at.is_some_and(|paused_at| now - paused_at < time)
    }

    /// Returns how many connections ended within this time before now and satisfy a condition.
    pub(crate) fn ended_within(&self, time: Duration, is_counted: impl Fn(&Trace, End) -> bool) -> usize {
        let now = Instant::now();
        let recent =
            self.ended.iter().rev().map_while(|trace| {
                trace.end.filter(|(_, at)| now - *at <= time).map(|(end, _)| (trace, end))
            });
        recent.filter(|(trace, end)| is_counted(trace, *end)).count()
    }
}

impl Units {
    /// Returns the first bytes that belong to the unit, how many that follow belong to none, and whether the unit is complete.
    fn next_part<'b>(self, unit: &Unit, bytes: &'b [u8]) -> (&'b [u8], usize, bool) {
        if self == Self::Lines {
            let end = bytes.iter().position(|&byte| byte == b'\n');
            return (&bytes[..end.unwrap_or(bytes.len())], usize::from(end.is_some()), end.is_some());
        }
        let of_header = HEADER_BYTES.saturating_sub(unit.length);
        if of_header > 0 {
            let header: Vec<u8> = unit.head.iter().chain(bytes).copied().take(HEADER_BYTES).collect();
            let is_complete = announced(&header) == Some(0);
            return (&bytes[..of_header.min(bytes.len())], 0, is_complete);
        }
        let Some(announced) = announced(&unit.head) else { return (bytes, 0, false) };
        let missing = (HEADER_BYTES + announced).saturating_sub(unit.length);
        (&bytes[..missing.min(bytes.len())], 0, missing <= bytes.len())
    }
}

const HEADER_BYTES: usize = 8;

/// Returns the number of bytes that a complete header announces.
fn announced(header: &[u8]) -> Option<usize> {
    let &[b'W', b'W', _, _, first, second, third, fourth, ..] = header else { return None };
    usize::try_from(u32::from_be_bytes([first, second, third, fourth])).ok()
}

/// Returns the number of a loopback address: chaos gives each client at fault an address of its own. It is 0 for other addresses.
pub(crate) fn address_number(address: IpAddr) -> u32 {
    let Some([127, first, second, third]) = ipv4(address).map(|address| address.octets()) else { return 0 };
    let digit = |octet: u8| u32::from(octet).saturating_sub(1);
    (digit(first) * 254 + digit(second)) * 254 + digit(third)
}

fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(address) => address.to_ipv4_mapped(),
    }
}

/// The number of connections of chaos itself, and some.
const FEW: usize = 60;
