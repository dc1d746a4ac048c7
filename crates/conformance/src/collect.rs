//! From a history to operations: what its requests did, and which of them nobody can be held to.
//!
//! A request whose reply was lost may have happened or not; a line that was never ended did not happen (F4). Where a
//! history does not say what the target was sent, or the protocol leaves open how it is read, all names that the client
//! used in that part of its plan are *clouded*: what is done with them is taken for lost, by whomever it was asked, so
//! that nothing is certain of them. That is so where replies were not looked at, where the way was made worse on purpose
//! and may have changed bytes, and where names, lists or lines are such as not every server takes. Replies that may be those of
//! other requests say nothing, and what could be a cycle is left open.

mod cycles;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use cycles::leave_cycles_open;
use protocol::Framing;
use protocol::index::wire::{Command, Reply, Request};

use driver::exchanges::Exchange;
use driver::exchanges::ExchangeReader;
use driver::exchanges::Observation;
use driver::history::Event;
use driver::history::EventKind;
use driver::moves::Act;
use linearizability::{Operation, is_plain};

/// A run with more operations is not held against the rules as a whole: memory is bounded.
const OPERATIONS_MAX: usize = 4_000_000;

/// The same, by what is kept of a history: its lines, and what each line, name and connection costs beside its bytes.
const KEPT_BYTES_MAX: usize = 1 << 30;
const LINE_COST_BYTES: usize = 128;
const NAME_COST_BYTES: usize = 32;
const CONNECTION_COST_BYTES: usize = 1024;

/// Longer lines, and lists of more names, a server should take, but need not (F6, R8).
const ORDINARY_LINE_BYTES_MAX: usize = 4096;
const ORDINARY_LIST_NAMES_MAX: usize = 128;

/// What was asked and answered; nothing once it became too much, for a part of a history proves nothing: what is left
/// out may have changed anything.
#[derive(Debug)]
pub struct Operations(Option<Vec<Operation>>);

impl Default for Operations {
    fn default() -> Self {
        Self(Some(Vec::new()))
    }
}

impl Operations {
    /// Adds a request with its reply; without one if it is not known.
    pub fn add(&mut self, replied: &Exchange<'_>, reply: Option<Reply>) {
        let Exchange { place, request, sent_ns, replied_ns, .. } = *replied;
        // A history that somebody made up may have a reply before its request.
        let replied = reply.map(|reply| (reply, replied_ns.max(sent_ns)));
        self.push(Operation { client: place.client, line: request.to_vec(), sent_ns, replied });
    }

    fn push(&mut self, operation: Operation) {
        if self.0.as_ref().is_some_and(|all| all.len() == OPERATIONS_MAX) {
            self.0 = None;
        }
        if let Some(all) = &mut self.0 {
            all.push(operation);
        }
    }

    /// All of them, unless they became too many.
    #[must_use]
    pub fn all(&self) -> Option<&[Operation]> {
        self.0.as_deref()
    }
}

/// The stretches of clients' plans, from one mark to the next, whose names are clouded: client and beginning, and end.
type Clouds = BTreeMap<(u32, u64), u64>;

/// The operations of a part.
#[derive(Debug)]
pub struct PartOperations {
    /// All that a judge has to know of, what earlier parts lost included.
    pub all: Vec<Operation>,
    /// How many requests the part itself has.
    pub asked: usize,
}

/// Collects the operations of a history, part after part.
#[derive(Debug)]
pub struct Collector<F> {
    framing: fn(usize) -> F,
    pairing: ExchangeReader<F>,
    operations: Operations,
    /// When the stretch began that a client is in, where its plan has any.
    begun_ns: BTreeMap<u32, u64>,
    clouds: Clouds,
    /// Connections on which a reply came that answers nothing, or is none: whose the others are is not known.
    doubtful: BTreeSet<u32>,
    /// How many replies each connection still owes that may come in another order than the requests went (F3).
    joined: BTreeMap<u32, usize>,
    /// Whether the target was ended: what it knew then may be gone.
    is_over: bool,
    kept_bytes: usize,
    /// What earlier parts asked for without learning what came of it, and the names that became clouded there.
    lost_before: Vec<Operation>,
    clouded: BTreeSet<Vec<u8>>,
}

