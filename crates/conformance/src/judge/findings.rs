//! The violations that the judge of a case finds, and the clause of each.

use driver::exchanges::{Exchange, Place};
use driver::history::{EventKind, Failure, FailureKind};
use protocol::text::printable;
use protocol::{Clause, Level, Next};
use verdict::{Finding, Verdict, seconds};

use crate::case::Allowed;
use crate::dialect::{UnsolicitedPolicy, ViolationKind};
use crate::judge::case_judge::CaseJudge;
use crate::judge::evidence::{Evidence, one_of};
use crate::judge::status::TargetStatus;
use crate::limits::LATE_NS_MAX;
use crate::messages;
use crate::other_protocol::other_protocol;
use crate::plan::CLEANUP;

impl CaseJudge {
    /// Handles unsolicited bytes. They are a violation once they cannot be a close reason any more.
    pub(crate) fn unsolicited(&mut self, place: &Place, after: &[u8], bytes: &[u8]) -> Option<TargetStatus> {
        let dialect = self.plan.dialect;
        let connection = self.connections.get_mut(&place.connection)?;
        let UnsolicitedPolicy::CloseReason(close_reason) = dialect.unsolicited else {
            return self.replied_in_advance(place, after, bytes);
        };
        if connection.unsolicited.is_empty() {
            connection.is_unsolicited_mid_request = place.is_mid_request;
        }
        connection.unsolicited.extend_from_slice(bytes);
        if !self.has_answered
            && let Some(other) = other_protocol(&connection.unsolicited)
        {
            return Some(TargetStatus::OtherProtocol(other));
        }
        if connection.slot != CLEANUP && !close_reason.starts_with(&connection.unsolicited) {
            let unsolicited = std::mem::take(&mut connection.unsolicited);
            self.find_unsolicited(place, after, &unsolicited);
        }
        None
    }

    pub(crate) fn find_unsolicited(&mut self, place: &Place, after: &[u8], bytes: &[u8]) {
        let own = self.plan.case.clause;
        // The last reply may have arrived in part.
        let is_reply = bytes.split_inclusive(|&byte| byte == b'\n').all(|line| {
            self.plan.dialect.is_reply(line)
                || self.plan.dialect.replies.iter().any(|reply| reply.starts_with(line))
        });
        let clause = self.clause(ViolationKind::Unsolicited {
            has_sent: place.has_sent,
            is_mid_request: place.is_mid_request,
            is_reply,
        });
        let summary = match place {
            _ if clause == own => messages::UNSOLICITED,
            Place { has_sent: false, .. } => messages::UNSOLICITED_FIRST,
            _ => messages::EXTRA_REPLY,
        };
        let sent = match (place.has_sent, after) {
            (false, _) => messages::NOTHING_SENT.to_owned(),
            (true, []) => messages::INCOMPLETE_LINE.to_owned(),
            (true, _) if place.is_mid_request => messages::INCOMPLETE_LINE.to_owned(),
            (true, after) => self.line(after),
        };
        let shown = Evidence {
            sent,
            actual: printable(bytes),
            expected: messages::NOTHING_MORE.to_owned(),
            differs_at: None,
        };
        // No input, however unusual, permits bytes that are no reply.
        let level = if is_reply { self.plan.case.level } else { Level::Must };
        self.find_at(level, clause, summary, shown);
    }

