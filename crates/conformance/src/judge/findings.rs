//! What the judge of a case finds, and which clause it names.

use protocol::{Clause, Level, Next};

use super::{CaseJudge, Sign};
use crate::case::Allowed;
use crate::dialect::Broken;
use crate::dialect::Unasked;
use crate::foreign::foreign_speech;
use crate::limits::LATE_NS_MAX;
use crate::plan::CLEANUP;
use driver::exchanges::Exchange;
use driver::exchanges::Place;
use driver::history::EventKind;
use driver::history::Failure;
use driver::history::FailureKind;
use protocol::text::printable;
use verdict::Finding;
use verdict::Verdict;
use verdict::seconds;

impl CaseJudge {
    /// Surplus is looked at when it can be no last word any more.
    pub(crate) fn surplus(&mut self, place: &Place, after: &[u8], bytes: &[u8]) -> Option<Sign> {
        let dialect = self.plan.dialect;
        let lane = self.lanes.get_mut(&place.connection)?;
        let Unasked::LastWord(last_word) = dialect.unasked else {
            return self.said_unasked(place, after, bytes);
        };
        lane.surplus.extend_from_slice(bytes);
        if !self.has_answered
            && let Some(other) = foreign_speech(&lane.surplus)
        {
            return Some(Sign::Foreign(other));
        }
        if lane.slot != CLEANUP && !last_word.starts_with(&lane.surplus) {
            let surplus = std::mem::take(&mut lane.surplus);
            self.find_surplus(place, after, &surplus);
        }
        None
    }

    pub(crate) fn find_surplus(&mut self, place: &Place, after: &[u8], bytes: &[u8]) {
        let own = self.plan.case.clause;
        let clause = self.clause(Broken::Unsolicited { has_sent: place.has_sent });
        let summary = match place {
            _ if clause == own => "bytes that had not to come",
            Place { has_sent: false, .. } => "bytes before anything was asked",
            _ => "bytes beyond the one reply to a request",
        };
        let sent = match (place.has_sent, after) {
            (false, _) => "nothing, on a new connection".to_owned(),
            (true, []) => "no whole line".to_owned(),
            (true, after) => self.line(after),
        };
        let shown =
            Shown { sent, came: printable(bytes), expected: "nothing more".to_owned(), wrong_at: None };
        self.find(clause, summary, shown);
    }

    pub(crate) fn unanswered(
        &mut self,
        place: &Place,
        request: &[u8],
        partial: &[u8],
        end: &EventKind<'_>,
    ) -> Option<Sign> {
        let allowed = self.expected_next(place.connection);
        let lane = self.lanes.get(&place.connection)?;
        let may_be_said_before = self.plan.dialect.unasked == Unasked::WhatIsExpected && lane.slot != CLEANUP;
        if allowed.is_none() && may_be_said_before {
            // All that was expected was said before it was asked for.
            self.look_for_reset(end);
            return None;
        }
        let is_janitor = lane.slot == CLEANUP;
        let has_last_word = !lane.surplus.is_empty();
        if let Some(other) = foreign_speech(partial).filter(|_| !self.has_answered) {
            return Some(Sign::Foreign(other));
        }
        let (how, is_ended) = match end {
            EventKind::TimedOut { late_ns, .. } if *late_ns > LATE_NS_MAX => {
                self.find_unknown("no reply in time, but the harness itself was held up");
                return None;
            }
            EventKind::Lost(Failure { kind: FailureKind::OutOfResources, message }) => {
                self.find_unknown(&format!("this machine ran out of what a connection needs: {message}"));
                return None;
            }
            EventKind::TimedOut { waited_ns, late_ns } => {
                (format!("nothing within {}", seconds(waited_ns.saturating_sub(*late_ns))), false)
            }
            EventKind::Lost(failure) => (failure.message.clone(), true),
            _ if has_last_word => (r"ERROR\n, and the end of the connection".to_owned(), true),
            _ => ("the end of the connection".to_owned(), true),
        };
        match allowed {
            Some(Allowed::Observed) => {
                self.observed.push(if is_ended { "closed".to_owned() } else { "silence".to_owned() });
                return None;
            }
            Some(allowed) if allowed.may_end() && is_ended => return None,
            _ => {}
        }
        let broken = match is_ended {
            _ if !partial.is_empty() => Broken::Partial,
            true => Broken::Ended {
                request,
                is_plain: is_janitor,
                is_first: place.replies == 0,
                has_erred: lane.has_erred,
            },
            false => Broken::Silent { is_plain: is_janitor },
        };
        let clause = self.clause(broken);
        let summary = match (is_janitor, is_ended) {
            (true, true) => "the connection ended in the middle of plain requests",
            (true, false) => "a plain request on a new connection got no reply in time",
            (false, true) => "the connection ended instead of a reply",
            (false, false) => "no reply in time",
        };
        let came = match partial {
            [] => how,
            partial => format!("{} and no whole reply, then {how}", printable(partial)),
        };
        let expected = allowed.map_or_else(|| "a reply".to_owned(), |allowed| one_of(allowed.lines()));
        self.find(clause, summary, Shown { sent: self.line(request), came, expected, wrong_at: None });
        (is_janitor && partial.is_empty()).then_some(if is_ended { Sign::HangsUp } else { Sign::Silent })
    }

