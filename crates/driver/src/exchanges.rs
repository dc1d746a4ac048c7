//! Exchanges: reads a history as requests with their replies. Replies on a connection answer its requests in order.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use protocol::{Framing, Next};

use crate::frame_limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::history::{Event, EventKind, Failure};
use crate::moves::Slot;

/// One observation of an [`ExchangeReader`].
#[derive(Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    /// A client passed the barrier, and this phase began for it.
    Phase {
        /// The number of the client.
        client: u32,
        /// The number of the phase.
        phase: u32,
    },
    /// A connection was opened.
    Opened {
        /// The number of the client.
        client: u32,
        /// The number of the connection within the run.
        connection: u32,
        /// The slot of the client that holds the connection.
        slot: Slot,
    },
    /// A request and its reply.
    Exchange(Exchange<'a>),
    /// Unsolicited bytes: no request was outstanding when they arrived.
    Unsolicited {
        /// The connection and its state.
        place: Place,
        /// The request that was answered last on the connection; empty before the first reply.
        after: &'a [u8],
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A request that received no reply, or only a part of one.
    Unanswered {
        /// The connection and its state.
        place: Place,
        /// The oldest outstanding request.
        request: &'a [u8],
        /// The part of the reply that was received.
        partial: &'a [u8],
        /// The end of the wait: [`EventKind::Ended`], [`EventKind::Lost`] or [`EventKind::TimedOut`].
        end: &'a EventKind<'a>,
    },
    /// A connection without outstanding requests was closed by either side.
    EndedIdle {
        /// The connection and its state.
        place: Place,
        /// The event: [`EventKind::Closed`] or [`EventKind::Reset`] by the client, any other by the target.
        end: &'a EventKind<'a>,
    },
    /// The target did not close a connection that it should have closed.
    StayedOpen {
        /// The connection and its state.
        place: Place,
        /// The time that the client waited for the close, in nanoseconds.
        waited_ns: u64,
    },
    /// A connection that could not be opened.
    NotOpened {
        /// The number of the client.
        client: u32,
        /// The error of the operating system.
        failure: &'a Failure,
    },
}

impl Observation<'_> {
    /// Returns the number of the client that the observation belongs to.
    #[must_use]
    pub fn client(&self) -> u32 {
        match self {
            Self::Phase { client, .. } | Self::Opened { client, .. } | Self::NotOpened { client, .. } => {
                *client
            }
            Self::Exchange(Exchange { place, .. })
            | Self::Unsolicited { place, .. }
            | Self::Unanswered { place, .. }
            | Self::StayedOpen { place, .. }
            | Self::EndedIdle { place, .. } => place.client,
        }
    }
}

/// A connection and its state at the moment of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the client.
    pub client: u32,
    /// The number of the connection within the run.
    pub connection: u32,
    /// The number of replies received on the connection before.
    pub replies: u64,
    /// Whether the client had sent any byte on the connection.
    pub has_sent: bool,
    /// Whether the client has sent a part of a request and not yet its end.
    pub is_mid_request: bool,
    /// The idle time of the connection, in nanoseconds, before the last request was sent: no request was outstanding.
    pub idle_ns: u64,
}

/// A request and its reply, both without delimiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange<'a> {
    /// The connection and its state.
    pub place: Place,
    /// The request.
    pub request: &'a [u8],
    /// The reply. Of a reply longer than [`REPLY_BYTES_MAX`], the last part.
    pub reply: &'a [u8],
    /// The time before the request was written, in nanoseconds since the run began.
    pub sent_ns: u64,
    /// The time after the last byte of the reply was read, in nanoseconds since the run began.
    pub replied_ns: u64,
}

/// Turns the events of a history into observations.
#[derive(Debug)]
pub struct ExchangeReader<F> {
    framing: fn(usize) -> F,
    connections: BTreeMap<u32, ConnectionState<F>>,
}

#[derive(Debug)]
struct ConnectionState<F> {
    sent: F,
    received: F,
    waiting: VecDeque<(Vec<u8>, u64)>,
    /// The request that was answered last. Its allocation is reused for the next request.
    answered: Vec<u8>,
    /// The time at which the last reply was read.
    replied_ns: Option<u64>,
    is_flooded: bool,
    place: Place,
}

impl<F: Framing> ExchangeReader<F> {
    /// Returns a reader that cuts the bytes of each connection into frames with `framing`.
    pub fn new(framing: fn(usize) -> F) -> Self {
        Self { framing, connections: BTreeMap::new() }
    }

    /// Returns the outstanding requests of one connection, or of all: the client, the request and the time it was
    /// sent. A request longer than [`REQUEST_BYTES_MAX`] is empty.
    pub fn waiting(&self, connection: Option<u32>) -> impl Iterator<Item = (u32, &[u8], u64)> {
        let (first, last) = connection.map_or((0, u32::MAX), |connection| (connection, connection));
        self.connections.range(first..=last).flat_map(|(_, connection)| {
            connection
                .waiting
                .iter()
                .map(|(request, sent_ns)| (connection.place.client, request.as_slice(), *sent_ns))
        })
    }