    pub(crate) fn unanswered(
        &mut self,
        place: &Place,
        request: &[u8],
        partial: &[u8],
        end: &EventKind<'_>,
    ) -> Option<TargetStatus> {
        let allowed = self.expected_next(place.connection);
        let connection = self.connections.get(&place.connection)?;
        let may_reply_in_advance =
            self.plan.dialect.unsolicited == UnsolicitedPolicy::NextExpected && connection.slot != CLEANUP;
        if allowed.is_none() && may_reply_in_advance {
            // All expected replies were sent in advance.
            self.find_reset(end);
            return None;
        }
        let is_cleanup = connection.slot == CLEANUP;
        if is_cleanup && !self.is_plain(request) {
            // The cleanup is not judged, and a name with unusual bytes is no plain request.
            return None;
        }
        let has_close_reason = !connection.unsolicited.is_empty();
        if let Some(other) = other_protocol(partial).filter(|_| !self.has_answered) {
            return Some(TargetStatus::OtherProtocol(other));
        }
        let (how, is_ended) = match end {
            EventKind::TimedOut { late_ns, .. } if *late_ns > LATE_NS_MAX => {
                self.find_unknown(messages::OVERLOADED);
                return None;
            }
            EventKind::Lost(Failure { kind: FailureKind::OutOfResources, message }) => {
                self.find_unknown(&messages::out_of_resources(message));
                return None;
            }
            EventKind::TimedOut { waited_ns, late_ns } => {
                (messages::no_reply_within(&seconds(waited_ns.saturating_sub(*late_ns))), false)
            }
            EventKind::Lost(failure) => (failure.message.clone(), true),
            _ if has_close_reason => (messages::CLOSE_REASON_AND_END.to_owned(), true),
            _ => (messages::END_OF_CONNECTION.to_owned(), true),
        };
        match allowed {
            Some(Allowed::Observed) => {
                self.observed.push(if is_ended { "closed".to_owned() } else { "silence".to_owned() });
                return None;
            }
            Some(allowed) if allowed.may_end() && is_ended => return None,
            _ => {}
        }
        let kind = match is_ended {
            _ if !partial.is_empty() => ViolationKind::Partial,
            true => ViolationKind::Closed {
                request,
                is_plain: is_cleanup,
                is_first: place.replies == 0,
                has_erred: connection.has_erred,
            },
            false => ViolationKind::Timeout { is_plain: is_cleanup },
        };
        let clause = self.clause(kind);
        let summary = match (is_cleanup, is_ended) {
            (true, true) => messages::CLOSED_DURING_PLAIN_REQUESTS,
            (true, false) => messages::NO_REPLY_TO_PLAIN_REQUEST,
            (false, true) => messages::CLOSED_INSTEAD_OF_REPLY,
            (false, false) => messages::NO_REPLY,
        };
        let actual = match partial {
            [] => how,
            partial => messages::partial_reply(&printable(partial), &how),
        };
        let expected =
            allowed.map_or_else(|| messages::A_REPLY.to_owned(), |allowed| one_of(allowed.lines()));
        self.find_end(
            clause,
            summary,
            Evidence { sent: self.line(request), actual, expected, differs_at: None },
        );
        (is_cleanup && partial.is_empty()).then_some(if is_ended {
            TargetStatus::ClosesConnections
        } else {
            TargetStatus::Silent
        })
    }

    /// Handles the close of a connection without an outstanding request. An expected unsolicited reply may be
    /// missing.
    pub(crate) fn ended_idle(&mut self, place: &Place, end: &EventKind<'_>) -> Option<TargetStatus> {
        let is_by_client = matches!(end, EventKind::Closed | EventKind::Reset);
        let is_missing = self.expected_next(place.connection).is_some_and(|allowed| !allowed.may_end());
        if is_missing && !self.is_optional_next(place.connection) && !is_by_client {
            return self.unanswered(place, b"", b"", end);
        }
        let connection = self.connections.remove(&place.connection)?;
        if connection.slot == CLEANUP {
            return None;
        }
        if let UnsolicitedPolicy::CloseReason(close_reason) = self.plan.dialect.unsolicited
            && !connection.unsolicited.is_empty()
            && !close_reason.starts_with(&connection.unsolicited)
        {
            let is_mid_request = connection.is_unsolicited_mid_request;
            self.find_unsolicited(&Place { is_mid_request, ..*place }, b"", &connection.unsolicited);
        }
        self.find_reset(end);
        None
    }

    /// Returns the reply that is expected next on a connection.
    pub(super) fn expected_next(&self, connection: u32) -> Option<Allowed> {
        let connection = self.connections.get(&connection)?;
        self.plan.expected(connection.slot, connection.opened_before).get(connection.answered).copied()
    }

    /// Returns whether the next request on a connection may not have been sent, as the target is slow.
    fn is_optional_next(&self, connection: u32) -> bool {
        self.connections.get(&connection).is_some_and(|connection| {
            self.plan.is_optional(connection.slot, connection.opened_before, connection.answered)
        })
    }

    fn find_reset(&mut self, end: &EventKind<'_>) {
        if let EventKind::Lost(failure) = end
            && !self.plan.dialect.may_reset
            && failure.kind != FailureKind::OutOfResources
        {
            let shown = Evidence {
                sent: messages::CASE_BYTES.to_owned(),
                actual: failure.message.clone(),
                expected: messages::ORDERLY_CLOSE.to_owned(),
                differs_at: None,
            };
            self.find(self.clause(ViolationKind::Reset), messages::RESET, shown);
        }
    }

