//! The judge of `wisdom/quotations`: each challenge yields at most one quotation, and exactly one if it is solved in time,
//! on any connection.

use std::collections::BTreeMap;

use conformance::limits::LATE_NS_MAX;
use conformance::other_protocol::other_protocol;
use conformance::workload::{Judge, Judgement, Progress};
use driver::REPLY_BYTES_MAX;
use driver::exchanges::{Exchange, Observation};
use driver::history::{Ending, EventKind, Failure, FailureKind};
use protocol::text::printable;
use protocol::wisdom::clauses::{W01, W02, W21, W24, W25, W27, W31};
use protocol::wisdom::messages::{Challenge, Code, Request, Response, Solution};
use protocol::wisdom::proof::{DIFFICULTY_MAX, zero_bits};
use protocol::wisdom::token::Token;
use protocol::{Clause, Framing, Next, Protocol};
use verdict::{Finding, Verdict, seconds};

/// The id of the workload.
pub(super) const ID: &str = "wisdom/quotations";

/// The tolerance between the harness's clock and the server's clock at the expiry of a challenge.
const EXPIRY_TOLERANCE_NS: u64 = 1_000_000_000;

/// The smallest part of the planned challenges, in percent, that must yield a quotation before the run is judged. The
/// clients of this workload put no pressure on a target: each has an address of its own and waits before it retries.
const QUOTATIONS_PERCENT_MIN: u64 = 90;

/// The largest part of the replies, in percent, that may be `INTERNAL`. Other requests to retry follow from limits of the
/// target. This one says that the target failed.
const INTERNAL_PERCENT_MAX: u64 = 10;

/// In a small run, a single refusal is more than these parts, and proves nothing.
const SINGLE: u64 = 1;

/// The nonce of a challenge.
type Nonce = [u8; 16];

/// The judge of one run.
#[derive(Debug)]
pub(super) struct QuotationsJudge {
    /// The number of challenges in the plan.
    planned: u64,
    has_begun: bool,
    challenges: BTreeMap<Nonce, IssuedChallenge>,
    solutions: BTreeMap<Nonce, Vec<SentSolution>>,
    quotation_count: u64,
    /// The number of requests that the target asked to retry later.
    retry_count: u64,
    /// The number of replies, and how many of them were INTERNAL.
    reply_count: u64,
    internal_count: u64,
    findings: Vec<Finding>,
}

/// A challenge that the target issued.
#[derive(Debug)]
struct IssuedChallenge {
    client: u32,
    /// When the request was sent: the target may have issued the challenge at any time since then.
    requested_ns: u64,
    ttl_ns: u64,
}

/// A solution that a client sent.
#[derive(Debug)]
struct SentSolution {
    client: u32,
    request: Vec<u8>,
    is_sufficient: bool,
    /// The time of the reply and the reply, or `None` if there was no reply.
    reply: Option<(u64, SolutionReply)>,
}

/// The reply to a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SolutionReply {
    Quote,
    Error(Code),
}

impl QuotationsJudge {
    pub(super) fn new(planned: u64) -> Self {
        Self {
            planned,
            has_begun: false,
            challenges: BTreeMap::new(),
            solutions: BTreeMap::new(),
            quotation_count: 0,
            retry_count: 0,
            reply_count: 0,
            internal_count: 0,
            findings: Vec::new(),
        }
    }

    fn judge_exchange(&mut self, exchange: &Exchange<'_>) {
        let response = match Response::decode(exchange.reply) {
            Ok(response) => response,
            Err(malformed) => return self.find_malformed_reply(exchange, &malformed.to_string()),
        };
        self.reply_count += 1;
        if let Response::Error(refusal) = &response
            && refusal.code.is_always_allowed()
        {
            self.retry_count += 1;
            self.internal_count += u64::from(refusal.code == Code::Internal);
            self.note_unknown_effect(exchange.place.client, exchange.request);
            return;
        }
        match (Request::decode(exchange.request), response) {
            (Ok(Request::Challenge), Response::Challenge(challenge)) => {
                self.note_challenge(exchange, &challenge);
            }
            (Ok(Request::Solution(solution)), Response::Quote(_)) => {
                self.quotation_count += 1;
                self.judge_solution(exchange, &solution, SolutionReply::Quote);
            }
            (Ok(Request::Solution(solution)), Response::Error(refusal)) => {
                self.judge_solution(exchange, &solution, SolutionReply::Error(refusal.code));
            }
            (Ok(Request::Challenge), other) => {
                self.find_incorrect_reply(exchange, W01, &name(&other), "CHALLENGE");
            }
            (_, other) => self.find_incorrect_reply(exchange, W02, &name(&other), "QUOTE, or an error"),
        }
    }

