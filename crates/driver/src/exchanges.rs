//! From a history to requests with their replies: what was asked on a connection is answered there in order.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use protocol::{Framing, Next};

use crate::frame_limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::history::Event;
use crate::history::EventKind;
use crate::history::Failure;
use crate::moves::Slot;

/// What a history says, a request at a time.
#[derive(Debug, PartialEq, Eq)]
pub enum Observation<'a> {
    /// A client met the others, and began this phase.
    Phase {
        /// Which client.
        client: u32,
        /// Which phase.
        phase: u32,
    },
    /// A connection was opened.
    Opened {
        /// Which client.
        client: u32,
        /// Which of the run's connections.
        connection: u32,
        /// Which of the client's.
        slot: Slot,
    },
    /// A request and its reply.
    Exchange(Exchange<'a>),
    /// Bytes that answer nothing.
    Unsolicited {
        /// Where.
        place: Place,
        /// The last request that was answered there; empty before the first.
        after: &'a [u8],
        /// The bytes.
        bytes: &'a [u8],
    },
    /// A request that got no reply, or none that is whole.
    Unanswered {
        /// Where.
        place: Place,
        /// The oldest request that waits; empty if none does.
        request: &'a [u8],
        /// The part of a reply that came.
        partial: &'a [u8],
        /// How it ended: [`EventKind::Ended`], [`EventKind::Lost`] or [`EventKind::TimedOut`].
        end: &'a EventKind<'a>,
    },
    /// A connection on which nothing was owed was ended, by either side.
    EndedIdle {
        /// Where.
        place: Place,
        /// How: [`EventKind::Closed`] or [`EventKind::Reset`] by the client, anything else by the target.
        end: &'a EventKind<'a>,
    },
    /// A connection that the target was to end, and did not.
    StayedOpen {
        /// Where.
        place: Place,
        /// How long that was awaited.
        waited_ns: u64,
    },
    /// A connection that could not be opened.
    NotOpened {
        /// Which client.
        client: u32,
        /// Why.
        failure: &'a Failure,
    },
}

impl Observation<'_> {
    /// Which client it is about.
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

/// Where on the way through a run something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which client.
    pub client: u32,
    /// Which of the run's connections.
    pub connection: u32,
    /// How many replies this connection had brought before.
    pub replies: u64,
    /// Whether anything had been sent on it.
    pub has_sent: bool,
    /// How long it had been idle, because the client had nothing to ask, when the last request was sent.
    pub idle_ns: u64,
}

/// A request and its reply, both without delimiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange<'a> {
    /// Where.
    pub place: Place,
    /// What was asked.
    pub request: &'a [u8],
    /// What came; of a reply beyond [`REPLY_BYTES_MAX`] the last part.
    pub reply: &'a [u8],
    /// Taken before the request was written.
    pub sent_ns: u64,
    /// Taken after the last byte of the reply was read.
    pub replied_ns: u64,
}

/// Reads a history event by event.
#[derive(Debug)]
pub struct ExchangeReader<F> {
    framing: fn(usize) -> F,
    lanes: BTreeMap<u32, Lane<F>>,
}

#[derive(Debug)]
struct Lane<F> {
    sent: F,
    received: F,
    waiting: VecDeque<(Vec<u8>, u64)>,
    /// The last request that was answered; its memory serves the next one.
    answered: Vec<u8>,
    /// When the last reply was read.
    replied_ns: Option<u64>,
    is_flooded: bool,
    place: Place,
}

impl<F: Framing> ExchangeReader<F> {
    /// Reads frames as the protocol does.
    pub fn new(framing: fn(usize) -> F) -> Self {
        Self { framing, lanes: BTreeMap::new() }
    }

    /// The requests that wait for their replies, on one connection or on all: client, request, when it was sent. One
    /// that was too long to be kept is empty.
    pub fn waiting(&self, connection: Option<u32>) -> impl Iterator<Item = (u32, &[u8], u64)> {
        let (first, last) = connection.map_or((0, u32::MAX), |connection| (connection, connection));
        self.lanes.range(first..=last).flat_map(|(_, lane)| {
            lane.waiting.iter().map(|(request, sent_ns)| (lane.place.client, request.as_slice(), *sent_ns))
        })
    }