    /// Nothing was asked that is unanswered. What is expected unasked may be missing all the same.
    pub(crate) fn ended_at_rest(&mut self, place: &Place, end: &EventKind<'_>) -> Option<Sign> {
        let is_by_client = matches!(end, EventKind::Closed | EventKind::Reset);
        if self.expected_next(place.connection).is_some_and(|allowed| !allowed.may_end()) && !is_by_client {
            return self.unanswered(place, b"", b"", end);
        }
        let lane = self.lanes.remove(&place.connection)?;
        if lane.slot == CLEANUP {
            return None;
        }
        if let Unasked::LastWord(last_word) = self.plan.dialect.unasked
            && !lane.surplus.is_empty()
            && !last_word.starts_with(&lane.surplus)
        {
            self.find_surplus(place, b"", &lane.surplus);
        }
        self.look_for_reset(end);
        None
    }

    /// What has to come next on a connection.
    fn expected_next(&self, connection: u32) -> Option<Allowed> {
        let lane = self.lanes.get(&connection)?;
        self.plan.expected(lane.slot, lane.opened_before).get(lane.answered).copied()
    }

    fn look_for_reset(&mut self, end: &EventKind<'_>) {
        if let EventKind::Lost(failure) = end
            && !self.plan.dialect.may_reset
            && failure.kind != FailureKind::OutOfResources
        {
            let shown = Shown {
                sent: "what the case sends".to_owned(),
                came: failure.message.clone(),
                expected: "the end of the stream".to_owned(),
                wrong_at: None,
            };
            self.find(self.clause(Broken::Reset), "the connection was reset", shown);
        }
    }

    /// What a server may say unasked is what is expected next.
    fn said_unasked(&mut self, place: &Place, after: &[u8], bytes: &[u8]) -> Option<Sign> {
        if !self.has_answered
            && let Some(other) = foreign_speech(bytes)
        {
            return Some(Sign::Foreign(other));
        }
        let lane = self.lanes.get_mut(&place.connection)?;
        let (mut at, mut said) = (0, Vec::new());
        while at < bytes.len() {
            let (taken, next) = lane.unasked.next(&bytes[at..]);
            at += taken;
            match next {
                Next::Frame(reply) => said.push(reply.to_vec()),
                Next::TooLong => said.push(bytes[..at].to_vec()),
                Next::Incomplete => break,
            }
        }
        // It answers nothing, so what counts is when it came.
        let now_ns = self.span_ns.1;
        let replied =
            |reply| Exchange { place: *place, request: after, reply, sent_ns: now_ns, replied_ns: now_ns };
        said.iter().filter_map(|reply| self.replied(&replied(reply))).last()
    }

    /// The clause that something breaks.
    pub(crate) fn clause(&self, broken: Broken<'_>) -> Clause {
        (self.plan.dialect.clause)(self.plan.case.clause, broken)
    }

    /// A frame as it was on the wire.
    pub(crate) fn line(&self, frame: &[u8]) -> String {
        printable(&[frame, self.plan.dialect.delimiter].concat())
    }

    pub(crate) fn stayed_open(&mut self, waited_ns: u64) {
        let shown = Shown {
            sent: "what the case sends, and then nothing".to_owned(),
            came: format!("the connection is open after {}", seconds(waited_ns)),
            expected: "the end of the connection by then".to_owned(),
            wrong_at: None,
        };
        self.find(self.plan.case.clause, "a connection that had to end did not", shown);
    }

    pub(crate) fn not_opened(&mut self, failure: &Failure) -> Option<Sign> {
        if failure.kind == FailureKind::OutOfResources {
            self.find_unknown(&format!("this machine ran out of descriptors or ports: {}", failure.message));
            return None;
        }
        let clause = self.clause(Broken::NotOpened);
        let shown = Shown {
            sent: "nothing, the connection was to be opened".to_owned(),
            came: failure.message.clone(),
            expected: "a connection".to_owned(),
            wrong_at: None,
        };
        self.find(clause, "a connection could not be opened", shown);
        (failure.kind == FailureKind::Refused).then_some(Sign::Refuses)
    }

    pub(crate) fn find_unknown(&mut self, summary: &str) {
        self.finding.get_or_insert_with(|| Finding::new(Verdict::Unknown, summary));
    }

    /// The first finding stands: what follows it proves little.
    pub(crate) fn find(&mut self, clause: Clause, summary: &str, shown: Shown) {
        if self.finding.is_some() {
            return;
        }
        let level = self.plan.case.level.min(clause.level);
        let verdict = if level == Level::Must { Verdict::Fail } else { Verdict::Warn };
        let mut finding = Finding { clause: Some(clause), ..Finding::new(verdict, summary) };
        finding.show(shown.sent, shown.came, shown.expected);
        finding.wrong_at = shown.wrong_at;
        self.finding = Some(finding);
        self.wire.mark();
    }
}

/// What a finding shows.
pub(crate) struct Shown {
    pub(crate) sent: String,
    pub(crate) came: String,
    pub(crate) expected: String,
    /// Where what came leaves what had to come, in characters, where it makes sense to say so.
    pub(crate) wrong_at: Option<usize>,
}

/// Where, in the printable form of what came, it leaves the line that it shares most with.
pub(crate) fn first_wrong(came: &[u8], lines: &[&[u8]]) -> usize {
    let shared = |line: &&[u8]| came.iter().zip(line.iter()).take_while(|(one, other)| one == other).count();
    let right = lines.iter().map(shared).max().unwrap_or(0);
    printable(&came[..right]).chars().count()
}

pub(crate) fn one_of(lines: &[&[u8]]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
    lines.join(" or ")
}