    fn note_challenge(&mut self, exchange: &Exchange<'_>, challenge: &Challenge) {
        if let Some(field) = challenge.disagreement() {
            let actual = format!("a CHALLENGE whose {field} disagrees with its token");
            return self.find_incorrect_reply(exchange, W01, &actual, "fields that agree with the token");
        }
        if challenge.difficulty > DIFFICULTY_MAX {
            let actual = format!("a CHALLENGE with a difficulty of {} bits", challenge.difficulty);
            let expected = format!("at most {DIFFICULTY_MAX} bits, because clients refuse more");
            return self.find_incorrect_reply(exchange, W01, &actual, &expected);
        }
        let token = Token::read(&challenge.token);
        let ttl_ns = u64::from(token.ttl_ms) * 1_000_000;
        let issued =
            IssuedChallenge { client: exchange.place.client, requested_ns: exchange.sent_ns, ttl_ns };
        if let Some(before) = self.challenges.insert(token.nonce, issued) {
            let actual = format!("the nonce of an earlier challenge of client {}", before.client);
            self.find_incorrect_reply(exchange, W01, &actual, "a unique nonce");
        }
    }

    fn judge_solution(&mut self, exchange: &Exchange<'_>, solution: &Solution, reply: SolutionReply) {
        let token = Token::read(&solution.token);
        let is_sufficient = zero_bits(&solution.token, solution.counter) >= token.difficulty.into();
        let earlier = self.solutions.entry(token.nonce).or_default();
        let first = earlier.iter().find(|sent| matches!(sent.reply, Some((_, SolutionReply::Quote))));
        let second_clause = first.and_then(|sent| {
            let (first_ns, _) = sent.reply?;
            Some(if exchange.sent_ns < first_ns { W27 } else { W25 })
        });
        let request = exchange.request.to_vec();
        let client = exchange.place.client;
        earlier.push(SentSolution {
            client,
            request,
            is_sufficient,
            reply: Some((exchange.replied_ns, reply)),
        });
        match (reply, is_sufficient) {
            (SolutionReply::Quote, false) => {
                self.find_incorrect_reply(exchange, W21, "QUOTE", "ERROR INSUFFICIENT_WORK");
            }
            (SolutionReply::Quote, true) => {
                if let Some(clause) = second_clause {
                    self.find_incorrect_reply(
                        exchange,
                        clause,
                        "a second QUOTE for one challenge",
                        "ERROR REPLAYED",
                    );
                }
            }
            (SolutionReply::Error(Code::InsufficientWork | Code::TooManyAttempts), false)
            | (SolutionReply::Error(Code::Replayed), true) => {}
            (SolutionReply::Error(Code::ChallengeExpired), _)
                if self.may_have_expired(&token.nonce, exchange) => {}
            (SolutionReply::Error(Code::ChallengeExpired), _) => {
                self.find_incorrect_reply(
                    exchange,
                    W24,
                    "ERROR CHALLENGE_EXPIRED",
                    "QUOTE: the challenge has not expired",
                );
            }
            (SolutionReply::Error(code), true) => {
                self.find_incorrect_reply(
                    exchange,
                    W02,
                    &format!("ERROR {}", code.name()),
                    "QUOTE or ERROR REPLAYED",
                );
            }
            (SolutionReply::Error(code), false) => {
                let actual = format!("ERROR {}", code.name());
                self.find_incorrect_reply(exchange, W21, &actual, "ERROR INSUFFICIENT_WORK");
            }
        }
    }

    fn may_have_expired(&self, nonce: &Nonce, exchange: &Exchange<'_>) -> bool {
        self.challenges.get(nonce).is_none_or(|issued| {
            exchange.replied_ns.saturating_sub(issued.requested_ns) + EXPIRY_TOLERANCE_NS >= issued.ttl_ns
        })
    }