impl<F: Framing> Collector<F> {
    /// Has seen nothing yet, and reads frames as the protocol does.
    pub fn new(framing: fn(usize) -> F) -> Self {
        Self {
            framing,
            pairing: ExchangeReader::new(framing),
            operations: Operations::default(),
            begun_ns: BTreeMap::new(),
            clouds: Clouds::new(),
            doubtful: BTreeSet::new(),
            joined: BTreeMap::new(),
            is_over: false,
            kept_bytes: 0,
            lost_before: Vec::new(),
            clouded: BTreeSet::new(),
        }
    }

    /// Takes in an event of the part.
    pub fn observe(&mut self, event: &Event<'_>) {
        self.note_cost(&event.event);
        if self.is_over || self.is_too_much() {
            return;
        }
        match event.event {
            EventKind::Marked(_) => self.begin_stretch(event),
            EventKind::Flooded { .. } | EventKind::Acted { act: Act::BeginCondition(_), .. } => {
                cloud(&mut self.clouds, &self.begun_ns, event.client);
            }
            EventKind::Acted { act: Act::Kill, is_done: true } => return self.lose_all(),
            EventKind::Opened(_) | EventKind::Closed | EventKind::Reset => self.lose(Some(event.connection)),
            _ => {}
        }
        let Self { pairing, operations, doubtful, joined, clouds, begun_ns, .. } = self;
        pairing.observe(event, |seen| match seen {
            Observation::Exchange(replied) => {
                if needs_cloud(replied.request) {
                    cloud(clouds, begun_ns, replied.place.client);
                }
                let connection = replied.place.connection;
                let reply = Reply::decode(replied.reply).ok();
                if reply.is_none() {
                    doubtful.insert(connection);
                }
                let is_joined = joined.get_mut(&connection).is_some_and(|owed| {
                    let is_owed = *owed > 0;
                    *owed = owed.saturating_sub(1);
                    is_owed
                });
                let is_open = is_joined || doubtful.contains(&connection) || has_idle_list(replied.request);
                operations.add(&replied, reply.filter(|_| !is_open));
            }
            Observation::Unsolicited { place, .. } => _ = doubtful.insert(place.connection),
            _ => {}
        });
        if matches!(event.event, EventKind::Sent(_)) {
            let waiting = self.pairing.waiting(Some(event.connection)).count();
            if waiting > 1 {
                self.joined.insert(event.connection, waiting);
            }
        }
    }

    /// Ends the part: what still waits is lost. Brings its operations; nothing if they were too many.
    pub fn end_part(&mut self) -> Option<PartOperations> {
        self.lose_all();
        self.is_over = false;
        let is_too_much = self.is_too_much();
        let operations = std::mem::take(&mut self.operations).0.filter(|_| !is_too_much);
        self.pairing = ExchangeReader::new(self.framing);
        let clouds = std::mem::take(&mut self.clouds);
        self.begun_ns.clear();
        self.doubtful.clear();
        self.joined.clear();
        let Some(mut operations) = operations else {
            // What it lost is not known, so that nothing is certain of what comes after it.
            self.kept_bytes = usize::MAX;
            return None;
        };
        self.clouded
            .extend(operations.iter().filter(|operation| is_under(operation, &clouds)).flat_map(names_of));
        for operation in &mut operations {
            self.take_for_lost_if_clouded(operation);
        }
        let begin = |operation: &Operation| Operation { sent_ns: 0, ..operation.clone() };
        let lost: Vec<Operation> =
            operations.iter().filter(|operation| is_lost_change(operation)).map(begin).collect();
        let lost_before = std::mem::replace(&mut self.lost_before, lost);
        self.lost_before.extend(lost_before.iter().cloned());
        self.kept_bytes = self.lost_before.iter().map(|operation| cost_of(&operation.line)).sum();
        let asked = operations.len();
        operations.extend(lost_before);
        leave_cycles_open(&mut operations);
        Some(PartOperations { all: operations, asked })
    }