    /// Treats unsolicited frames as the replies that the case expects next.
    fn replied_in_advance(&mut self, place: &Place, after: &[u8], bytes: &[u8]) -> Option<TargetStatus> {
        if !self.has_answered
            && let Some(other) = other_protocol(bytes)
        {
            return Some(TargetStatus::OtherProtocol(other));
        }
        let connection = self.connections.get_mut(&place.connection)?;
        let (mut at, mut said) = (0, Vec::new());
        while at < bytes.len() {
            let (taken, next) = connection.unsolicited_framing.next(&bytes[at..]);
            at += taken;
            match next {
                Next::Frame(reply) => said.push(reply.to_vec()),
                Next::TooLong => said.push(bytes[..at].to_vec()),
                Next::Incomplete => break,
            }
        }
        // They answer no request, so that the time of their receipt counts.
        let now_ns = self.span_ns.1;
        let replied =
            |reply| Exchange { place: *place, request: after, reply, sent_ns: now_ns, replied_ns: now_ns };
        said.iter().filter_map(|reply| self.replied(&replied(reply))).last()
    }

    /// Returns whether a request of the cleanup is one that every server must answer.
    fn is_plain(&self, request: &[u8]) -> bool {
        const BYTES_MAX: usize = 1000;
        let is_short_text = request.len() <= BYTES_MAX && request.iter().all(u8::is_ascii_graphic);
        is_short_text || [request, self.plan.dialect.delimiter].concat() == self.plan.dialect.plain_request
    }

    /// Returns the clause that a violation concerns.
    pub(crate) fn clause(&self, kind: ViolationKind<'_>) -> Clause {
        (self.plan.dialect.clause)(self.plan.case.clause, kind)
    }

    /// Formats a frame as it was on the wire.
    pub(crate) fn line(&self, frame: &[u8]) -> String {
        printable(&[frame, self.plan.dialect.delimiter].concat())
    }

    pub(crate) fn stayed_open(&mut self, waited_ns: u64) {
        let shown = Evidence {
            sent: messages::CASE_BYTES_THEN_NOTHING.to_owned(),
            actual: messages::still_open(&seconds(waited_ns)),
            expected: messages::CLOSE_BY_THEN.to_owned(),
            differs_at: None,
        };
        self.find(self.plan.case.clause, messages::NOT_CLOSED, shown);
    }

    pub(crate) fn not_opened(&mut self, failure: &Failure) -> Option<TargetStatus> {
        if failure.kind == FailureKind::OutOfResources {
            self.find_unknown(&messages::out_of_resources(&failure.message));
            return None;
        }
        let clause = self.clause(ViolationKind::NotOpened);
        let shown = Evidence {
            sent: messages::OPENING.to_owned(),
            actual: failure.message.clone(),
            expected: messages::A_CONNECTION.to_owned(),
            differs_at: None,
        };
        self.find_end(clause, messages::NOT_OPENED, shown);
        (failure.kind == FailureKind::Refused).then_some(TargetStatus::RefusesConnections)
    }

    pub(crate) fn find_unknown(&mut self, summary: &str) {
        self.finding.get_or_insert_with(|| Finding::new(Verdict::Unknown, summary));
    }

    /// Records a violation whose evidence is a connection that ended, could not be opened or stayed silent.
    fn find_end(&mut self, clause: Clause, summary: &str, shown: Evidence) {
        let is_first = self.finding.is_none();
        self.find(clause, summary, shown);
        if let Some(finding) = self.finding.as_mut().filter(|_| is_first) {
            finding.is_explained_by_loss = true;
        }
    }

    /// Records a violation. Only the first one counts, because later ones may follow from it.
    pub(crate) fn find(&mut self, clause: Clause, summary: &str, shown: Evidence) {
        self.find_at(self.plan.case.level, clause, summary, shown);
    }

    /// Records a violation of a requirement that has this level, if the clause has no lower one.
    fn find_at(&mut self, level: Level, clause: Clause, summary: &str, shown: Evidence) {
        if self.finding.is_some() {
            return;
        }
        let verdict = if level.min(clause.level) == Level::Must { Verdict::Fail } else { Verdict::Warn };
        let mut finding = Finding { clause: Some(clause), ..Finding::new(verdict, summary) };
        finding.show(shown.sent, shown.actual, shown.expected);
        finding.differs_at = shown.differs_at;
        self.finding = Some(finding);
        self.wire.mark();
    }
}
