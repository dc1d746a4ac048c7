//! The findings of the checks and their texts.

use crate::limits::LATE_NS_MAX;
use crate::other_protocol::other_protocol;
use driver::exchanges::{Exchange, Place};
use driver::history::{Ending, EventKind, Failure, FailureKind};
use protocol::Clause;
use protocol::index::clauses::{A1, A3, A4, C1, F1, F2};
use protocol::index::wire::{Reply, Request};
use protocol::text::printable;
use verdict::{Finding, Verdict, seconds};

use crate::exchange_checks::checks::{
    CLIENTS_PROMISED, ExchangeChecks, IDLE_NS_MAX, Refusal, UnsolicitedBytes,
};
use crate::exchange_checks::lines::{ANY_REPLY, line, one_of};

/// The verdict on a missing reply, the clause, the summary, and what happened instead of the reply.
type Missing = (Verdict, Option<Clause>, &'static str, String);

const INCORRECT_REPLY: &str = "incorrect reply";
const CLIENT_REFUSED: &str = "the target refused a new client";
const NO_REPLY: &str = "no reply in time";
const CLOSED_INSTEAD_OF_REPLY: &str = "the target closed a connection instead of replying";

/// The protocol neither promises nor forbids this: C5 concerns clients that stall, and these had no request to send.
const IDLE_CLOSED: &str = "the target closed a connection that was idle while other clients connected";

impl ExchangeChecks {
    pub(super) fn find_incorrect_reply(
        &mut self,
        client: u32,
        request: &[u8],
        reply: Reply,
        clause: Clause,
        allowed: &[Reply],
    ) {
        let finding = self.find(Verdict::Fail, Some(clause), Some(client), INCORRECT_REPLY);
        finding.show(line(request), printable(reply.line()), one_of(allowed));
    }

    /// Reports an `ERROR` that either refused a client or is an incorrect reply.
    pub(super) fn find_error(&mut self, refusal: &Refusal, is_refusal: bool) {
        let Refusal { client, was_idle, request, clause, allowed } = refusal;
        let (verdict, clause, summary) = match (is_refusal, was_idle) {
            (true, true) => (Verdict::Unknown, None, IDLE_CLOSED),
            (true, false) => (Verdict::Fail, Some(C1), CLIENT_REFUSED),
            (false, _) => (Verdict::Fail, Some(*clause), INCORRECT_REPLY),
        };
        let finding = self.find(verdict, clause, Some(*client), summary);
        finding.show(line(request), printable(Reply::Error.line()), one_of(allowed));
    }

    /// Adds a finding that does not follow from a single exchange.
    pub fn add(&mut self, finding: Finding) {
        self.clients_with_finding.extend(finding.client);
        self.findings.push(finding);
    }

    /// Reports packages of the plan that were indexed before the run and that other packages need.
    pub fn find_failed_cleanup(&mut self) {
        let summary = "packages of this plan were indexed before the run and could not be removed";
        let finding = self.find(Verdict::Unknown, None, None, summary);
        let reason = "packages outside the plan may depend on them; start the target with an empty index";
        finding.reason = Some(reason.to_owned());
    }

    /// Reports a run with more operations than the judge keeps, so that it judged none of them as a whole.
    pub fn find_too_many_operations(&mut self, count_max: usize) {
        let summary = "the run has too many operations to be judged as a whole";
        let reason =
            format!("the limit is {count_max}; a smaller run (--packages, --seed) is judged completely");
        self.find(Verdict::Unknown, None, None, summary).reason = Some(reason);
    }

    /// Reports a run that ended after `done` of `of` items, which `items` names.
    pub fn find_incomplete_run(&mut self, ending: Ending, done: u64, of: u64, items: &str) {
        let (summary, reason) = match ending {
            Ending::Finished | Ending::Stopped => ("the run ended before the workload was complete", None),
            Ending::Interrupted => ("interrupted", None),
            Ending::TimeOver => {
                let reason = format!("{done} of {of} {items} were completed; --deadline allows more time");
                ("the run reached its deadline", Some(reason))
            }
        };
        self.find(Verdict::Unknown, None, None, summary).reason = reason;
    }

    pub(super) fn find_malformed_reply(&mut self, exchange: &Exchange<'_>) {
        if self.detect_foreign_protocol(exchange.reply) {
            return;
        }
        let client = Some(exchange.place.client);
        let finding = self.find(Verdict::Fail, Some(A1), client, "the reply is not OK, FAIL or ERROR");
        finding.show(line(exchange.request), line(exchange.reply), one_of(&ANY_REPLY));
    }

    pub(super) fn find_unsolicited(&mut self, unsolicited: &UnsolicitedBytes) {
        let UnsolicitedBytes { place, phase, after, bytes } = unsolicited;
        if self.detect_foreign_protocol(bytes) {
            return;
        }
        let (clause, summary, sent) = if place.is_mid_request {
            (F2, "a reply to an incomplete line", "a part of a line".to_owned())
        } else if place.has_sent {
            (A1, "unsolicited bytes after the reply to a request", line(after))
        } else {
            (F1, "unsolicited bytes before the first request", "nothing, on a new connection".to_owned())
        };
        let finding = self.find(Verdict::Fail, Some(clause), Some(place.client), summary);
        finding.phase = *phase;
        finding.show(sent, printable(bytes), "no further bytes".to_owned());
    }

    pub(super) fn find_unanswered(
        &mut self,
        place: &Place,
        request: &[u8],
        partial: &[u8],
        end: &EventKind<'_>,
    ) {
        if self.detect_foreign_protocol(partial) {
            return;
        }
        // A target that refuses a client closes the connection. Without the close, the ERROR was an incorrect reply.
        let is_closed = !matches!(end, EventKind::TimedOut { .. });
        if let Some(refusal) = self.refusals.remove(&place.connection) {
            return self.find_error(&refusal, is_closed);
        }
        if !is_closed && self.unsolicited.contains_key(&place.connection) {
            return self.release_unsolicited(place.connection);
        }
        if place.replies == 0 && self.unsolicited.remove(&place.connection).is_some() {
            // The bytes held are the beginning of ERROR, sent on a connection that the target refused.
            let finding = self.find(Verdict::Fail, Some(C1), Some(place.client), CLIENT_REFUSED);
            finding.show(line(request), printable(Reply::Error.line()), one_of(&ANY_REPLY));
            return;
        }
        let (verdict, clause, summary, how) = match end {
            EventKind::TimedOut { waited_ns, late_ns } => self.judge_time_out(place, *waited_ns, *late_ns),
            EventKind::Lost(Failure { kind: FailureKind::OutOfResources, message }) => {
                let summary = "this machine ran out of resources for a connection";
                (Verdict::Unknown, None, summary, message.clone())
            }
            EventKind::Lost(failure) => self.judge_close(place, request, failure.message.clone()),
            _ => self.judge_close(place, request, "end of stream".to_owned()),
        };
        let finding = self.find(verdict, clause, Some(place.client), summary);
        finding.is_explained_by_loss = true;
        finding.show(
            line(request),
            match partial {
                [] => how,
                partial => format!("{} without a line end, then {how}", printable(partial)),
            },
            one_of(&ANY_REPLY),
        );
    }

    fn judge_time_out(&self, place: &Place, waited_ns: u64, late_ns: u64) -> Missing {
        let how = format!("nothing within {}", seconds(waited_ns.saturating_sub(late_ns)));
        if late_ns > LATE_NS_MAX {
            (Verdict::Unknown, None, "no reply in time, but the harness itself was delayed", how)
        } else if self.is_beyond_promise() {
            (Verdict::Fail, Some(C1), NO_REPLY, how)
        } else if place.replies == 0 && self.answered_count > 0 {
            let summary = "a new client received no reply in time while other clients were served";
            (Verdict::Fail, Some(C1), summary, how)
        } else {
            (Verdict::Fail, Some(A1), NO_REPLY, how)
        }
    }

    fn judge_close(&self, place: &Place, request: &[u8], how: String) -> Missing {
        let is_alone = self.answered_count == 0 && self.open.len() <= 1;
        let is_request = Request::decode(request).is_ok();
        if place.idle_ns > IDLE_NS_MAX {
            (Verdict::Unknown, None, IDLE_CLOSED, how)
        } else if place.replies == 0 && is_request && !is_alone {
            (Verdict::Fail, Some(C1), "the target closed a connection before its first reply", how)
        } else if is_request && self.is_beyond_promise() {
            (Verdict::Fail, Some(C1), CLOSED_INSTEAD_OF_REPLY, how)
        } else {
            (Verdict::Fail, Some(A3), CLOSED_INSTEAD_OF_REPLY, how)
        }
    }

    pub(super) fn find_not_opened(&mut self, client: u32, failure: &Failure) {
        let (verdict, clause, summary) = match failure.kind {
            FailureKind::OutOfResources => {
                (Verdict::Unknown, None, "this machine ran out of file descriptors or ports")
            }
            _ if !self.has_connected => (Verdict::Unreachable, None, "the target accepts no connections"),
            FailureKind::Refused => (Verdict::Fail, Some(A4), "the target stopped accepting connections"),
            _ => (Verdict::Fail, Some(C1), "a connection could not be opened"),
        };
        let finding = self.find(verdict, clause, Some(client), summary);
        finding.is_explained_by_loss = true;
        finding.show(
            "nothing; the connection was being opened".to_owned(),
            failure.message.clone(),
            "a connection".to_owned(),
        );
    }

    /// Whether the bytes show that the target speaks another protocol, which then replaces all other findings.
    fn detect_foreign_protocol(&mut self, bytes: &[u8]) -> bool {
        let Some(other) = other_protocol(bytes).filter(|_| !self.has_served) else {
            return false;
        };
        self.is_foreign = true;
        self.findings.clear();
        let summary = format!("the target speaks {other}, not the package index");
        self.find(Verdict::Unreachable, None, None, &summary);
        true
    }

    /// Adds a finding of the current phase and returns it for further details.
    ///
    /// # Panics
    /// Never: the list contains the finding that was just added.
    pub fn find(
        &mut self,
        verdict: Verdict,
        clause: Option<Clause>,
        client: Option<u32>,
        summary: &str,
    ) -> &mut Finding {
        let is_beyond = clause == Some(C1) && self.is_beyond_promise();
        let verdict = if is_beyond { Verdict::Unknown } else { verdict };
        let reason =
            || format!("the protocol promises service to {CLIENTS_PROMISED} clients, and more were open");
        self.clients_with_finding.extend(client);
        self.findings.push(Finding {
            reason: is_beyond.then(reason),
            clause,
            client,
            phase: self.phase,
            ..Finding::new(verdict, summary)
        });
        self.findings.last_mut().expect("it was pushed just now")
    }
}
