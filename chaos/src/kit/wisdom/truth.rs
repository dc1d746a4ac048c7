//! Over all clients each challenge brings one quotation at the most, for enough work, and no two are alike.

use std::collections::{BTreeMap, BTreeSet};

use driver::exchanges::Exchange;
use driver::exchanges::ExchangeReader;
use driver::exchanges::Observation;
use driver::history::Event;
use protocol::text::printable;
use protocol::wisdom::Wisdom;
use protocol::wisdom::clauses::{W01, W21, W25, W27};
use protocol::wisdom::frames::Frames;
use protocol::wisdom::messages::{Request, Response};
use protocol::wisdom::proof::zero_bits;
use protocol::wisdom::token::Token;
use protocol::{Clause, Protocol};
use verdict::Finding;
use verdict::Verdict;

use crate::kit::Truth;

/// More nonces than any run brings; beyond that no others are remembered, for memory is bounded.
const NONCES_MAX: usize = 1 << 20;

/// The nonce of a challenge.
type Nonce = [u8; 16];

/// Holds all replies against what was given and spent before.
#[derive(Debug)]
pub(super) struct Once {
    pairing: ExchangeReader<Frames>,
    ledger: Ledger,
}

/// What was given and spent, by whichever target: no challenge outlives one.
#[derive(Debug, Default)]
struct Ledger {
    given: BTreeSet<Nonce>,
    /// Who got the quotation of a challenge, and when.
    spent: BTreeMap<Nonce, (u32, u64)>,
    found: Vec<(u64, Finding)>,
}

impl Once {
    pub(super) fn new() -> Self {
        Self { pairing: ExchangeReader::new(Wisdom::framing), ledger: Ledger::default() }
    }
}

impl Ledger {
    fn replied(&mut self, replied: &Exchange<'_>) {
        match (Request::decode(replied.request), Response::decode(replied.reply)) {
            (_, Ok(Response::Challenge(challenge))) => {
                let nonce = Token::read(&challenge.token).nonce;
                if self.given.contains(&nonce) {
                    self.find(replied, W01, "two challenges have the same nonce", "a nonce of its own");
                } else if self.given.len() < NONCES_MAX {
                    self.given.insert(nonce);
                }
            }
            (Ok(Request::Solution(solution)), Ok(Response::Quote(_))) => {
                let token = Token::read(&solution.token);
                if zero_bits(&solution.token, solution.counter) < token.difficulty.into() {
                    let summary = "a quotation for too little work";
                    self.find(replied, W21, summary, "ERROR INSUFFICIENT_WORK");
                }
                if let Some(&(client, first_ns)) = self.spent.get(&token.nonce) {
                    let clause = if replied.sent_ns < first_ns { W27 } else { W25 };
                    let summary =
                        format!("a second quotation for one challenge; client {client} got the first");
                    self.find(replied, clause, &summary, "ERROR REPLAYED");
                } else if self.spent.len() < NONCES_MAX {
                    self.spent.insert(token.nonce, (replied.place.client, replied.replied_ns));
                }
            }
            _ => {}
        }
    }

    fn find(&mut self, replied: &Exchange<'_>, clause: Clause, summary: &str, expected: &str) {
        let client = Some(replied.place.client);
        let mut finding = Finding { clause: Some(clause), client, ..Finding::new(Verdict::Fail, summary) };
        finding.show(printable(replied.request), printable(replied.reply), expected.to_owned());
        self.found.push((replied.sent_ns, finding));
    }
}

impl Truth for Once {
    fn observe(&mut self, event: &Event<'_>) {
        let Self { pairing, ledger } = self;
        pairing.observe(event, |seen| {
            if let Observation::Exchange(replied) = seen {
                ledger.replied(&replied);
            }
        });
    }

    fn end_part(&mut self) -> Vec<(u64, Finding)> {
        // The connections of the next part are numbered anew.
        self.pairing = ExchangeReader::new(Wisdom::framing);
        std::mem::take(&mut self.ledger.found)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use driver::history::EventKind;
    use protocol::wisdom::messages::{Challenge, Quotation, Solution, Source};
    use protocol::wisdom::proof::Search;

    use super::*;

    fn token(nonce: u8) -> Token {
        let mut token = Token::read(&[nonce; 64]);
        (token.version, token.algorithm, token.difficulty) = (1, 1, 4);
        token
    }

    fn solution(nonce: u8, counter: Option<u64>) -> Vec<u8> {
        let token = token(nonce).bytes();
        let found = || Search::new(&token).find(4, 0..1 << 20).unwrap();
        let mut request = Vec::new();
        let counter = counter.unwrap_or_else(found);
        Request::Solution(Solution { token, counter }).encode(&mut request);
        request
    }

    fn encoded(response: &Response) -> Vec<u8> {
        let mut bytes = Vec::new();
        response.encode(&mut bytes);
        bytes
    }

    fn quote() -> Vec<u8> {
        let (quote, author) = ("So it goes.".to_owned(), "Kurt Vonnegut".to_owned());
        encoded(&Response::Quote(Quotation { quote, author, source: Source::Cache }))
    }

    /// Exchanges, each on a connection of its own: when it was sent and answered, what, and by what.
    fn clauses(exchanges: &[(u64, u64, Vec<u8>, Vec<u8>)]) -> Vec<&'static str> {
        let mut once = Once::new();
        let mut events = Vec::new();
        for ((sent_ns, replied_ns, request, reply), client) in exchanges.iter().zip(1..) {
            events.push((*sent_ns, client, EventKind::Opened(0)));
            events.push((*sent_ns, client, EventKind::Sent(Cow::Borrowed(request))));
            events.push((*replied_ns, client, EventKind::Received(Cow::Borrowed(reply))));
        }
        events.sort_by_key(|(at_ns, ..)| *at_ns);
        for (at_ns, client, event) in events {
            once.observe(&Event { at_ns, client, connection: client, event });
        }
        once.end_part().iter().filter_map(|(_, finding)| finding.clause).map(|clause| clause.id).collect()
    }

    #[test]
    fn a_challenge_brings_one_quotation() {
        let first = (10, 20, solution(1, None), quote());
        assert!(clauses(&[first.clone(), (30, 40, solution(2, None), quote())]).is_empty());
        assert_eq!(clauses(&[first.clone(), (30, 40, solution(1, None), quote())]), ["W25"]);
        assert_eq!(clauses(&[first, (15, 40, solution(1, None), quote())]), ["W27"]);
    }

    #[test]
    fn a_quotation_is_for_enough_work_and_a_nonce_for_one_challenge() {
        let too_little = (0..1 << 20).find(|&counter| zero_bits(&token(1).bytes(), counter) < 4);
        assert_eq!(clauses(&[(10, 20, solution(1, too_little), quote())]), ["W21"]);
        let mut request = Vec::new();
        Request::Challenge.encode(&mut request);
        let given = |at_ns| {
            let challenge = encoded(&Response::Challenge(Challenge::of(&token(1))));
            (at_ns, at_ns + 1, request.clone(), challenge)
        };
        assert_eq!(clauses(&[given(10), given(20)]), ["W01"]);
    }
}
