//! What is found of conversations, and how it is said.

use protocol::Clause;
use protocol::index::clauses::{A1, A3, A4, C1, F1};
use protocol::index::wire::{Reply, Request};

use super::{Conversations, IDLE_NS_MAX, Refusal, Unsolicited};
use conformance::limits::LATE_NS_MAX;
use conformance::other_protocol::other_protocol;
use driver::exchanges::Exchange;
use driver::exchanges::Place;
use driver::history::Ending;
use driver::history::EventKind;
use driver::history::Failure;
use driver::history::FailureKind;
use protocol::text::printable;
use verdict::Finding;
use verdict::Verdict;
use verdict::seconds;

/// The protocol promises to serve this many clients (C1); what happens beyond is no violation.
const CLIENTS_PROMISED: usize = 100;

impl Conversations {
    pub(super) fn find_wrong_reply(
        &mut self,
        client: u32,
        request: &[u8],
        reply: Reply,
        clause: Clause,
        allowed: &[Reply],
    ) {
        let finding = self.find(Verdict::Fail, Some(clause), Some(client), "a wrong reply");
        finding.show(line(request), printable(reply.line()), one_of(allowed));
    }

    /// An `ERROR` that may have been the target's last word on a connection, or is simply wrong.
    pub(super) fn find_error(&mut self, refusal: &Refusal, is_refusal: bool) {
        let Refusal { client, was_idle, request, clause, allowed } = refusal;
        let (verdict, clause, summary) = match (is_refusal, was_idle) {
            (true, true) => (Verdict::Unknown, None, IDLE_ENDED),
            (true, false) => (Verdict::Fail, Some(C1), "a new client was refused"),
            (false, _) => (Verdict::Fail, Some(*clause), "a wrong reply"),
        };
        let finding = self.find(verdict, clause, Some(*client), summary);
        finding.show(line(request), printable(Reply::Error.line()), one_of(allowed));
    }

    /// Something was found that no conversation alone shows.
    pub fn add(&mut self, finding: Finding) {
        self.is_found.extend(finding.client);
        self.findings.push(finding);
    }

    /// Packages of the plan were in before it began, and others need them.
    pub fn find_unswept(&mut self) {
        let summary = "packages of this plan were in at the beginning, and could not be taken out";
        let finding = self.find(Verdict::Unknown, None, None, summary);
        finding.reason = Some("others may depend on them: start the target with an empty index".to_owned());
    }

    /// The run did not come to its end, when so many of its things were done.
    pub fn find_cut_short(&mut self, ending: Ending, done: u64, of: u64, things: &str) {
        let (summary, reason) = match ending {
            Ending::Finished | Ending::Stopped => ("the run ended before it was decided", None),
            Ending::Interrupted => ("interrupted", None),
            Ending::TimeOver => {
                let reason = format!("{done} of {of} {things} were done; --deadline allows more");
                ("the time for the run was over", Some(reason))
            }
        };
        self.find(Verdict::Unknown, None, None, summary).reason = reason;
    }

    pub(super) fn find_no_reply(&mut self, replied: &Exchange<'_>) {
        if self.is_foreign_speech(replied.reply) {
            return;
        }
        let client = Some(replied.place.client);
        let finding = self.find(Verdict::Fail, Some(A1), client, "a reply that is none of the three");
        finding.show(line(replied.request), line(replied.reply), one_of(&ANY));
    }

    pub(super) fn find_surplus(&mut self, surplus: &Unsolicited) {
        let Unsolicited { place, phase, after, bytes } = surplus;
        if self.is_foreign_speech(bytes) {
            return;
        }
        let (clause, summary, sent) = if place.has_sent {
            (A1, "bytes beyond the one reply to a request", line(after))
        } else {
            (F1, "bytes before anything was asked", "nothing, on a new connection".to_owned())
        };
        let finding = self.find(Verdict::Fail, Some(clause), Some(place.client), summary);
        finding.phase = *phase;
        finding.show(sent, printable(bytes), "nothing more".to_owned());
    }

    pub(super) fn find_unanswered(
        &mut self,
        place: &Place,
        request: &[u8],
        partial: &[u8],
        end: &EventKind<'_>,
    ) {
        if self.is_foreign_speech(partial) {
            return;
        }
        // A target that refuses a client ends the connection; one that falls silent was simply wrong before.
        let is_ended = !matches!(end, EventKind::TimedOut { .. });
        if let Some(refusal) = self.refusals.remove(&place.connection) {
            return self.find_error(&refusal, is_ended);
        }
        if !is_ended && self.surplus.contains_key(&place.connection) {
            return self.find_held_surplus(place.connection);
        }
        if place.replies == 0 && self.surplus.remove(&place.connection).is_some() {
            // What is held of surplus is the beginning of ERROR: the target's word on a connection that it refused.
            let finding = self.find(Verdict::Fail, Some(C1), Some(place.client), "a new client was refused");
            finding.show(line(request), printable(Reply::Error.line()), one_of(&ANY));
            return;
        }
        let (verdict, clause, summary, how) = match end {
            EventKind::TimedOut { waited_ns, late_ns } => self.judge_time_out(place, *waited_ns, *late_ns),
            EventKind::Lost(Failure { kind: FailureKind::OutOfResources, message }) => {
                (Verdict::Unknown, None, "this machine ran out of what a connection needs", message.clone())
            }
            EventKind::Lost(failure) => self.judge_end(place, request, failure.message.clone()),
            _ => self.judge_end(place, request, "end of stream".to_owned()),
        };
        let finding = self.find(verdict, clause, Some(place.client), summary);
        finding.show(
            line(request),
            match partial {
                [] => how,
                partial => format!("{} without a line end, then {how}", printable(partial)),
            },
            one_of(&ANY),
        );
    }

