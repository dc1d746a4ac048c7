//! What bystanders of WOW/1 are told: a challenge, and for its solution a quotation, unless they are to come again.

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
use verdict::Finding;
use verdict::Verdict;
use verdict::seconds;

use super::DIFFICULTY_MAX;
use crate::kit::{Fate, Witness};

/// The replies to a bystander that has what it came for: a challenge and a quotation.
const REPLIES: u64 = 2;

/// Follows all bystanders.
#[derive(Debug, Default)]
pub(super) struct WisdomWitness {
    /// The connections whose clients were told to come again.
    turned_away: BTreeSet<u32>,
}

impl Witness for WisdomWitness {
    fn see(&mut self, seen: &Observation<'_>) -> Fate {
        match seen {
            Observation::Exchange(replied) => self.replied(replied),
            Observation::Unsolicited { place, bytes, .. } => {
                let mut framing = Wisdom::framing(REPLY_BYTES_MAX);
                match framing.next(bytes) {
                    // Who waits too long, or finds no place, is told so unasked.
                    (_, Next::Frame(frame)) if is_excuse(frame) => self.turn_away(*place),
                    _ => Fate::AsAnybody,
                }
            }
            Observation::Unanswered { place, .. } if self.turned_away.remove(&place.connection) => Fate::Well,
            Observation::Unanswered {
                place: Place { replies: 0, .. },
                end: EventKind::Ended,
                partial: [],
                ..
            } => Fate::SentAway,
            Observation::EndedIdle { place, end } => self.ended(*place, end),
            Observation::StayedOpen { waited_ns, .. } => {
                let came = format!("it is open after {}", seconds(*waited_ns));
                harmed(W02, "a bystander's connection is not ended after its quotation", "its solution", came)
            }
            _ => Fate::AsAnybody,
        }
    }
}

impl WisdomWitness {
    fn replied(&mut self, replied: &Exchange<'_>) -> Fate {
        if is_excuse(replied.reply) {
            return self.turn_away(replied.place);
        }
        let is_wanted = match (Request::decode(replied.request), Response::decode(replied.reply)) {
            (Ok(Request::Challenge), Ok(Response::Challenge(challenge))) => {
                let bits = Token::read(&challenge.token).difficulty;
                if bits > DIFFICULTY_MAX {
                    return too_hard(bits);
                }
                challenge.disagreement().is_none()
            }
            (Ok(Request::Solution(_)), Ok(Response::Quote(_))) => return Fate::Served,
            _ => false,
        };
        if is_wanted {
            return Fate::Well;
        }
        let mut finding = Finding::new(Verdict::Fail, "a bystander got a wrong reply");
        let expected = if replied.place.replies == 0 { "a CHALLENGE" } else { "a QUOTE" };
        finding.show(printable(replied.request), printable(replied.reply), expected.to_owned());
        Fate::Harmed(Box::new(finding))
    }

    fn turn_away(&mut self, place: Place) -> Fate {
        self.turned_away.insert(place.connection);
        Fate::TurnedAway
    }

    fn ended(&mut self, place: Place, end: &EventKind<'_>) -> Fate {
        let was_turned_away = self.turned_away.remove(&place.connection);
        match end {
            EventKind::Closed | EventKind::Reset => Fate::Well,
            _ if was_turned_away => Fate::Well,
            EventKind::Lost(failure) => {
                harmed(W02, "a bystander's connection was reset", "its request", failure.message.clone())
            }
            _ if place.replies >= REPLIES => Fate::Well,
            _ if place.replies == 0 => Fate::SentAway,
            _ => harmed(
                W02,
                "a bystander's connection was ended by the target before its quotation",
                "its request, if any",
                "the end of the connection".to_owned(),
            ),
        }
    }
}

/// Whether a server may say this instead of what is wanted.
fn is_excuse(reply: &[u8]) -> bool {
    matches!(Response::decode(reply), Ok(Response::Error(refusal)) if refusal.code.is_always_allowed())
}

fn harmed(clause: protocol::Clause, summary: &str, sent: &str, came: String) -> Fate {
    let mut finding = Finding { clause: Some(clause), ..Finding::new(Verdict::Fail, summary) };
    finding.show(sent.to_owned(), came, "a quotation, and the end of the stream".to_owned());
    Fate::Harmed(Box::new(finding))
}

/// Not the target's fault: whoever started it wanted it so.
fn too_hard(bits: u8) -> Fate {
    let mut finding = Finding::new(Verdict::Unknown, "bystanders cannot solve what they are asked");
    finding.reason = Some(format!(
        "challenges have {bits} bits, and bystanders solve up to {DIFFICULTY_MAX}: start the target with less"
    ));
    Fate::Harmed(Box::new(finding))
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
        Place { client: 0, connection: 7, replies, has_sent: true, idle_ns: 0 }
    }

    fn fate(witness: &mut WisdomWitness, is_solution: bool, reply: &[u8]) -> String {
        let (request, place) = (request(is_solution), place(is_solution.into()));
        let replied = Exchange { place, request: &request, reply, sent_ns: 0, replied_ns: 1 };
        name(&witness.see(&Observation::Exchange(replied)))
    }

    fn name(fate: &Fate) -> String {
        match fate {
            Fate::Harmed(finding) => format!("{:?}: {}", finding.verdict, finding.summary),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_reply_is_judged() {
        let witness = &mut WisdomWitness::default();
        assert_eq!(fate(witness, false, &challenge(6)), "Well");
        assert_eq!(fate(witness, true, &quote()), "Served");
        for code in [Code::ServerBusy, Code::RateLimited] {
            assert_eq!(fate(witness, false, &error(code)), "TurnedAway");
        }
        let wrong = "Fail: a bystander got a wrong reply";
        assert_eq!(fate(witness, false, &quote()), wrong);
        assert_eq!(fate(witness, true, &error(Code::Replayed)), wrong);
        assert_eq!(fate(witness, true, b"OK\n"), wrong);
        assert!(fate(witness, false, &challenge(20)).starts_with("Unknown: "));
    }

    #[test]
    fn who_was_turned_away_unasked_may_meet_the_end_and_nobody_else() {
        let witness = &mut WisdomWitness::default();
        let busy = error(Code::ServerBusy);
        let surplus = Observation::Unsolicited { place: place(0), after: b"", bytes: &busy };
        let unanswered = || Observation::Unanswered {
            place: place(0),
            request: b"",
            partial: b"",
            end: &EventKind::Ended,
        };
        assert_eq!(name(&witness.see(&surplus)), "TurnedAway");
        assert_eq!(name(&witness.see(&unanswered())), "Well");
        assert_eq!(name(&witness.see(&unanswered())), "SentAway");
        let mut ends = |replies| {
            name(&witness.see(&Observation::EndedIdle { place: place(replies), end: &EventKind::Ended }))
        };
        assert_eq!(ends(2), "Well");
        assert!(ends(1).starts_with("Fail: "));
    }
}
