//! The state of the checks, and the observation of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use driver::exchanges::{Exchange, Observation, Place};
use protocol::index::wire::Reply;
use protocol::{Clause, Level};
use verdict::{Finding, Verdict};

/// A target may close a connection that was idle for longer than this while its client waited for others.
pub(super) const IDLE_NS_MAX: u64 = 1_000_000_000;

/// The number of clients that the protocol promises to serve (C1). Refusing further clients is no violation.
pub(super) const CLIENTS_PROMISED: usize = 100;

/// Checks the exchanges of all clients of a run.
#[derive(Debug, Default)]
pub struct ExchangeChecks {
    /// The name of the current phase.
    pub(super) phase: Option<&'static str>,
    /// The number of requests answered in the current phase.
    pub(super) answered_count: u64,
    pub(super) has_connected: bool,
    /// The open connections.
    pub(super) open: BTreeSet<u32>,
    /// Whether the target answered any request with a reply other than `ERROR`.
    pub(super) has_served: bool,
    /// Whether the target speaks another protocol. Nothing else is checked then.
    pub(super) is_foreign: bool,
    /// By connection: unsolicited bytes that may be the beginning of the `ERROR` that a target sends as it closes.
    pub(super) unsolicited: BTreeMap<u32, UnsolicitedBytes>,
    /// By connection: an unexpected `ERROR` as the first reply. The following events tell whether it is an incorrect reply
    /// or the refusal of a client.
    pub(super) refusals: BTreeMap<u32, Refusal>,
    pub(super) findings: Vec<Finding>,
    /// The clients with a finding. Their later events prove nothing more.
    pub(super) clients_with_finding: BTreeSet<u32>,
}

/// Bytes that are not the reply to a request.
#[derive(Debug)]
pub(super) struct UnsolicitedBytes {
    pub(super) place: Place,
    pub(super) phase: Option<&'static str>,
    /// The last answered request.
    pub(super) after: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

/// An `ERROR` as the first reply on a connection.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) client: u32,
    /// Whether the connection was idle before the request.
    pub(super) was_idle: bool,
    pub(super) request: Vec<u8>,
    pub(super) clause: Clause,
    pub(super) allowed: &'static [Reply],
}

impl ExchangeChecks {
    /// Begins a phase.
    pub fn begin_phase(&mut self, name: &'static str) {
        self.phase = Some(name);
        self.answered_count = 0;
    }

