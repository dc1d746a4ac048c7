//! Judges `wisdom/quotations`: each challenge brings at most one quotation, and one if it is solved in time, whoever brings
//! the solution wherever.

use std::collections::BTreeMap;

use protocol::wisdom::clauses::{W01, W02, W21, W24, W25, W27, W31};
use protocol::wisdom::messages::{Challenge, Code, Request, Response, Solution};
use protocol::wisdom::proof::zero_bits;
use protocol::wisdom::token::Token;
use protocol::{Clause, Framing, Next, Protocol};

use conformance::limits::LATE_NS_MAX;
use conformance::other_protocol::other_protocol;
use conformance::workload::{Judge, Judgement, Progress};
use driver::REPLY_BYTES_MAX;
use driver::exchanges::Exchange;
use driver::exchanges::Observation;
use driver::history::Ending;
use driver::history::EventKind;
use driver::history::Failure;
use driver::history::FailureKind;
use protocol::text::printable;
use verdict::Finding;
use verdict::Verdict;
use verdict::seconds;

/// The id of the workload.
pub(super) const ID: &str = "wisdom/quotations";

/// So long before a challenge expires by our clock it has not expired by the server's.
const EXPIRY_SPARE_NS: u64 = 1_000_000_000;

/// The nonce of a challenge.
type Nonce = [u8; 16];

/// Follows all clients.
#[derive(Debug)]
pub(super) struct QuotationsJudge {
    /// How many challenges the plan solves.
    planned: u64,
    begun: bool,
    challenges: BTreeMap<Nonce, Given>,
    solutions: BTreeMap<Nonce, Vec<Brought>>,
    quotations: u64,
    excuses: u64,
    findings: Vec<Finding>,
}

/// A challenge that was given.
#[derive(Debug)]
struct Given {
    client: u32,
    replied_ns: u64,
    ttl_ns: u64,
}

/// A solution that was brought.
#[derive(Debug)]
struct Brought {
    client: u32,
    request: Vec<u8>,
    is_enough: bool,
    sent_ns: u64,
    /// Nothing if no reply came.
    replied: Option<(u64, Answer)>,
}

/// What it was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Quote,
    Error(Code),
}

impl QuotationsJudge {
    pub(super) fn new(planned: u64) -> Self {
        Self {
            planned,
            begun: false,
            challenges: BTreeMap::new(),
            solutions: BTreeMap::new(),
            quotations: 0,
            excuses: 0,
            findings: Vec::new(),
        }
    }

    fn replied(&mut self, replied: &Exchange<'_>) {
        let response = match Response::decode(replied.reply) {
            Ok(response) => response,
            Err(malformed) => return self.find_no_reply(replied, &malformed.to_string()),
        };
        if let Response::Error(refusal) = &response
            && refusal.code.is_excuse()
        {
            self.excuses += 1;
            self.note_lost(replied.place.client, replied.request);
            return;
        }
        match (Request::decode(replied.request), response) {
            (Ok(Request::Challenge), Response::Challenge(challenge)) => self.given(replied, &challenge),
            (Ok(Request::Solution(solution)), Response::Quote(_)) => {
                self.quotations += 1;
                self.brought(replied, &solution, Answer::Quote);
            }
            (Ok(Request::Solution(solution)), Response::Error(refusal)) => {
                self.brought(replied, &solution, Answer::Error(refusal.code));
            }
            (Ok(Request::Challenge), other) => self.find_wrong(replied, W01, &name(&other), "CHALLENGE"),
            (_, other) => self.find_wrong(replied, W02, &name(&other), "QUOTE, or an error"),
        }
    }

    fn given(&mut self, replied: &Exchange<'_>, challenge: &Challenge) {
        if let Some(field) = challenge.disagreement() {
            let came = format!("a CHALLENGE whose {field} contradicts its token");
            return self.find_wrong(replied, W01, &came, "fields that agree with the token");
        }
        let token = Token::read(&challenge.token);
        let ttl_ns = u64::from(token.ttl_ms) * 1_000_000;
        let given = Given { client: replied.place.client, replied_ns: replied.replied_ns, ttl_ns };
        if let Some(before) = self.challenges.insert(token.nonce, given) {
            let came = format!("the nonce of a challenge that client {} got before", before.client);
            self.find_wrong(replied, W01, &came, "a nonce that no other challenge has");
        }
    }

