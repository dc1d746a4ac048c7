//! The invariant of WOW/1 over all clients: challenges are unique, and each yields at most one quotation, for enough work.

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

use crate::chaos_protocol::Invariant;

/// The number of nonces that are remembered, above the number that any run produces.
const NONCES_MAX: usize = 1 << 20;

/// The nonce of a challenge.
type Nonce = [u8; 16];

/// Compares each reply with the challenges issued and spent before.
#[derive(Debug)]
pub(crate) struct SpentOnce {
    exchanges: ExchangeReader<Frames>,
    ledger: Ledger,
}

/// The challenges issued and spent, by any target process: no challenge survives a restart.
#[derive(Debug, Default)]
struct Ledger {
    issued: BTreeSet<Nonce>,
    /// The client that received the quotation of a challenge, and when, in nanoseconds.
    spent: BTreeMap<Nonce, (u32, u64)>,
    found: Vec<(u64, Finding)>,
}

impl SpentOnce {
    pub(crate) fn new() -> Self {
        Self { exchanges: ExchangeReader::new(Wisdom::framing), ledger: Ledger::default() }
    }
}

impl Ledger {
    fn record(&mut self, exchange: &Exchange<'_>) {
        match (Request::decode(exchange.request), Response::decode(exchange.reply)) {
            (_, Ok(Response::Challenge(challenge))) => {
                let nonce = Token::read(&challenge.token).nonce;
                if self.issued.contains(&nonce) {
                    self.find(exchange, W01, "two challenges have the same nonce", "a unique nonce");
                } else if self.issued.len() < NONCES_MAX {
                    self.issued.insert(nonce);
                }
            }
            (Ok(Request::Solution(solution)), Ok(Response::Quote(_))) => {
                let token = Token::read(&solution.token);
                if zero_bits(&solution.token, solution.counter) < token.difficulty.into() {
                    let summary = "the target sent a quotation for insufficient work";
                    self.find(exchange, W21, summary, "ERROR INSUFFICIENT_WORK");
                }
                if let Some(&(client, first_ns)) = self.spent.get(&token.nonce) {
                    let clause = if exchange.sent_ns < first_ns { W27 } else { W25 };
                    let summary = format!(
                        "the target sent a second quotation for one challenge; client {client} received the first"
                    );
                    self.find(exchange, clause, &summary, "ERROR REPLAYED");
                } else if self.spent.len() < NONCES_MAX {
                    self.spent.insert(token.nonce, (exchange.place.client, exchange.replied_ns));
                }
            }
            _ => {}
        }
    }

    fn find(&mut self, exchange: &Exchange<'_>, clause: Clause, summary: &str, expected: &str) {
        let client = Some(exchange.place.client);
        let mut finding = Finding { clause: Some(clause), client, ..Finding::new(Verdict::Fail, summary) };
        finding.show(printable(exchange.request), printable(exchange.reply), expected.to_owned());
        self.found.push((exchange.sent_ns, finding));
    }
}

impl Invariant for SpentOnce {
    fn observe(&mut self, event: &Event<'_>) {
        let Self { exchanges, ledger } = self;
        exchanges.observe(event, |observation| {
            if let Observation::Exchange(exchange) = observation {
                ledger.record(&exchange);
            }
        });
    }

    fn end_part(&mut self) -> Vec<(u64, Finding)> {
        // The next part numbers its connections from the beginning.
        self.exchanges = ExchangeReader::new(Wisdom::framing);
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

    /// Returns the clauses that exchanges violate, each on its own connection: sent at, answered at, request, reply.
    fn clauses(exchanges: &[(u64, u64, Vec<u8>, Vec<u8>)]) -> Vec<&'static str> {
        let mut invariant = SpentOnce::new();
        let mut events = Vec::new();
        for ((sent_ns, replied_ns, request, reply), client) in exchanges.iter().zip(1..) {
            events.push((*sent_ns, client, EventKind::Opened(0)));
            events.push((*sent_ns, client, EventKind::Sent(Cow::Borrowed(request))));
            events.push((*replied_ns, client, EventKind::Received(Cow::Borrowed(reply))));
        }
        events.sort_by_key(|(at_ns, ..)| *at_ns);
        for (at_ns, client, event) in events {
            invariant.observe(&Event { at_ns, client, connection: client, event });
        }
        invariant
            .end_part()
            .iter()
            .filter_map(|(_, finding)| finding.clause)
            .map(|clause| clause.id)
            .collect()
    }

    #[test]
    fn a_challenge_yields_one_quotation() {
        let first = (10, 20, solution(1, None), quote());
        assert!(clauses(&[first.clone(), (30, 40, solution(2, None), quote())]).is_empty());
        assert_eq!(clauses(&[first.clone(), (30, 40, solution(1, None), quote())]), ["W25"]);
        assert_eq!(clauses(&[first, (15, 40, solution(1, None), quote())]), ["W27"]);
    }

    #[test]
    fn a_quotation_needs_enough_work_and_a_nonce_is_unique() {
        let too_little = (0..1 << 20).find(|&counter| zero_bits(&token(1).bytes(), counter) < 4);
        assert_eq!(clauses(&[(10, 20, solution(1, too_little), quote())]), ["W21"]);
        let mut request = Vec::new();
        Request::Challenge.encode(&mut request);
        let issued = |at_ns| {
            let challenge = encoded(&Response::Challenge(Challenge::of(&token(1))));
            (at_ns, at_ns + 1, request.clone(), challenge)
        };
        assert_eq!(clauses(&[issued(10), issued(20)]), ["W01"]);
    }
}