    /// Notes a solution without a final reply. The target may have spent its challenge.
    fn note_unknown_effect(&mut self, client: u32, request: &[u8]) {
        if let Ok(Request::Solution(solution)) = Request::decode(request) {
            let nonce = Token::read(&solution.token).nonce;
            let request = request.to_vec();
            let lost = SentSolution { client, request, is_sufficient: true, reply: None };
            self.solutions.entry(nonce).or_default().push(lost);
        }
    }

    fn find_unanswered(&mut self, client: u32, request: &[u8], end: &EventKind<'_>) {
        self.note_unknown_effect(client, request);
        let (verdict, actual) = match end {
            EventKind::TimedOut { late_ns, .. } if *late_ns > LATE_NS_MAX => {
                (Verdict::Unknown, "nothing, but the harness itself was delayed".to_owned())
            }
            EventKind::TimedOut { waited_ns, .. } => {
                (Verdict::Fail, format!("nothing within {}", seconds(*waited_ns)))
            }
            EventKind::Lost(Failure { kind: FailureKind::OutOfResources, message }) => {
                (Verdict::Unknown, message.clone())
            }
            EventKind::Lost(failure) => (Verdict::Fail, failure.message.clone()),
            _ => (Verdict::Fail, "end of stream".to_owned()),
        };
        let clause = (verdict == Verdict::Fail).then_some(W02);
        let finding = self.find(verdict, clause, client, "a request received no reply");
        finding.is_explained_by_loss = true;
        finding.show(printable(request), actual, "a reply".to_owned());
    }

    fn judge_unsolicited(&mut self, client: u32, bytes: &[u8]) {
        let mut framing = protocol::wisdom::Wisdom::framing(REPLY_BYTES_MAX);
        let response = match framing.next(bytes) {
            (_, Next::Frame(frame)) => Response::decode(frame).ok(),
            _ => None,
        };
        match response {
            // A target at its limit may refuse a client before the first request.
            Some(Response::Error(refusal)) if refusal.code.is_always_allowed() => self.retry_count += 1,
            _ => {
                let finding = self.find(Verdict::Fail, Some(W02), client, "unsolicited bytes");
                finding.show(
                    "nothing, or only answered requests".to_owned(),
                    printable(bytes),
                    "no further bytes".to_owned(),
                );
            }
        }
    }

    /// Reports the violations that only all replies together show.
    fn judge_all_replies(&mut self) {
        let mut found = Vec::new();
        for solutions in self.solutions.values() {
            let valid: Vec<&SentSolution> = solutions.iter().filter(|sent| sent.is_sufficient).collect();
            let is_replayed = |sent: &&&SentSolution| {
                sent.reply.is_some_and(|(_, reply)| reply == SolutionReply::Error(Code::Replayed))
            };
            let Some(SentSolution { client, request, .. }) = valid.iter().find(is_replayed) else { continue };
            // A solution without a reply may have spent the challenge.
            let may_be_spent =
                valid.iter().any(|sent| sent.reply.is_none_or(|(_, reply)| reply == SolutionReply::Quote));
            if !may_be_spent {
                found.push((*client, request.clone(), if valid.len() > 1 { W27 } else { W02 }));
            }
        }
        for (client, request, clause) in found {
            let summary = "the target answered REPLAYED for a challenge that yielded no quotation";
            let finding = self.find(Verdict::Fail, Some(clause), client, summary);
            finding.show(printable(&request), "ERROR REPLAYED".to_owned(), "QUOTE, once".to_owned());
        }
    }

    /// Returns what is missing from a run without violations, if anything is.
    fn shortage(&self, ending: Ending) -> Option<Finding> {
        let Self { planned, quotation_count, reply_count, internal_count, .. } = self;
        let unknown = |summary: &str| Some(Finding::new(Verdict::Unknown, summary));
        match ending {
            Ending::Finished
                if *internal_count > SINGLE && internal_count * 100 > reply_count * INTERNAL_PERCENT_MAX =>
            {
                let summary = format!("{internal_count} of {reply_count} replies are ERROR INTERNAL");
                Some(Finding { clause: Some(W02), ..Finding::new(Verdict::Fail, &summary) })
            }
            Ending::Finished
                if *quotation_count == 0
                    || quotation_count + SINGLE < *planned
                        && quotation_count * 100 < planned * QUOTATIONS_PERCENT_MIN =>
            {
                unknown(&format!(
                    "only {quotation_count} of {planned} challenges yielded a quotation, because the target told clients to retry \
                 later"
                ))
            }
            Ending::Finished => None,
            Ending::Interrupted => unknown("interrupted"),
            _ => unknown(&format!("the run ended after {} of {planned} challenges", self.challenges.len())),
        }
    }

