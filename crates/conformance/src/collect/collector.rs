//! The collector of the operations of a history.

use std::collections::{BTreeMap, BTreeSet};

use driver::exchanges::{ExchangeReader, Observation};
use driver::history::{Event, EventKind};
use driver::moves::Act;
use linearizability::{Operation, is_plain};
use protocol::Framing;
use protocol::index::wire::{Command, Reply, Request};

use crate::collect::cycles::exclude_cycles;
use crate::collect::operations::Operations;

/// The memory for the content of a history, in bytes, including the overhead of each line, name and connection.
const MEMORY_BYTES_MAX: usize = 1 << 30;
const LINE_COST_BYTES: usize = 128;
const NAME_COST_BYTES: usize = 32;
const CONNECTION_COST_BYTES: usize = 1024;

/// The length of lines and lists that every server accepts (F6, R8).
const ORDINARY_LINE_BYTES_MAX: usize = 4096;
const ORDINARY_LIST_NAMES_MAX: usize = 128;

/// The sections of scripts, from one mark to the next, whose names are uncertain: client and beginning, and end.
type UncertainSections = BTreeMap<(u32, u64), u64>;

/// The operations of a part.
#[derive(Debug)]
pub struct PartOperations {
    /// All operations that a judge needs, including lost ones of earlier parts.
    pub all: Vec<Operation>,
    /// The number of requests of the part itself.
    pub request_count: usize,
}

/// Collects the operations of a history, part by part.
#[derive(Debug)]
pub struct Collector<F> {
    framing: fn(usize) -> F,
    exchanges: ExchangeReader<F>,
    operations: Operations,
    /// The beginning of each client's current section, where its script has sections.
    begun_ns: BTreeMap<u32, u64>,
    uncertain_sections: UncertainSections,
    /// The connections with an unsolicited or invalid reply: the requests of later replies are unknown.
    ambiguous_connections: BTreeSet<u32>,
    /// The number of outstanding replies of each connection that may arrive in another order than the requests (F3).
    pipelined: BTreeMap<u32, usize>,
    /// Whether the target was killed: its state may be gone.
    is_expired: bool,
    memory_bytes: usize,
    /// The lost requests of earlier parts, and the names that became uncertain there.
    lost_before: Vec<Operation>,
    uncertain_names: BTreeSet<Vec<u8>>,
}

impl<F: Framing> Collector<F> {
    /// Returns a collector without observations.
    pub fn new(framing: fn(usize) -> F) -> Self {
        Self {
            framing,
            exchanges: ExchangeReader::new(framing),
            operations: Operations::default(),
            begun_ns: BTreeMap::new(),
            uncertain_sections: UncertainSections::new(),
            ambiguous_connections: BTreeSet::new(),
            pipelined: BTreeMap::new(),
            is_expired: false,
            memory_bytes: 0,
            lost_before: Vec::new(),
            uncertain_names: BTreeSet::new(),
        }
    }

    /// Records an event of the part.
    pub fn observe(&mut self, event: &Event<'_>) {
        self.note_cost(&event.event);
        if self.is_expired || self.is_over_capacity() {
            return;
        }
        match event.event {
            EventKind::Marked(_) => self.begin_section(event),
            EventKind::Flooded { .. } | EventKind::Acted { act: Act::BeginCondition(_), .. } => {
                mark_uncertain(&mut self.uncertain_sections, &self.begun_ns, event.client);
            }
            EventKind::Acted { act: Act::Kill, is_done: true } => return self.lose_all(),
            EventKind::Opened(_) | EventKind::Closed | EventKind::Reset => self.lose(Some(event.connection)),
            _ => {}
        }
        let Self {
            exchanges,
            operations,
            ambiguous_connections,
            pipelined,
            uncertain_sections,
            begun_ns,
            ..
        } = self;
        exchanges.observe(event, |seen| match seen {
            Observation::Exchange(replied) => {
                if is_ambiguous(replied.request) {
                    mark_uncertain(uncertain_sections, begun_ns, replied.place.client);
                }
                let connection = replied.place.connection;
                let reply = Reply::decode(replied.reply).ok();
                if reply.is_none() {
                    ambiguous_connections.insert(connection);
                }
                let is_pipelined = pipelined.get_mut(&connection).is_some_and(|owed| {
                    let is_owed = *owed > 0;
                    *owed = owed.saturating_sub(1);
                    is_owed
                });
                let is_open = is_pipelined
                    || ambiguous_connections.contains(&connection)
                    || has_meaningless_list(replied.request);
                if !has_no_effect(replied.request) {
                    operations.add(&replied, reply.filter(|_| !is_open));
                }
            }
            Observation::Unsolicited { place, .. } => _ = ambiguous_connections.insert(place.connection),
            _ => {}
        });
        if matches!(event.event, EventKind::Sent(_)) {
            let waiting = self.exchanges.waiting(Some(event.connection)).count();
            if waiting > 1 {
                self.pipelined.insert(event.connection, waiting);
            }
        }
    }

