//! Judges the bystanders of WOW/1: each expects a challenge and a quotation, unless the target refuses it.

use std::collections::BTreeSet;

use driver::REPLY_BYTES_MAX;
use driver::exchanges::Exchange;
use driver::exchanges::Observation;
use driver::exchanges::Place;
use driver::history::EventKind;
use protocol::text::printable;
use protocol::wisdom::Wisdom;
use protocol::wisdom::clauses::W02;
use protocol::wisdom::messages::{Request, Response};
use protocol::wisdom::token::Token;
use protocol::{Framing, Next, Protocol};
use verdict::seconds;

use crate::chaos_protocol::{BystanderJudge, BystanderState};
use crate::harm::evidence::{Incident, SessionEnd};
use crate::wisdom::bystander::DIFFICULTY_MAX;

/// The number of replies in a complete session: a challenge and a quotation.
const REPLIES: u64 = 2;

/// Follows all bystanders.
#[derive(Debug, Default)]
pub(crate) struct WisdomJudge {
    /// The connections of clients that were refused, or that leave because their challenge is too hard.
    refused: BTreeSet<u32>,
}

impl BystanderJudge for WisdomJudge {
    fn observe(&mut self, observation: &Observation<'_>) -> BystanderState {
        match observation {
            Observation::Exchange(exchange) => self.judge_reply(exchange),
            Observation::Unsolicited { place, bytes, .. } => {
                let mut framing = Wisdom::framing(REPLY_BYTES_MAX);
                match framing.next(bytes) {
                    // A server refuses a client above a limit without a request.
                    (_, Next::Frame(frame)) if is_refusal(frame) => self.refuse(*place),
                    _ => BystanderState::Unspecific,
                }
            }
            Observation::Unanswered { place, .. } if self.refused.remove(&place.connection) => {
                BystanderState::InProgress
            }
            Observation::Unanswered {
                place: Place { replies: 0, .. },
                end: EventKind::Ended,
                partial: [],
                ..
            } => BystanderState::ClosedUnserved,
            Observation::EndedIdle { place, end } => self.judge_end(*place, end),
            Observation::StayedOpen { waited_ns, .. } => {
                let actual = format!("the connection is open after {}", seconds(*waited_ns));
                session_broken(SessionEnd::StaysOpen, "its solution", actual)
            }
            _ => BystanderState::Unspecific,
        }
    }
}

impl WisdomJudge {
    fn judge_reply(&mut self, exchange: &Exchange<'_>) -> BystanderState {
        if is_refusal(exchange.reply) {
            return self.refuse(exchange.place);
        }
        let is_correct = match (Request::decode(exchange.request), Response::decode(exchange.reply)) {
            (Ok(Request::Challenge), Ok(Response::Challenge(challenge))) => {
                let bits = Token::read(&challenge.token).difficulty;
                if bits > DIFFICULTY_MAX {
                    self.refused.insert(exchange.place.connection);
                    return incident(Incident::ChallengeTooHard { bits, bits_max: DIFFICULTY_MAX });
                }
                challenge.disagreement().is_none()
            }
            (Ok(Request::Solution(_)), Ok(Response::Quote(_))) => return BystanderState::Served,
            _ => false,
        };
        if is_correct {
            return BystanderState::InProgress;
        }
        let expected = if exchange.place.replies == 0 { "a CHALLENGE" } else { "a QUOTE" };
        incident(Incident::IncorrectReply {
            is_refusal: false,
            request: printable(exchange.request),
            actual: printable(exchange.reply),
            expected: expected.to_owned(),
        })
    }

    fn refuse(&mut self, place: Place) -> BystanderState {
        self.refused.insert(place.connection);
        BystanderState::Refused
    }

    fn judge_end(&mut self, place: Place, end: &EventKind<'_>) -> BystanderState {
        let was_refused = self.refused.remove(&place.connection);
        match end {
            EventKind::Closed | EventKind::Reset => BystanderState::InProgress,
            _ if was_refused => BystanderState::InProgress,
            EventKind::Lost(failure) => {
                session_broken(SessionEnd::Reset, "its request", failure.message.clone())
            }
            _ if place.replies >= REPLIES => BystanderState::InProgress,
            _ if place.replies == 0 => BystanderState::ClosedUnserved,
            _ => session_broken(
                SessionEnd::TooEarly,
                "its request, if any",
                "the end of the connection".to_owned(),
            ),
        }
    }
}