    /// Reads the next event and calls `see` for each observation that follows from it.
    pub fn observe(&mut self, event: &Event<'_>, mut see: impl FnMut(Observation<'_>)) {
        let client = event.client;
        match &event.event {
            EventKind::RunEnded(_)
            | EventKind::Marked(_)
            | EventKind::Sampled(_)
            | EventKind::Acted { .. }
            | EventKind::ClientDone => {}
            EventKind::Phase(phase) => see(Observation::Phase { client, phase: *phase }),
            EventKind::NotOpened(failure) => see(Observation::NotOpened { client, failure }),
            EventKind::Opened(slot) => {
                let place = Place {
                    client,
                    connection: event.connection,
                    replies: 0,
                    has_sent: false,
                    is_mid_request: false,
                    idle_ns: 0,
                };
                let (sent, received) = ((self.framing)(REQUEST_BYTES_MAX), (self.framing)(REPLY_BYTES_MAX));
                let connection = ConnectionState {
                    sent,
                    received,
                    waiting: VecDeque::new(),
                    answered: Vec::new(),
                    replied_ns: None,
                    is_flooded: false,
                    place,
                };
                self.connections.insert(event.connection, connection);
                see(Observation::Opened { client, connection: event.connection, slot: *slot });
            }
            EventKind::Closed | EventKind::Reset => {
                if let Some(connection) = self.connections.remove(&event.connection) {
                    see(Observation::EndedIdle { place: connection.place, end: &event.event });
                }
            }
            what => {
                if let Some(connection) = self.connections.get_mut(&event.connection) {
                    connection.observe(event.at_ns, what, &mut see);
                }
            }
        }
    }
}

impl<F: Framing> ConnectionState<F> {
    fn observe(&mut self, at_ns: u64, what: &EventKind<'_>, see: &mut impl FnMut(Observation<'_>)) {
        match what {
            EventKind::Sent(bytes) if !self.is_flooded => self.send(at_ns, bytes),
            // The replies to a flood are not compared with its requests. Only their absence is reported.
            EventKind::Flooded { .. } => self.is_flooded = true,
            EventKind::EndedSending | EventKind::StoppedReading => {}
            EventKind::StayedOpen { waited_ns } => {
                see(Observation::StayedOpen { place: self.place, waited_ns: *waited_ns });
            }
            EventKind::TimedOut { .. } if self.is_flooded => {
                let (place, request, partial) = (self.place, &[][..], self.received.partial());
                see(Observation::Unanswered { place, request, partial, end: what });
            }
            _ if self.is_flooded => {}
            EventKind::Received(bytes) => self.receive(at_ns, bytes, see),
            end => self.end(end, see),
        }
    }

    fn send(&mut self, at_ns: u64, bytes: &[u8]) {
        self.place.has_sent = true;
        self.place.idle_ns = self.replied_ns.map_or(0, |replied_ns| at_ns.saturating_sub(replied_ns));
        let mut at = 0;
        loop {
            let (taken, next) = self.sent.next(&bytes[at..]);
            at += taken;
            match next {
                Next::Frame(request) => {
                    let mut kept =
                        if self.waiting.is_empty() { mem::take(&mut self.answered) } else { Vec::new() };
                    kept.clear();
                    kept.extend_from_slice(request);
                    self.waiting.push_back((kept, at_ns));
                }
                Next::TooLong => self.waiting.push_back((Vec::new(), at_ns)),
                Next::Incomplete => {
                    self.place.is_mid_request = !self.sent.partial().is_empty();
                    return;
                }
            }
        }
    }

    fn receive(&mut self, at_ns: u64, bytes: &[u8], see: &mut impl FnMut(Observation<'_>)) {
        let mut at = 0;
        while at < bytes.len() {
            let Some((request, sent_ns)) = self.waiting.front() else {
                return see(Observation::Unsolicited {
                    place: self.place,
                    after: &self.answered,
                    bytes: &bytes[at..],
                });
            };
            let (taken, next) = self.received.next(&bytes[at..]);
            at += taken;
            let reply: &[u8] = match next {
                Next::Frame(reply) => reply,
                // The beginning of the reply was discarded; a message shows at least its last part.
                Next::TooLong => &bytes[..at],
                Next::Incomplete => return,
            };
            see(Observation::Exchange(Exchange {
                place: self.place,
                request,
                reply,
                sent_ns: *sent_ns,
                replied_ns: at_ns,
            }));
            self.answered = self.waiting.pop_front().map(|(request, _)| request).unwrap_or_default();
            self.replied_ns = Some(at_ns);
            self.place.replies += 1;
        }
    }

    fn end(&mut self, end: &EventKind<'_>, see: &mut impl FnMut(Observation<'_>)) {
        let place = self.place;
        match self.waiting.front() {
            Some((request, _)) => {
                let partial = self.received.partial();
                see(Observation::Unanswered { place, request, partial, end });
            }
            None => see(Observation::EndedIdle { place, end }),
        }
    }
}