    /// Whether more was asked than can be kept; then no part is held against the rules any more.
    #[must_use]
    pub fn is_too_much(&self) -> bool {
        self.kept_bytes > KEPT_BYTES_MAX
    }

    fn note_cost(&mut self, what: &EventKind<'_>) {
        let cost_bytes = match what {
            EventKind::Sent(bytes) => cost_of(bytes),
            EventKind::Received(bytes) => bytes.len(),
            EventKind::Opened(_) => CONNECTION_COST_BYTES,
            EventKind::Flooded { .. }
            | EventKind::Sampled(_)
            | EventKind::Acted { .. }
            | EventKind::Marked(_) => LINE_COST_BYTES,
            _ => 0,
        };
        self.kept_bytes = self.kept_bytes.saturating_add(cost_bytes);
    }

    fn begin_stretch(&mut self, event: &Event<'_>) {
        let begun_ns = self.begun_ns.insert(event.client, event.at_ns).unwrap_or(0);
        if let Some(to_ns) = self.clouds.get_mut(&(event.client, begun_ns)) {
            *to_ns = event.at_ns;
        }
    }

    /// What waits for a reply will not get one.
    fn lose(&mut self, connection: Option<u32>) {
        for (client, line, sent_ns) in self.pairing.waiting(connection) {
            if needs_cloud(line) {
                cloud(&mut self.clouds, &self.begun_ns, client);
            }
            self.operations.push(Operation { client, line: line.to_vec(), sent_ns, replied: None });
        }
    }

    fn lose_all(&mut self) {
        if !self.is_over {
            self.lose(None);
        }
        self.is_over = true;
    }

    /// An INDEX of another name that lists a clouded one stands: nothing is certain of what it lists.
    fn take_for_lost_if_clouded(&self, operation: &mut Operation) {
        let is_clouded =
            Request::decode(&operation.line).is_ok_and(|request| self.clouded.contains(request.package));
        if is_clouded {
            operation.sent_ns = 0;
            operation.replied = None;
        }
    }
}

/// The stretch that the client is in is clouded.
fn cloud(clouds: &mut Clouds, begun_ns: &BTreeMap<u32, u64>, client: u32) {
    clouds.insert((client, begun_ns.get(&client).copied().unwrap_or(0)), u64::MAX);
}

fn is_under(operation: &Operation, clouds: &Clouds) -> bool {
    let Operation { client, sent_ns, .. } = *operation;
    let last = clouds.range((client, 0)..=(client, sent_ns)).next_back();
    last.is_some_and(|(_, to_ns)| sent_ns <= *to_ns)
}

/// Whether servers may differ in what they take the line for. What is no request at all changes nothing (A2).
fn needs_cloud(line: &[u8]) -> bool {
    let is_open = |request: Request<'_>| {
        let mut names: Vec<&[u8]> = request.dependencies().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        // A name that is listed twice may count twice (R5).
        let is_ordinary = count <= ORDINARY_LIST_NAMES_MAX && names.len() == count;
        request.command != Command::Query && !(is_plain(&request) && is_ordinary)
    };
    // One that was too long to be kept is empty.
    line.is_empty() || line.len() > ORDINARY_LINE_BYTES_MAX || Request::decode(line).is_ok_and(is_open)
}

/// Whether it has a list that means nothing, of which servers may think what they like (R6).
fn has_idle_list(line: &[u8]) -> bool {
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

fn cost_of(bytes: &[u8]) -> usize {
    let of_byte = |byte: &u8| match byte {
        b'\n' => 1 + LINE_COST_BYTES,
        b',' => 1 + NAME_COST_BYTES,
        _ => 1,
    };
    LINE_COST_BYTES + bytes.iter().map(of_byte).sum::<usize>()
}