    fn brought(&mut self, replied: &Exchange<'_>, solution: &Solution, answer: Answer) {
        let token = Token::read(&solution.token);
        let is_enough = zero_bits(&solution.token, solution.counter) >= token.difficulty.into();
        let (sent_ns, replied_ns) = (replied.sent_ns, replied.replied_ns);
        let before = self.solutions.entry(token.nonce).or_default();
        let first = before.iter().find(|brought| matches!(brought.replied, Some((_, Answer::Quote))));
        let second_clause = first.and_then(|brought| {
            let (first_ns, _) = brought.replied?;
            Some(if sent_ns < first_ns { W27 } else { W25 })
        });
        let request = replied.request.to_vec();
        let client = replied.place.client;
        before.push(Brought { client, request, is_enough, sent_ns, replied: Some((replied_ns, answer)) });
        match (answer, is_enough) {
            (Answer::Quote, false) => {
                self.find_wrong(replied, W21, "QUOTE", "ERROR INSUFFICIENT_WORK");
            }
            (Answer::Quote, true) => {
                if let Some(clause) = second_clause {
                    self.find_wrong(replied, clause, "a second QUOTE for one challenge", "ERROR REPLAYED");
                }
            }
            (Answer::Error(Code::InsufficientWork | Code::TooManyAttempts), false)
            | (Answer::Error(Code::Replayed), true) => {}
            (Answer::Error(Code::ChallengeExpired), _) if self.may_have_expired(&token.nonce, replied) => {}
            (Answer::Error(Code::ChallengeExpired), _) => {
                self.find_wrong(replied, W24, "ERROR CHALLENGE_EXPIRED", "QUOTE: it has time left");
            }
            (Answer::Error(code), true) => {
                self.find_wrong(replied, W02, &format!("ERROR {}", code.name()), "QUOTE or ERROR REPLAYED");
            }
            (Answer::Error(code), false) => {
                let came = format!("ERROR {}", code.name());
                self.find_wrong(replied, W21, &came, "ERROR INSUFFICIENT_WORK");
            }
        }
    }

    fn may_have_expired(&self, nonce: &Nonce, replied: &Exchange<'_>) -> bool {
        self.challenges.get(nonce).is_none_or(|given| {
            replied.replied_ns.saturating_sub(given.replied_ns) + EXPIRY_SPARE_NS >= given.ttl_ns
        })
    }

    /// A solution that got no reply, or an excuse, may have been spent.
    fn note_lost(&mut self, client: u32, request: &[u8]) {
        if let Ok(Request::Solution(solution)) = Request::decode(request) {
            let nonce = Token::read(&solution.token).nonce;
            let request = request.to_vec();
            let lost = Brought { client, request, is_enough: true, sent_ns: 0, replied: None };
            self.solutions.entry(nonce).or_default().push(lost);
        }
    }

    fn unanswered(&mut self, client: u32, request: &[u8], end: &EventKind<'_>) {
        self.note_lost(client, request);
        let (verdict, came) = match end {
            EventKind::TimedOut { late_ns, .. } if *late_ns > LATE_NS_MAX => {
                (Verdict::Unknown, "nothing, but the harness itself was held up".to_owned())
            }
            EventKind::TimedOut { waited_ns, .. } => {
                (Verdict::Fail, format!("nothing within {}", seconds(*waited_ns)))
            }
            EventKind::Lost(Failure { kind: FailureKind::OutOfResources, message }) => {
                (Verdict::Unknown, message.clone())
            }
            EventKind::Lost(failure) => (Verdict::Fail, failure.message.clone()),
            _ => (Verdict::Fail, "the end of the connection".to_owned()),
        };
        let clause = (verdict == Verdict::Fail).then_some(W02);
        let finding = self.find(verdict, clause, client, "a request got no reply");
        finding.show(printable(request), came, "a reply".to_owned());
    }

    fn surplus(&mut self, client: u32, bytes: &[u8]) {
        let mut framing = protocol::wisdom::Wisdom::framing(REPLY_BYTES_MAX);
        let said = match framing.next(bytes) {
            (_, Next::Frame(frame)) => Response::decode(frame).ok(),
            _ => None,
        };
        match said {
            // Somebody for whom there is no place is told so unasked.
            Some(Response::Error(refusal)) if refusal.code.is_excuse() => self.excuses += 1,
            _ => {
                let finding = self.find(Verdict::Fail, Some(W02), client, "bytes that answer nothing");
                finding.show(
                    "nothing, or what was answered".to_owned(),
                    printable(bytes),
                    "nothing more".to_owned(),
                );
            }
        }
    }