    /// Takes in an event, and says what it means.
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
                let place =
                    Place { client, connection: event.connection, replies: 0, has_sent: false, idle_ns: 0 };
                let (sent, received) = ((self.framing)(REQUEST_BYTES_MAX), (self.framing)(REPLY_BYTES_MAX));
                let lane = Lane {
                    sent,
                    received,
                    waiting: VecDeque::new(),
                    answered: Vec::new(),
                    replied_ns: None,
                    is_flooded: false,
                    place,
                };
                self.lanes.insert(event.connection, lane);
                see(Observation::Opened { client, connection: event.connection, slot: *slot });
            }
            EventKind::Closed | EventKind::Reset => {
                if let Some(lane) = self.lanes.remove(&event.connection) {
                    see(Observation::EndedIdle { place: lane.place, end: &event.event });
                }
            }
            what => {
                if let Some(lane) = self.lanes.get_mut(&event.connection) {
                    lane.observe(event.at_ns, what, &mut see);
                }
            }
        }
    }
}

impl<F: Framing> Lane<F> {
    fn observe(&mut self, at_ns: u64, what: &EventKind<'_>, see: &mut impl FnMut(Observation<'_>)) {
        match what {
            EventKind::Sent(bytes) => self.send(at_ns, bytes),
            // Nobody reads what comes for it, so nothing that comes is one too many.
            EventKind::Flooded { .. } => self.is_flooded = true,
            EventKind::StayedOpen { waited_ns } => {
                see(Observation::StayedOpen { place: self.place, waited_ns: *waited_ns });
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
                Next::Incomplete => return,
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
                // What is kept of it is gone; the last part says more than nothing.
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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use protocol::Lines;

    use super::*;

    /// What a history of one connection says, in short.
    fn read(events: Vec<EventKind<'_>>) -> Vec<String> {
        let mut pairing = ExchangeReader::new(Lines::new);
        let mut said = Vec::new();
        for (event, at_ns) in events.into_iter().zip(1..) {
            pairing.observe(&Event { at_ns, client: 0, connection: 1, event }, |seen| {
                said.push(match seen {
                    Observation::Exchange(Exchange { request, reply, sent_ns, replied_ns, .. }) => {
                        let (request, reply) = (request.escape_ascii(), reply.escape_ascii());
                        format!("{request} {sent_ns} => {reply} {replied_ns}")
                    }
                    Observation::Unsolicited { bytes, .. } => format!("surplus {}", bytes.escape_ascii()),
                    Observation::Unanswered { request, partial, .. } => {
                        format!("{} => no reply but '{}'", request.escape_ascii(), partial.escape_ascii())
                    }
                    Observation::EndedIdle { .. } => "ended at rest".into(),
                    Observation::Opened { .. } => return,
                    other => format!("{other:?}"),
                });
            });
        }
        said
    }

    fn sent(bytes: &str) -> EventKind<'_> {
        EventKind::Sent(Cow::Borrowed(bytes.as_bytes()))
    }

    fn received(bytes: &str) -> EventKind<'_> {
        EventKind::Received(Cow::Borrowed(bytes.as_bytes()))
    }

    #[test]
    fn replies_answer_in_order_however_the_bytes_are_cut() {
        let events = vec![
            EventKind::Opened(0),
            sent("a\nb"),
            sent("\n"),
            received("O"),
            received("K\nFA"),
            received("IL\n"),
        ];
        assert_eq!(read(events), ["a 2 => OK 5", "b 3 => FAIL 6"]);
    }

    #[test]
    fn bytes_that_answer_nothing_are_surplus() {
        assert_eq!(read(vec![EventKind::Opened(0), received("hello\n")]), [r"surplus hello\n"]);
        let events = vec![EventKind::Opened(0), sent("a\n"), received("OK\nOK\n")];
        assert_eq!(read(events), ["a 2 => OK 3", r"surplus OK\n"]);
    }

    #[test]
    fn an_end_names_the_request_that_waits_and_what_came_of_its_reply() {
        let events = vec![EventKind::Opened(0), sent("a\nb\n"), received("OK\nFA"), EventKind::Ended];
        assert_eq!(read(events), ["a 2 => OK 3", "b => no reply but 'FA'"]);
        assert_eq!(
            read(vec![EventKind::Opened(0), sent("a\n"), received("OK\n"), EventKind::Ended]).last().unwrap(),
            "ended at rest"
        );
        assert_eq!(read(vec![EventKind::Opened(0), EventKind::Closed, EventKind::Ended]), ["ended at rest"]);
    }
}
