//! What holds of every conversation with a target, whatever is asked: one reply to each request, one of three, and
//! nothing else; and nobody who may be there is turned away.

mod findings;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use driver::exchanges::{Exchange, Observation, Place};
use protocol::index::wire::Reply;
use protocol::{Clause, Level};
use verdict::{Finding, Verdict};

pub use findings::one_of;

/// Follows the conversations of all clients of a run.
#[derive(Debug, Default)]
pub struct Conversations {
    /// The phase that is under way, by name.
    phase: Option<&'static str>,
    /// How many requests were answered in this phase.
    answered_count: u64,
    has_connected: bool,
    /// The connections that are open.
    open: BTreeSet<u32>,
    /// Whether a request was ever answered with anything but `ERROR`.
    has_served: bool,
    /// Whether the target speaks another protocol; then nothing more is looked at.
    is_foreign: bool,
    /// By connection, bytes that answer nothing, and could become the `ERROR` that a target may say as it closes.
    surplus: BTreeMap<u32, Unsolicited>,
    /// By connection, an `ERROR` that had not to come, as the first reply of all: wrong, or how a target refuses a
    /// client, which what follows tells.
    refusals: BTreeMap<u32, Refusal>,
    findings: Vec<Finding>,
    /// The clients that something was found of: what follows it on their side proves nothing more.
    is_found: BTreeSet<u32>,
}

/// Bytes that answer nothing.
#[derive(Debug)]
struct Unsolicited {
    place: Place,
    phase: Option<&'static str>,
    /// The request that was answered last.
    after: Vec<u8>,
    bytes: Vec<u8>,
}

/// An `ERROR` as the first reply on a connection.
#[derive(Debug)]
struct Refusal {
    client: u32,
    /// Whether it followed a while in which the client had nothing to ask.
    was_idle: bool,
    request: Vec<u8>,
    clause: Clause,
    allowed: &'static [Reply],
}

impl Conversations {
    /// A phase begins.
    pub fn begin_phase(&mut self, name: &'static str) {
        self.phase = Some(name);
        self.answered_count = 0;
    }

    /// Takes in what is seen next. A reply that is one of the three is for the workload to judge; it is brought back.
    pub fn observe<'s>(&mut self, seen: &Observation<'s>) -> Option<(Exchange<'s>, Reply)> {
        if self.is_closed(seen.client()) {
            return None;
        }
        match seen {
            Observation::Phase { .. } => {}
            Observation::Exchange(replied) => return self.replied(replied).map(|reply| (*replied, reply)),
            Observation::Unsolicited { place, after, bytes } => self.surplus(place, after, bytes),
            Observation::Unanswered { place, request, partial, end, .. } => {
                self.find_unanswered(place, request, partial, end);
            }
            Observation::EndedIdle { place, .. } | Observation::StayedOpen { place, .. } => {
                self.ended_at_rest(place)
            }
            Observation::Opened { connection, .. } => {
                self.has_connected = true;
                self.open.insert(*connection);
            }
            Observation::NotOpened { client, failure } => self.find_not_opened(*client, failure),
        }
        None
    }

    /// Whether what a client sees proves nothing any more.
    #[must_use]
    pub fn is_closed(&self, client: u32) -> bool {
        self.is_foreign || self.is_found.contains(&client)
    }

    /// A reply is none of those that are allowed.
    pub fn wrong_reply(
        &mut self,
        replied: &Exchange<'_>,
        reply: Reply,
        clause: Clause,
        allowed: &'static [Reply],
    ) {
        let Place { client, connection, .. } = replied.place;
        if reply == Reply::Error && may_end(&replied.place) {
            let was_idle = replied.place.idle_ns > IDLE_NS_MAX;
            let request = replied.request.to_vec();
            self.refusals.insert(connection, Refusal { client, was_idle, request, clause, allowed });
        } else {
            self.find_wrong_reply(client, replied.request, reply, clause, allowed);
        }
    }

    /// The run is over: what would have told what a refusal is does not come any more.
    pub fn end(&mut self) {
        if !self.findings.is_empty() {
            return;
        }
        for refusal in mem::take(&mut self.refusals).into_values() {
            let is_refusal = self.is_beyond_promise();
            self.find_error(&refusal, is_refusal);
        }
    }

    /// What was found so far, the first first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whatever was violated comes down to this clause, and is as binding as it is.
    pub fn blame(&mut self, clause: Clause) {
        for finding in self.findings.iter_mut().filter(|finding| finding.verdict == Verdict::Fail) {
            finding.clause = Some(clause);
            finding.verdict = if clause.level == Level::Must { Verdict::Fail } else { Verdict::Warn };
        }
    }

    /// The worst of what was found; the findings are in that order from now on.
    pub fn verdict(&mut self) -> Verdict {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        self.findings.first().map_or(Verdict::Pass, |worst| worst.verdict)
    }

    fn replied(&mut self, replied: &Exchange<'_>) -> Option<Reply> {
        let connection = replied.place.connection;
        self.find_held_surplus(connection);
        if let Some(refusal) = self.refusals.remove(&connection) {
            self.find_error(&refusal, false);
            return None;
        }
        self.answered_count += 1;
        let Ok(reply) = Reply::decode(replied.reply) else {
            self.find_no_reply(replied);
            return None;
        };
        self.has_served |= reply != Reply::Error;
        Some(reply)
    }

    /// Surplus is looked at when it can be no last word any more.
    fn surplus(&mut self, place: &Place, after: &[u8], bytes: &[u8]) {
        let phase = self.phase;
        let surplus = self.surplus.entry(place.connection).or_insert_with(|| Unsolicited {
            place: *place,
            phase,
            after: after.to_vec(),
            bytes: Vec::new(),
        });
        surplus.bytes.extend_from_slice(bytes);
        if !Reply::Error.line().starts_with(&surplus.bytes) {
            self.find_held_surplus(place.connection);
        }
    }

    fn find_held_surplus(&mut self, connection: u32) {
        if let Some(surplus) = self.surplus.remove(&connection) {
            self.find_surplus(&surplus);
        }
    }

    /// A connection is over: what is held of its surplus was a last word, so far as it was waited for.
    fn ended_at_rest(&mut self, place: &Place) {
        self.open.remove(&place.connection);
        self.surplus.remove(&place.connection);
        if let Some(refusal) = self.refusals.remove(&place.connection) {
            let is_refusal = self.is_beyond_promise();
            self.find_error(&refusal, is_refusal);
        }
    }
}

/// Whether a target may have ended a connection, and say so now, by its own rules: it takes no more clients, or it
/// keeps none that ask for nothing.
fn may_end(place: &Place) -> bool {
    place.replies == 0 || place.idle_ns > IDLE_NS_MAX
}

/// A connection that was idle for longer than this, while its client waited for others, may be ended.
const IDLE_NS_MAX: u64 = 1_000_000_000;