    /// Looks what can be seen only of all replies together.
    fn look_at_all(&mut self) {
        let mut found = Vec::new();
        for brought in self.solutions.values() {
            let good: Vec<&Brought> = brought.iter().filter(|brought| brought.is_enough).collect();
            let Some(Brought { client, request, sent_ns, .. }) = good
                .iter()
                .find(|one| one.replied.is_some_and(|(_, answer)| answer == Answer::Error(Code::Replayed)))
            else {
                continue;
            };
            // One whose reply was lost may have brought it.
            let may_be_spent =
                good.iter().any(|other| other.replied.is_none_or(|(_, answer)| answer == Answer::Quote));
            if !may_be_spent {
                found.push((*client, request.clone(), if good.len() > 1 { W27 } else { W02 }, *sent_ns));
            }
        }
        for (client, request, clause, _) in found {
            let summary = "a challenge that brought no quotation is called replayed";
            let finding = self.find(Verdict::Fail, Some(clause), client, summary);
            finding.show(printable(&request), "ERROR REPLAYED".to_owned(), "QUOTE, once".to_owned());
        }
    }

    fn find_no_reply(&mut self, replied: &Exchange<'_>, why: &str) {
        if let Some(other) = other_protocol(replied.reply) {
            let summary = format!("the target speaks {other}, not WOW/1");
            self.find(Verdict::Unreachable, None, replied.place.client, &summary);
            return;
        }
        let clause = if Request::decode(replied.request) == Ok(Request::Challenge) { W01 } else { W02 };
        let came = format!("{} ({why})", printable(replied.reply));
        self.find_wrong(replied, clause, &came, "a frame of a server");
    }

    fn find_wrong(&mut self, replied: &Exchange<'_>, clause: Clause, came: &str, expected: &str) {
        let finding = self.find(Verdict::Fail, Some(clause), replied.place.client, "a wrong reply");
        finding.show(printable(replied.request), came.to_owned(), expected.to_owned());
    }

    fn find(&mut self, verdict: Verdict, clause: Option<Clause>, client: u32, summary: &str) -> &mut Finding {
        let finding = Finding { clause, client: Some(client), ..Finding::new(verdict, summary) };
        let at = self.findings.len();
        self.findings.push(finding);
        &mut self.findings[at]
    }
}

impl Judge for QuotationsJudge {
    fn observe(&mut self, seen: &Observation<'_>) {
        match seen {
            Observation::Phase { .. } => self.begun = true,
            Observation::Exchange(replied) => self.replied(replied),
            Observation::Unsolicited { place, bytes, .. } => self.surplus(place.client, bytes),
            Observation::Unanswered { place, request, end, .. } => {
                self.unanswered(place.client, request, end)
            }
            Observation::EndedIdle { place, end: EventKind::Lost(failure) }
                if failure.kind != FailureKind::OutOfResources =>
            {
                let finding = self.find(Verdict::Fail, Some(W02), place.client, "the connection was reset");
                finding.actual = Some(failure.message.clone());
                finding.expected = Some("the end of the stream".to_owned());
            }
            Observation::Opened { .. } | Observation::EndedIdle { .. } => {}
            Observation::StayedOpen { place, waited_ns } => {
                let finding = self.find(
                    Verdict::Fail,
                    Some(W02),
                    place.client,
                    "a connection is open though its client has its quotation",
                );
                finding.actual = Some(format!("it is open after {}", seconds(*waited_ns)));
            }
            Observation::NotOpened { client, failure } => {
                let is_ours = failure.kind == FailureKind::OutOfResources;
                let (verdict, clause) =
                    if is_ours { (Verdict::Unknown, None) } else { (Verdict::Fail, Some(W31)) };
                let finding = self.find(verdict, clause, *client, "a connection could not be opened");
                finding.actual = Some(failure.message.clone());
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress { phase: self.begun.into(), done: self.challenges.len() as u64, of: self.planned }
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn finish(&mut self, ending: Option<Ending>, _: &(dyn Fn() -> bool + Sync)) -> Judgement {
        let ending = ending.unwrap_or(Ending::Stopped);
        if ending == Ending::Finished {
            self.look_at_all();
        }
        if self.findings.is_empty() && !(ending == Ending::Finished && self.quotations > 0) {
            let done = self.challenges.len();
            let summary = match ending {
                Ending::Finished => "no client got a quotation: the target was busy all the time".to_owned(),
                Ending::Interrupted => "interrupted".to_owned(),
                _ => format!("the run ended when {done} of {} challenges were given", self.planned),
            };
            self.findings.push(Finding::new(Verdict::Unknown, &summary));
        }
        let verdict = self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Pass);
        let observed = match self.excuses {
            0 => format!("{} quotations", self.quotations),
            excuses => format!("{} quotations; {excuses} requests were told to retry later", self.quotations),
        };
        Judgement { observed: Some(observed), ..Judgement::new(verdict, ID, &self.findings) }
    }
}

fn name(response: &Response) -> String {
    match response {
        Response::Challenge(_) => "CHALLENGE".to_owned(),
        Response::Quote(_) => "QUOTE".to_owned(),
        Response::Error(refusal) => format!("ERROR {}", refusal.code.name()),
    }
}