/// Returns whether a server may send this reply to any request of a well-behaved client.
fn is_refusal(reply: &[u8]) -> bool {
    matches!(Response::decode(reply), Ok(Response::Error(refusal)) if refusal.code.is_always_allowed())
}

fn incident(incident: Incident) -> BystanderState {
    BystanderState::Incident(Box::new(incident))
}

fn session_broken(end: SessionEnd, sent: &str, actual: String) -> BystanderState {
    incident(Incident::SessionBroken { clause: W02, end, sent: sent.to_owned(), actual })
}

#[cfg(test)]
mod tests {
    use protocol::wisdom::messages::{Challenge, Code, Quotation, Refusal, Solution, Source};

    use super::*;

    fn encoded(response: &Response) -> Vec<u8> {
        let mut bytes = Vec::new();
        response.encode(&mut bytes);
        bytes
    }

    fn error(code: Code) -> Vec<u8> {
        encoded(&Response::Error(Refusal::from(code)))
    }

    fn challenge(difficulty: u8) -> Vec<u8> {
        let mut token = Token::read(&[3; 64]);
        (token.version, token.algorithm, token.difficulty) = (1, 1, difficulty);
        encoded(&Response::Challenge(Challenge::of(&token)))
    }

    fn quote() -> Vec<u8> {
        let (quote, author) = ("So it goes.".to_owned(), "Kurt Vonnegut".to_owned());
        encoded(&Response::Quote(Quotation { quote, author, source: Source::Fallback }))
    }

    fn request(is_solution: bool) -> Vec<u8> {
        let request = if is_solution {
            Request::Solution(Solution { token: [3; 64], counter: 1 })
        } else {
            Request::Challenge
        };
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        bytes
    }

    fn place(replies: u64) -> Place {
        Place { client: 0, connection: 7, replies, has_sent: true, is_mid_request: false, idle_ns: 0 }
    }

    fn state(judge: &mut WisdomJudge, is_solution: bool, reply: &[u8]) -> String {
        let (request, place) = (request(is_solution), place(is_solution.into()));
        let exchange = Exchange { place, request: &request, reply, sent_ns: 0, replied_ns: 1 };
        name(&judge.observe(&Observation::Exchange(exchange)))
    }

    fn name(state: &BystanderState) -> String {
        match state {
            BystanderState::Incident(incident) => format!("{incident:?}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_reply_is_judged() {
        let judge = &mut WisdomJudge::default();
        assert_eq!(state(judge, false, &challenge(6)), "InProgress");
        assert_eq!(state(judge, true, &quote()), "Served");
        for code in [Code::ServerBusy, Code::RateLimited] {
            assert_eq!(state(judge, false, &error(code)), "Refused");
        }
        assert!(state(judge, false, &quote()).starts_with("IncorrectReply"));
        assert!(state(judge, true, &error(Code::Replayed)).starts_with("IncorrectReply"));
        assert!(state(judge, true, b"OK\n").starts_with("IncorrectReply"));
        assert_eq!(state(judge, false, &challenge(20)), "ChallengeTooHard { bits: 20, bits_max: 16 }");
    }

    /// The target closes its half after the client has closed its own.
    #[test]
    fn a_bystander_that_leaves_a_hard_challenge_does_not_accuse_the_target() {
        let judge = &mut WisdomJudge::default();
        assert!(state(judge, false, &challenge(20)).starts_with("ChallengeTooHard"));
        let end = Observation::EndedIdle { place: place(1), end: &EventKind::Ended };
        assert_eq!(name(&judge.observe(&end)), "InProgress");
    }

    #[test]
    fn only_a_refused_bystander_may_lose_its_connection() {
        let judge = &mut WisdomJudge::default();
        let busy = error(Code::ServerBusy);
        let unsolicited = Observation::Unsolicited { place: place(0), after: b"", bytes: &busy };
        let unanswered = || Observation::Unanswered {
            place: place(0),
            request: b"",
            partial: b"",
            end: &EventKind::Ended,
        };
        assert_eq!(name(&judge.observe(&unsolicited)), "Refused");
        assert_eq!(name(&judge.observe(&unanswered())), "InProgress");
        assert_eq!(name(&judge.observe(&unanswered())), "ClosedUnserved");
        let mut ends = |replies| {
            name(&judge.observe(&Observation::EndedIdle { place: place(replies), end: &EventKind::Ended }))
        };
        assert_eq!(ends(2), "InProgress");
        assert!(ends(1).contains("TooEarly"));
    }
}