    /// Ends the part: outstanding requests are lost. Returns its operations; `None` if there were too many.
    pub fn end_part(&mut self) -> Option<PartOperations> {
        self.lose_all();
        self.is_expired = false;
        let is_over_capacity = self.is_over_capacity();
        let operations = std::mem::take(&mut self.operations).into_all().filter(|_| !is_over_capacity);
        self.exchanges = ExchangeReader::new(self.framing);
        let uncertain_sections = std::mem::take(&mut self.uncertain_sections);
        self.begun_ns.clear();
        self.ambiguous_connections.clear();
        self.pipelined.clear();
        let Some(mut operations) = operations else {
            // The lost operations are unknown, so that nothing after them is certain.
            self.memory_bytes = usize::MAX;
            return None;
        };
        self.uncertain_names.extend(
            operations.iter().filter(|operation| is_under(operation, &uncertain_sections)).flat_map(names_of),
        );
        for operation in &mut operations {
            self.mark_lost_if_uncertain(operation);
        }
        let begin = |operation: &Operation| Operation { sent_ns: 0, ..operation.clone() };
        let lost: Vec<Operation> =
            operations.iter().filter(|operation| is_lost_change(operation)).map(begin).collect();
        let lost_before = std::mem::replace(&mut self.lost_before, lost);
        self.lost_before.extend(lost_before.iter().cloned());
        self.memory_bytes = self.lost_before.iter().map(|operation| cost_of(&operation.line)).sum();
        let request_count = operations.len();
        operations.extend(lost_before);
        exclude_cycles(&mut operations);
        Some(PartOperations { all: operations, request_count })
    }

    /// Returns whether the history exceeds the limits; then no further part is checked.
    #[must_use]
    pub fn is_over_capacity(&self) -> bool {
        self.memory_bytes > MEMORY_BYTES_MAX
    }

    fn note_cost(&mut self, what: &EventKind<'_>) {
        let cost_bytes = match what {
            EventKind::Sent(bytes) if has_no_effect(bytes.strip_suffix(b"\n").unwrap_or(bytes)) => {
                LINE_COST_BYTES
            }
            EventKind::Sent(bytes) => cost_of(bytes),
            EventKind::Received(bytes) => bytes.len(),
            EventKind::Opened(_) => CONNECTION_COST_BYTES,
            EventKind::Flooded { .. }
            | EventKind::Sampled(_)
            | EventKind::Acted { .. }
            | EventKind::Marked(_) => LINE_COST_BYTES,
            _ => 0,
        };
        self.memory_bytes = self.memory_bytes.saturating_add(cost_bytes);
    }

    fn begin_section(&mut self, event: &Event<'_>) {
        let begun_ns = self.begun_ns.insert(event.client, event.at_ns).unwrap_or(0);
        if let Some(to_ns) = self.uncertain_sections.get_mut(&(event.client, begun_ns)) {
            *to_ns = event.at_ns;
        }
    }

    /// Marks outstanding requests as lost.
    fn lose(&mut self, connection: Option<u32>) {
        for (client, line, sent_ns) in self.exchanges.waiting(connection) {
            if is_ambiguous(line) {
                mark_uncertain(&mut self.uncertain_sections, &self.begun_ns, client);
            }
            if !has_no_effect(line) {
                self.operations.push(Operation { client, line: line.to_vec(), sent_ns, replied: None });
            }
        }
    }

    fn lose_all(&mut self) {
        if !self.is_expired {
            self.lose(None);
        }
        self.is_expired = true;
    }

    /// Marks an operation on an uncertain name as lost. An INDEX of another name that lists it stands.
    fn mark_lost_if_uncertain(&self, operation: &mut Operation) {
        let is_uncertain = Request::decode(&operation.line)
            .is_ok_and(|request| self.uncertain_names.contains(request.package));
        if is_uncertain {
            operation.sent_ns = 0;
            operation.replied = None;
        }
    }
}

/// Makes the names of the client's current section uncertain.
fn mark_uncertain(uncertain_sections: &mut UncertainSections, begun_ns: &BTreeMap<u32, u64>, client: u32) {
    uncertain_sections.insert((client, begun_ns.get(&client).copied().unwrap_or(0)), u64::MAX);
}

fn is_under(operation: &Operation, uncertain_sections: &UncertainSections) -> bool {
    let Operation { client, sent_ns, .. } = *operation;
    let last = uncertain_sections.range((client, 0)..=(client, sent_ns)).next_back();
    last.is_some_and(|(_, to_ns)| sent_ns <= *to_ns)
}

/// Returns whether servers may interpret a line differently. An invalid request changes nothing (A2).
fn is_ambiguous(line: &[u8]) -> bool {
    let is_open = |request: Request<'_>| {
        let mut names: Vec<&[u8]> = request.dependencies().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        // A duplicate name in a list may count twice (R5).
        let is_ordinary = count <= ORDINARY_LIST_NAMES_MAX && names.len() == count;
        request.command != Command::Query && !(is_plain(&request) && is_ordinary)
    };
    // A line that was too long to be kept is empty.
    line.is_empty() || line.len() > ORDINARY_LINE_BYTES_MAX || Request::decode(line).is_ok_and(is_open)
}

/// Returns whether a request has a list without meaning, which servers may accept or reject (R6).
fn has_meaningless_list(line: &[u8]) -> bool {
    let is_idle = |request: Request<'_>| request.command != Command::Index && !request.list.is_empty();
    Request::decode(line).is_ok_and(is_idle)
}

fn is_lost_change(operation: &Operation) -> bool {
    let is_change = |request: Request<'_>| request.command != Command::Query;
    operation.replied.is_none() && Request::decode(&operation.line).is_ok_and(is_change)
}

fn names_of(operation: &Operation) -> Vec<Vec<u8>> {
    let Ok(request) = Request::decode(&operation.line) else { return Vec::new() };
    request.dependencies().chain([request.package]).map(<[u8]>::to_vec).collect()
}

/// Returns whether a line is no request, whatever a server makes of it. Long ones are not stored.
fn has_no_effect(line: &[u8]) -> bool {
    line.len() > ORDINARY_LINE_BYTES_MAX && Request::decode(line).is_err()
}

fn cost_of(bytes: &[u8]) -> usize {
    let of_byte = |byte: &u8| match byte {
        b'\n' => 1 + LINE_COST_BYTES,
        b',' => 1 + NAME_COST_BYTES,
        _ => 1,
    };
    LINE_COST_BYTES + bytes.iter().map(of_byte).sum::<usize>()
}