    /// Checks an observation. Returns an exchange with one of the three replies, which the workload judges.
    pub fn observe<'s>(&mut self, observation: &Observation<'s>) -> Option<(Exchange<'s>, Reply)> {
        if self.is_decided(observation.client()) {
            return None;
        }
        match observation {
            Observation::Phase { .. } => {}
            Observation::Exchange(exchange) => {
                return self.check_exchange(exchange).map(|reply| (*exchange, reply));
            }
            Observation::Unsolicited { place, after, bytes } => self.hold_unsolicited(place, after, bytes),
            Observation::Unanswered { place, request, partial, end, .. } => {
                self.find_unanswered(place, request, partial, end);
            }
            Observation::EndedIdle { place, .. } | Observation::StayedOpen { place, .. } => {
                self.end_idle(place);
            }
            Observation::Opened { connection, .. } => {
                self.has_connected = true;
                self.open.insert(*connection);
            }
            Observation::NotOpened { client, failure } => self.find_not_opened(*client, failure),
        }
        None
    }

    /// Whether further observations of a client prove nothing.
    #[must_use]
    pub fn is_decided(&self, client: u32) -> bool {
        self.is_foreign || self.clients_with_finding.contains(&client)
    }

    /// Notes a reply that the clause does not allow.
    pub fn note_incorrect_reply(
        &mut self,
        exchange: &Exchange<'_>,
        reply: Reply,
        clause: Clause,
        allowed: &'static [Reply],
    ) {
        let Place { client, connection, .. } = exchange.place;
        if reply == Reply::Error && may_be_refusal(&exchange.place) {
            let was_idle = exchange.place.idle_ns > IDLE_NS_MAX;
            let request = exchange.request.to_vec();
            self.refusals.insert(connection, Refusal { client, was_idle, request, clause, allowed });
        } else {
            self.find_incorrect_reply(client, exchange.request, reply, clause, allowed);
        }
    }

    /// Ends the checks: no further event can explain a possible refusal.
    pub fn end(&mut self) {
        if !self.findings.is_empty() {
            return;
        }
        for refusal in mem::take(&mut self.refusals).into_values() {
            let is_refusal = self.is_beyond_promise();
            self.find_error(&refusal, is_refusal);
        }
    }

    /// The findings so far, in the order of their detection.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Keeps only the first violation, and gives it this summary. Its own summary and clause become the reason.
    pub fn explain_first_violation(&mut self, summary: &str) {
        let is_violation = |finding: &Finding| finding.verdict == Verdict::Fail;
        let mut has_violation = false;
        self.findings
            .retain(|finding| !is_violation(finding) || !std::mem::replace(&mut has_violation, true));
        for finding in self.findings.iter_mut().filter(|finding| is_violation(finding)) {
            let was = std::mem::replace(&mut finding.summary, summary.to_owned());
            let clause = finding.clause.map(|clause| format!(" ({})", clause.id)).unwrap_or_default();
            let reason = finding.reason.take().map(|reason| format!("; {reason}")).unwrap_or_default();
            finding.reason = Some(format!("{was}{clause}{reason}"));
        }
    }

    /// Attributes every violation to this clause and applies its level.
    pub fn attribute_violations_to(&mut self, clause: Clause) {
        for finding in self.findings.iter_mut().filter(|finding| finding.verdict == Verdict::Fail) {
            finding.clause = Some(clause);
            finding.verdict = if clause.level == Level::Must { Verdict::Fail } else { Verdict::Warn };
        }
    }

    /// Sorts the findings by severity and returns the worst verdict.
    pub fn verdict(&mut self) -> Verdict {
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        self.findings.first().map_or(Verdict::Pass, |worst| worst.verdict)
    }

    /// Whether more connections are open than the protocol promises to serve.
    pub(super) fn is_beyond_promise(&self) -> bool {
        self.open.len() > CLIENTS_PROMISED
    }

    fn check_exchange(&mut self, exchange: &Exchange<'_>) -> Option<Reply> {
        let connection = exchange.place.connection;
        self.release_unsolicited(connection);
        if let Some(refusal) = self.refusals.remove(&connection) {
            self.find_error(&refusal, false);
            return None;
        }
        self.answered_count += 1;
        let Ok(reply) = Reply::decode(exchange.reply) else {
            self.find_malformed_reply(exchange);
            return None;
        };
        self.has_served |= reply != Reply::Error;
        Some(reply)
    }

    /// Holds unsolicited bytes until they cannot be the `ERROR` of a closing connection.
    fn hold_unsolicited(&mut self, place: &Place, after: &[u8], bytes: &[u8]) {
        let phase = self.phase;
        let unsolicited = self.unsolicited.entry(place.connection).or_insert_with(|| UnsolicitedBytes {
            place: *place,
            phase,
            after: after.to_vec(),
            bytes: Vec::new(),
        });
        unsolicited.bytes.extend_from_slice(bytes);
        if !Reply::Error.line().starts_with(&unsolicited.bytes) {
            self.release_unsolicited(place.connection);
        }
    }

    /// Reports the unsolicited bytes held for a connection.
    pub(super) fn release_unsolicited(&mut self, connection: u32) {
        if let Some(unsolicited) = self.unsolicited.remove(&connection) {
            self.find_unsolicited(&unsolicited);
        }
    }

    /// Ends an idle connection. Unsolicited bytes held for it were the target's `ERROR` before it closed.
    fn end_idle(&mut self, place: &Place) {
        self.open.remove(&place.connection);
        self.unsolicited.remove(&place.connection);
        if let Some(refusal) = self.refusals.remove(&place.connection) {
            let is_refusal = self.is_beyond_promise();
            self.find_error(&refusal, is_refusal);
        }
    }
}

/// Whether a target may refuse this client with `ERROR` at this place: it accepts no more clients, or it drops idle ones.
fn may_be_refusal(place: &Place) -> bool {
    place.replies == 0 || place.idle_ns > IDLE_NS_MAX
}