    fn find_malformed_reply(&mut self, exchange: &Exchange<'_>, reason: &str) {
        if let Some(other) = other_protocol(exchange.reply) {
            let summary = format!("the target speaks {other}, not WOW/1");
            self.find(Verdict::Unreachable, None, exchange.place.client, &summary);
            return;
        }
        let clause = if Request::decode(exchange.request) == Ok(Request::Challenge) { W01 } else { W02 };
        let actual = format!("{} ({reason})", printable(exchange.reply));
        self.find_incorrect_reply(exchange, clause, &actual, "a frame that a server may send");
    }

    fn find_incorrect_reply(
        &mut self,
        exchange: &Exchange<'_>,
        clause: Clause,
        actual: &str,
        expected: &str,
    ) {
        let finding = self.find(Verdict::Fail, Some(clause), exchange.place.client, "incorrect reply");
        finding.show(printable(exchange.request), actual.to_owned(), expected.to_owned());
    }

    fn find(&mut self, verdict: Verdict, clause: Option<Clause>, client: u32, summary: &str) -> &mut Finding {
        let finding = Finding { clause, client: Some(client), ..Finding::new(verdict, summary) };
        let at = self.findings.len();
        self.findings.push(finding);
        &mut self.findings[at]
    }
}

impl Judge for QuotationsJudge {
    fn observe(&mut self, observation: &Observation<'_>) {
        match observation {
            Observation::Phase { .. } => self.has_begun = true,
            Observation::Exchange(exchange) => self.judge_exchange(exchange),
            Observation::Unsolicited { place, bytes, .. } => self.judge_unsolicited(place.client, bytes),
            Observation::Unanswered { place, request, end, .. } => {
                self.find_unanswered(place.client, request, end);
            }
            Observation::EndedIdle { place, end: EventKind::Lost(failure) }
                if failure.kind != FailureKind::OutOfResources =>
            {
                let finding =
                    self.find(Verdict::Fail, Some(W02), place.client, "the target reset a connection");
                finding.is_explained_by_loss = true;
                finding.actual = Some(failure.message.clone());
                finding.expected = Some("end of stream".to_owned());
            }
            Observation::Opened { .. } | Observation::EndedIdle { .. } => {}
            Observation::StayedOpen { place, waited_ns } => {
                let finding = self.find(
                    Verdict::Fail,
                    Some(W02),
                    place.client,
                    "the target did not close a connection after the quotation",
                );
                finding.actual = Some(format!("the connection is open after {}", seconds(*waited_ns)));
            }
            Observation::NotOpened { client, failure } => {
                let is_local = failure.kind == FailureKind::OutOfResources;
                let (verdict, clause) =
                    if is_local { (Verdict::Unknown, None) } else { (Verdict::Fail, Some(W31)) };
                let finding = self.find(verdict, clause, *client, "a connection could not be opened");
                finding.is_explained_by_loss = true;
                finding.actual = Some(failure.message.clone());
            }
        }
    }

    fn progress(&self) -> Progress {
        Progress { phase: self.has_begun.into(), done: self.challenges.len() as u64, of: self.planned }
    }

    fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn finish(&mut self, ending: Option<Ending>, _: &(dyn Fn() -> bool + Sync)) -> Judgement {
        let ending = ending.unwrap_or(Ending::Stopped);
        if ending == Ending::Finished {
            self.judge_all_replies();
        }
        if self.findings.is_empty() {
            self.findings.extend(self.shortage(ending));
        }
        let verdict = self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Pass);
        let observed = match self.retry_count {
            0 => format!("{} quotations", self.quotation_count),
            retries => {
                format!("{} quotations; {retries} requests were told to retry later", self.quotation_count)
            }
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
