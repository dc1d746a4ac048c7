//! What the judge of a case finds, and which clause it names.

use protocol::index::clauses::{A1, A2, A3, A4, C1, F1};
use protocol::index::wire::Request;
use protocol::{Clause, Level};

use super::{CaseJudge, LAST_WORD, Sign};
use crate::history::{Failure, FailureKind, What};
use crate::pairing::Place;
use crate::suite::case::Allowed;
use crate::suite::plan::JANITOR;
use crate::verdict::{Finding, LATE_NS_MAX, Verdict, foreign_speech, printable, seconds};

impl CaseJudge {
    /// Surplus is looked at when it can be no last word any more.
    pub(super) fn surplus(&mut self, place: &Place, after: &[u8], bytes: &[u8]) -> Option<Sign> {
        let lane = self.lanes.get_mut(&place.connection)?;
        lane.surplus.extend_from_slice(bytes);
        if !self.has_answered
            && let Some(other) = foreign_speech(&lane.surplus)
        {
            return Some(Sign::Foreign(other));
        }
        if lane.slot != JANITOR && !LAST_WORD.starts_with(&lane.surplus) {
            let surplus = std::mem::take(&mut lane.surplus);
            self.find_surplus(place, after, &surplus);
        }
        None
    }

    pub(super) fn find_surplus(&mut self, place: &Place, after: &[u8], bytes: &[u8]) {
        let own = self.plan.case.clause;
        let (clause, summary) = match place {
            // What a framing case is about shows in what comes too early, or too often.
            _ if own.id.starts_with('F') => (own, "bytes that had not to come"),
            Place { has_sent: false, .. } => (F1, "bytes before anything was asked"),
            _ => (A1, "bytes beyond the one reply to a request"),
        };
        let sent = match (place.has_sent, after) {
            (false, _) => "nothing, on a new connection".to_owned(),
            (true, []) => "no whole line".to_owned(),
            (true, after) => line(after),
        };
        let shown =
            Shown { sent, came: printable(bytes), had_to_come: "nothing more".to_owned(), wrong_at: None };
        self.find(clause, summary, shown);
    }