    fn judge_time_out(&self, place: &Place, waited_ns: u64, late_ns: u64) -> Judged {
        let how = format!("nothing within {}", seconds(waited_ns.saturating_sub(late_ns)));
        if late_ns > LATE_NS_MAX {
            (Verdict::Unknown, None, "no reply in time, but the harness itself was held up", how)
        } else if self.is_beyond_promise() {
            (Verdict::Fail, Some(C1), "no reply in time", how)
        } else if place.replies == 0 && self.answered_count > 0 {
            (
                Verdict::Fail,
                Some(C1),
                "a new client got no reply in time, beside others that were served",
                how,
            )
        } else {
            (Verdict::Fail, Some(A1), "no reply in time", how)
        }
    }

    fn judge_end(&self, place: &Place, request: &[u8], how: String) -> Judged {
        let is_alone = self.answered_count == 0 && self.open.len() <= 1;
        let is_request = Request::decode(request).is_ok();
        if place.idle_ns > IDLE_NS_MAX {
            (
                Verdict::Unknown,
                None,
                "the target ended a connection that was idle while others were opened",
                how,
            )
        } else if place.replies == 0 && is_request && !is_alone {
            (Verdict::Fail, Some(C1), "the target closed a connection before its first reply", how)
        } else {
            (Verdict::Fail, Some(A3), "the target closed a connection instead of replying", how)
        }
    }

    pub(super) fn find_not_opened(&mut self, client: u32, failure: &Failure) {
        let (verdict, clause, summary) = match failure.kind {
            FailureKind::OutOfResources => {
                (Verdict::Unknown, None, "this machine ran out of descriptors or ports")
            }
            _ if !self.has_connected => (Verdict::Unreachable, None, "the target takes no connection"),
            FailureKind::Refused => {
                (Verdict::Fail, Some(A4), "the target took connections before, and takes none now")
            }
            _ => (Verdict::Fail, Some(C1), "a connection could not be opened"),
        };
        let finding = self.find(verdict, clause, Some(client), summary);
        finding.show(
            "nothing, the connection was to be opened".to_owned(),
            failure.message.clone(),
            "a connection".to_owned(),
        );
    }

    /// Whether the target gives away that it speaks another protocol, which is then the only thing to be said of it.
    fn is_foreign_speech(&mut self, bytes: &[u8]) -> bool {
        let Some(other) = other_protocol(bytes).filter(|_| !self.has_served) else {
            return false;
        };
        self.is_foreign = true;
        self.findings.clear();
        let summary = format!("the target speaks {other}, not the package index");
        self.find(Verdict::Unreachable, None, None, &summary);
        true
    }

    /// Whether so many connections are open that the protocol promises nothing about being served.
    pub(super) fn is_beyond_promise(&self) -> bool {
        self.open.len() > CLIENTS_PROMISED
    }

    /// Something is found.
    ///
    /// # Panics
    /// Never: what was pushed is there.
    pub fn find(
        &mut self,
        verdict: Verdict,
        clause: Option<Clause>,
        client: Option<u32>,
        summary: &str,
    ) -> &mut Finding {
        let is_beyond = clause == Some(C1) && self.is_beyond_promise();
        let verdict = if is_beyond { Verdict::Unknown } else { verdict };
        self.is_found.extend(client);
        self.findings.push(Finding {
            reason: is_beyond.then(|| format!("beyond {CLIENTS_PROMISED} clients nothing is promised")),
            clause,
            client,
            phase: self.phase,
            ..Finding::new(verdict, summary)
        });
        self.findings.last_mut().expect("it was pushed just now")
    }
}

/// The verdict on an end without a reply, the clause, what to call it, and what came in place of the reply.
type Judged = (Verdict, Option<Clause>, &'static str, String);

/// Not promised, and not forbidden either: C5 speaks of clients that stall, and these had nothing to ask.
const IDLE_ENDED: &str = "the target ended a connection that was idle while others were opened";

/// What any request may be answered with.
const ANY: [Reply; 3] = [Reply::Ok, Reply::Fail, Reply::Error];

/// A frame as the line that it was on the wire.
fn line(frame: &[u8]) -> String {
    printable(&[frame, b"\n"].concat())
}

/// Replies as lines, for a sentence.
#[must_use]
pub fn one_of(replies: &[Reply]) -> String {
    let lines: Vec<String> = replies.iter().map(|reply| printable(reply.line())).collect();
    lines.join(" or ")
}