    pub(super) fn unanswered(
        &mut self,
        place: &Place,
        request: &[u8],
        partial: &[u8],
        end: &What<'_>,
    ) -> Option<Sign> {
        let lane = self.lanes.get(&place.connection)?;
        let allowed = self.plan.expected(lane.slot, lane.opened_before).get(lane.answered).copied();
        let is_janitor = lane.slot == JANITOR;
        let has_last_word = !lane.surplus.is_empty();
        if let Some(other) = foreign_speech(partial).filter(|_| !self.has_answered) {
            return Some(Sign::Foreign(other));
        }
        let (how, is_ended) = match end {
            What::TimedOut { late_ns, .. } if *late_ns > LATE_NS_MAX => {
                self.find_unknown("no reply in time, but the harness itself was held up");
                return None;
            }
            What::Lost(Failure { kind: FailureKind::OutOfResources, message }) => {
                self.find_unknown(&format!("this machine ran out of what a connection needs: {message}"));
                return None;
            }
            What::TimedOut { waited_ns, late_ns } => {
                (format!("nothing within {}", seconds(waited_ns.saturating_sub(*late_ns))), false)
            }
            What::Lost(failure) => (failure.message.clone(), true),
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
        let own = self.plan.case.clause;
        let clause = match is_ended {
            _ if !partial.is_empty() => A1,
            true if is_janitor => {
                if place.replies == 0 {
                    A1
                } else {
                    A3
                }
            }
            true if own.id.starts_with(['F', 'C']) || own == A4 => own,
            // A broken line that gets no ERROR, and not the end after an ERROR before it.
            true if Request::decode(request).is_err() && !lane.has_erred => A2,
            true => A3,
            false if is_janitor => A1,
            false => own,
        };
        let summary = match (is_janitor, is_ended) {
            (true, true) => "the connection ended in the middle of plain requests",
            (true, false) => "a plain request on a new connection got no reply in time",
            (false, true) => "the connection ended instead of a reply",
            (false, false) => "no reply in time",
        };
        let came = match partial {
            [] => how,
            partial => format!("{} without a line end, then {how}", printable(partial)),
        };
        let had_to_come = allowed.map_or_else(|| "a reply".to_owned(), |allowed| one_of(allowed.lines()));
        self.find(clause, summary, Shown { sent: line(request), came, had_to_come, wrong_at: None });
        (is_janitor && partial.is_empty()).then_some(if is_ended { Sign::HangsUp } else { Sign::Silent })
    }

    pub(super) fn ended_at_rest(&mut self, place: &Place) {
        let Some(lane) = self.lanes.remove(&place.connection) else { return };
        if !lane.surplus.is_empty() && lane.slot != JANITOR && !LAST_WORD.starts_with(&lane.surplus) {
            self.find_surplus(place, b"", &lane.surplus);
        }
    }

    pub(super) fn stayed_open(&mut self, waited_ns: u64) {
        let shown = Shown {
            sent: "what the case sends, and then nothing".to_owned(),
            came: format!("the connection is open after {}", seconds(waited_ns)),
            had_to_come: "the end of the connection, within --stall-limit".to_owned(),
            wrong_at: None,
        };
        self.find(self.plan.case.clause, "a client that stalls is not dropped", shown);
    }

    pub(super) fn not_opened(&mut self, failure: &Failure) -> Option<Sign> {
        if failure.kind == FailureKind::OutOfResources {
            self.find_unknown(&format!("this machine ran out of descriptors or ports: {}", failure.message));
            return None;
        }
        let own = self.plan.case.clause;
        let clause = if own.id.starts_with('C') { own } else { C1 };
        let shown = Shown {
            sent: "nothing, the connection was to be opened".to_owned(),
            came: failure.message.clone(),
            had_to_come: "a connection".to_owned(),
            wrong_at: None,
        };
        self.find(clause, "a connection could not be opened", shown);
        (failure.kind == FailureKind::Refused).then_some(Sign::Refuses)
    }

    pub(super) fn find_unknown(&mut self, summary: &str) {
        self.finding.get_or_insert_with(|| Finding::new(Verdict::Unknown, summary));
    }

    /// The first finding stands: what follows it proves little.
    pub(super) fn find(&mut self, clause: Clause, summary: &str, shown: Shown) {
        if self.finding.is_some() {
            return;
        }
        let level = self.plan.case.level.min(clause.level);
        let verdict = if level == Level::Must { Verdict::Fail } else { Verdict::Warn };
        let mut finding = Finding { clause: Some(clause), ..Finding::new(verdict, summary) };
        finding.show(shown.sent, shown.came, shown.had_to_come);
        finding.wrong_at = shown.wrong_at;
        self.finding = Some(finding);
        self.wire.mark();
    }
}

/// What a finding shows.
pub(super) struct Shown {
    pub(super) sent: String,
    pub(super) came: String,
    pub(super) had_to_come: String,
    /// Where what came leaves what had to come, in characters, where it makes sense to say so.
    pub(super) wrong_at: Option<usize>,
}

/// A frame as the line that it was on the wire.
pub(super) fn line(frame: &[u8]) -> String {
    printable(&[frame, b"\n"].concat())
}

/// Where, in the printable form of what came, it leaves the line that it shares most with.
pub(super) fn first_wrong(came: &[u8], lines: &[&[u8]]) -> usize {
    let shared = |line: &&[u8]| came.iter().zip(line.iter()).take_while(|(one, other)| one == other).count();
    let right = lines.iter().map(shared).max().unwrap_or(0);
    printable(&came[..right]).chars().count()
}

pub(super) fn one_of(lines: &[&[u8]]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
    lines.join(" or ")
}
