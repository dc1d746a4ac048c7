//! The plan of `wisdom/quotations`, and its judge on literal histories.

use std::borrow::Cow;

use conformance::workload::Judge;
use driver::exchanges::ExchangeReader;
use driver::history::{Ending, Event, EventKind, Failure, FailureKind};
use protocol::wisdom::Wisdom;
use protocol::wisdom::messages::{Challenge, Code, Quotation, Request, Response, Solution, Source};
use protocol::wisdom::proof::Search;
use protocol::wisdom::token::Token;
use protocol::{Clause, Protocol};
use verdict::{Finding, Verdict};

use crate::workload::wisdom::judge::QuotationsJudge;
use crate::workload::wisdom::round::Round;
use crate::workload::wisdom::workload::{QuotationsOptions, QuotationsPlan};

/// A literal history: events in order, a microsecond apart.
#[derive(Default)]
struct History {
    now_ns: u64,
    /// The number of challenges in the plan, if it is not one.
    planned: u64,
    events: Vec<Event<'static>>,
}

impl History {
    fn push(mut self, client: u32, connection: u32, event: EventKind<'static>) -> Self {
        self.now_ns += 1_000;
        self.events.push(Event { at_ns: self.now_ns, client, connection, event });
        self
    }

    fn wait(self, seconds: u64) -> Self {
        Self { now_ns: self.now_ns + seconds * 1_000_000_000, ..self }
    }

    fn open(self, client: u32, connection: u32) -> Self {
        self.push(client, connection, EventKind::Opened(0))
    }

    fn send(self, connection: u32, request: &Request) -> Self {
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        self.push(0, connection, EventKind::Sent(Cow::Owned(bytes)))
    }

    fn receive(self, connection: u32, response: &Response) -> Self {
        let mut bytes = Vec::new();
        response.encode(&mut bytes);
        self.push(0, connection, EventKind::Received(Cow::Owned(bytes)))
    }

    fn event(self, connection: u32, kind: EventKind<'static>) -> Self {
        self.push(0, connection, kind)
    }

    /// A client receives a challenge on a separate connection.
    fn challenge(self, connection: u32, nonce: u8) -> Self {
        let challenge = Response::Challenge(Challenge::of(&token(nonce)));
        self.open(0, connection)
            .send(connection, &Request::Challenge)
            .receive(connection, &challenge)
            .event(connection, EventKind::Closed)
    }

    /// Returns the judge after the history, and its verdict.
    fn observe(self) -> (QuotationsJudge, Verdict) {
        let mut exchanges = ExchangeReader::new(Wisdom::framing);
        let mut judge = QuotationsJudge::new(self.planned.max(1));
        for event in self.events {
            exchanges.observe(&event, |observation| judge.observe(&observation));
        }
        let verdict = judge.finish(Some(Ending::Finished), &|| false).verdict;
        (judge, verdict)
    }

    /// Returns the text of all findings.
    fn findings(self) -> String {
        self.observe().0.findings().iter().map(Finding::to_string).collect::<String>()
    }

    /// Returns the verdict and the clause of the first finding.
    fn judge(self) -> (Verdict, Option<&'static str>) {
        let (judge, verdict) = self.observe();
        let clause = judge.findings().first().and_then(|finding| finding.clause);
        (verdict, clause.map(|clause: Clause| clause.id))
    }
}

fn token(nonce: u8) -> Token {
    let mut token = Token::read(&[nonce; 64]);
    (token.version, token.algorithm, token.difficulty, token.ttl_ms) = (1, 1, 5, 60_000);
    token
}

fn solution(nonce: u8, is_sufficient: bool) -> Request {
    let token = token(nonce).bytes();
    let mut search = Search::new(&token);
    let counter = (0..10_000).find(|&counter| (search.zero_bits(counter) >= 5) == is_sufficient).unwrap();
    Request::Solution(Solution { token, counter })
}

fn quote() -> Response {
    Response::Quote(Quotation { quote: "q".into(), author: "a".into(), source: Source::Api })
}

fn error(code: Code) -> Response {
    Response::Error(code.into())
}

/// Judges a challenge with nonce 1 and these solutions with their replies, in sequence.
fn answered(answers: &[(Request, Response)]) -> (Verdict, Option<&'static str>) {
    let mut history = History::default().challenge(1, 1);
    for ((request, response), connection) in answers.iter().zip(2..) {
        history = history.open(0, connection).send(connection, request).receive(connection, response);
    }
    history.judge()
}

#[test]
fn w25_a_challenge_yields_one_quotation() {
    let good = || solution(1, true);
    assert_eq!(answered(&[(good(), quote())]), (Verdict::Pass, None));
    assert_eq!(answered(&[(good(), quote()), (good(), error(Code::Replayed))]), (Verdict::Pass, None));
    assert_eq!(answered(&[(good(), quote()), (good(), quote())]), (Verdict::Fail, Some("W25")));
}

#[test]
fn w27_one_of_several_simultaneous_solutions_receives_the_quotation() {
    let at_once = |first: Response, second: Response| {
        History::default()
            .challenge(1, 1)
            .open(0, 2)
            .open(0, 3)
            .send(2, &solution(1, true))
            .send(3, &solution(1, true))
            .receive(2, &first)
            .receive(3, &second)
            .judge()
    };
    assert_eq!(at_once(quote(), error(Code::Replayed)), (Verdict::Pass, None));
    assert_eq!(at_once(error(Code::Replayed), quote()), (Verdict::Pass, None));
    assert_eq!(at_once(quote(), quote()), (Verdict::Fail, Some("W27")));
    assert_eq!(at_once(error(Code::Replayed), error(Code::Replayed)).0, Verdict::Fail);
}

#[test]
fn a_lost_reply_may_have_been_the_quotation() {
    let lost = EventKind::Lost(Failure { kind: FailureKind::OutOfResources, message: "no port".into() });
    let history = History::default()
        .challenge(1, 1)
        .open(0, 2)
        .send(2, &solution(1, true))
        .event(2, lost)
        .open(0, 3)
        .send(3, &solution(1, true))
        .receive(3, &error(Code::Replayed));
    assert_eq!(history.judge(), (Verdict::Unknown, None));
}

#[test]
fn w21_insufficient_work_yields_no_quotation() {
    let bad = || solution(1, false);
    let then_good = (solution(1, true), quote());
    let refused = (bad(), error(Code::InsufficientWork));
    assert_eq!(answered(&[refused, then_good.clone()]), (Verdict::Pass, None));
    assert_eq!(answered(&[(bad(), quote())]), (Verdict::Fail, Some("W21")));
    assert_eq!(answered(&[(bad(), error(Code::Replayed)), then_good]), (Verdict::Fail, Some("W21")));
}

#[test]
fn w24_a_challenge_does_not_expire_early() {
    let expired = (solution(1, true), error(Code::ChallengeExpired));
    assert_eq!(answered(&[expired]), (Verdict::Fail, Some("W24")));
}

/// The time to live of 60 s may have begun as soon as the request was sent, 40 s before the reply.
#[test]
fn w24_the_age_of_a_challenge_is_measured_from_its_request() {
    let history = History::default()
        .open(0, 1)
        .send(1, &Request::Challenge)
        .wait(40)
        .receive(1, &Response::Challenge(Challenge::of(&token(1))))
        .wait(20)
        .open(0, 2)
        .send(2, &solution(1, true))
        .receive(2, &error(Code::ChallengeExpired))
        .challenge(3, 2)
        .open(0, 4)
        .send(4, &solution(2, true))
        .receive(4, &quote());
    assert_eq!(history.judge(), (Verdict::Pass, None));
}

#[test]
fn w01_nonces_are_unique_and_fields_agree() {
    assert_eq!(History::default().challenge(1, 1).challenge(2, 1).judge(), (Verdict::Fail, Some("W01")));
    let other = Challenge { difficulty: 0, ..Challenge::of(&token(1)) };
    let history =
        History::default().open(0, 1).send(1, &Request::Challenge).receive(1, &Response::Challenge(other));
    assert_eq!(history.judge(), (Verdict::Fail, Some("W01")));
}

#[test]
fn w01_no_client_accepts_a_difficulty_above_the_maximum() {
    let demanding = |difficulty| {
        let mut token = token(1);
        token.difficulty = difficulty;
        let response = Response::Challenge(Challenge::of(&token));
        History::default().open(0, 1).send(1, &Request::Challenge).receive(1, &response).judge()
    };
    assert_eq!(demanding(60), (Verdict::Fail, Some("W01")));
    assert_eq!(demanding(26), (Verdict::Unknown, None), "no quotation was received");
}

/// Returns the judgement of ten solved challenges, of which the last ones receive these errors.
fn after_errors(codes: &[Code]) -> (Verdict, Option<&'static str>) {
    after_errors_of(10, codes)
}

fn after_errors_of(challenges: u8, codes: &[Code]) -> (Verdict, Option<&'static str>) {
    let mut history = History { planned: challenges.into(), ..History::default() };
    for nonce in 1..=challenges {
        history = history.challenge(2 * u32::from(nonce), nonce).open(0, 2 * u32::from(nonce) + 1);
        let refused = codes.get(usize::from(challenges - nonce)).map(|&code| error(code));
        let connection = 2 * u32::from(nonce) + 1;
        history = history.send(connection, &solution(nonce, true));
        history = history.receive(connection, &refused.unwrap_or_else(quote));
    }
    history.judge()
}

#[test]
fn nine_of_ten_challenges_must_yield_a_quotation() {
    assert_eq!(after_errors(&[]), (Verdict::Pass, None));
    assert_eq!(after_errors(&[Code::ServerBusy]), (Verdict::Pass, None));
    assert_eq!(after_errors(&[Code::ServerBusy, Code::RateLimited]), (Verdict::Unknown, None));
}

#[test]
fn w02_a_target_that_fails_internally_is_accused() {
    assert_eq!(after_errors(&[Code::Internal]), (Verdict::Pass, None));
    assert_eq!(after_errors(&[Code::Internal; 3]), (Verdict::Fail, Some("W02")));
}

/// With one client, one reply is already a large part.
#[test]
fn a_single_refusal_in_a_small_run_is_no_finding() {
    assert_eq!(after_errors_of(4, &[Code::Internal]), (Verdict::Pass, None));
    assert_eq!(after_errors_of(4, &[Code::ServerBusy]), (Verdict::Pass, None));
    assert_eq!(after_errors_of(1, &[Code::Internal]), (Verdict::Unknown, None));
}

#[test]
fn a_request_to_retry_is_no_violation_and_alone_no_pass() {
    let busy = error(Code::ServerBusy);
    assert_eq!(answered(&[(solution(1, true), busy.clone())]).0, Verdict::Unknown);
    let refused = History::default().open(0, 1).receive(1, &busy).challenge(2, 1);
    let served = refused.open(0, 3).send(3, &solution(1, true)).receive(3, &quote());
    assert_eq!(served.judge(), (Verdict::Pass, None));
}

#[test]
fn w02_detects_a_reset_an_open_connection_and_unsolicited_bytes() {
    let reset = || EventKind::Lost(Failure { kind: FailureKind::Other, message: "reset".into() });
    let served =
        || History::default().challenge(1, 1).open(0, 2).send(2, &solution(1, true)).receive(2, &quote());
    assert_eq!(served().event(2, EventKind::Ended).judge(), (Verdict::Pass, None));
    assert_eq!(served().event(2, reset()).judge(), (Verdict::Fail, Some("W02")));
    let stayed = EventKind::StayedOpen { waited_ns: 5 };
    assert_eq!(served().event(2, stayed).judge(), (Verdict::Fail, Some("W02")));
    assert_eq!(served().receive(2, &quote()).judge(), (Verdict::Fail, Some("W02")));
}

fn plan(seed: u64, concurrency: u32) -> QuotationsPlan {
    QuotationsPlan::new(QuotationsOptions { seed, concurrency, rounds: 8 })
}

#[test]
fn an_additional_client_does_not_change_the_rounds_of_others() {
    assert_eq!(plan(7, 3).rounds[..2], plan(7, 2).rounds[..]);
    assert_ne!(plan(7, 3).rounds, plan(8, 3).rounds);
    assert_eq!(plan(7, 100).sha256(), plan(7, 100).sha256());
}

#[test]
fn the_plan_contains_every_kind_of_round() {
    let plan = plan(1, 100);
    for kind in Round::ALL {
        assert!(plan.rounds.iter().any(|rounds| rounds.contains(&kind)), "{kind:?}");
    }
}

/// Returns the findings of a solution with this reply, for a challenge with nonce 1.
fn findings_of(request: &Request, response: &Response) -> String {
    History::default().challenge(1, 1).open(0, 2).send(2, request).receive(2, response).findings()
}

/// Returns the findings of a request for a challenge after which this event happens.
fn findings_after_request(event: EventKind<'static>) -> String {
    History::default().open(0, 1).send(1, &Request::Challenge).event(1, event).findings()
}

fn failure(kind: FailureKind) -> Failure {
    Failure { kind, message: "the error of the system".into() }
}

/// The bytes of solutions are long and depend on the proof; the snapshot shows only their length.
fn without_frames(text: &str) -> String {
    let frame = |line: &str| match line.strip_prefix("  sent: WW") {
        Some(rest) => format!("  sent: [frame of {} characters]\n", rest.len() + 2),
        None => format!("{line}\n"),
    };
    text.lines().map(frame).collect()
}

#[test]
fn findings() {
    use conformance::limits::LATE_NS_MAX;
    let served =
        || History::default().challenge(1, 1).open(0, 2).send(2, &solution(1, true)).receive(2, &quote());
    let replayed_twice = || {
        let history = History::default().challenge(1, 1).open(0, 2).open(0, 3);
        let sent = history.send(2, &solution(1, true)).send(3, &solution(1, true));
        sent.receive(2, &error(Code::Replayed)).receive(3, &error(Code::Replayed)).findings()
    };
    let disagreeing = Challenge { difficulty: 0, ..Challenge::of(&token(1)) };
    let texts = [
        findings_of(&solution(1, false), &quote()),
        findings_of(&solution(1, false), &error(Code::Replayed)),
        findings_of(&solution(1, true), &error(Code::InsufficientWork)),
        findings_of(&solution(1, true), &error(Code::ChallengeExpired)),
        findings_of(&solution(1, true), &Response::Challenge(Challenge::of(&token(2)))),
        findings_of(&Request::Challenge, &Response::Challenge(disagreeing)),
        findings_of(&Request::Challenge, &Response::Challenge(Challenge::of(&token(1)))),
        findings_of(&Request::Challenge, &quote()),
        served().open(0, 3).send(3, &solution(1, true)).receive(3, &quote()).findings(),
        replayed_twice(),
        findings_after_request(EventKind::Received(Cow::Borrowed(b"WW\x01\x02\0\0\0\x02{}"))),
        findings_after_request(EventKind::Received(Cow::Borrowed(b"HTTP/1.1 400 Bad Request\r\n"))),
        findings_after_request(EventKind::TimedOut { waited_ns: 1_000_000_000, late_ns: 0 }),
        findings_after_request(EventKind::TimedOut { waited_ns: 1_000_000_000, late_ns: LATE_NS_MAX + 1 }),
        findings_after_request(EventKind::Lost(failure(FailureKind::Other))),
        findings_after_request(EventKind::Lost(failure(FailureKind::OutOfResources))),
        findings_after_request(EventKind::Ended),
        served().receive(2, &quote()).findings(),
        served().event(2, EventKind::Lost(failure(FailureKind::Other))).findings(),
        served().event(2, EventKind::StayedOpen { waited_ns: 5_000_000_000 }).findings(),
        History::default().challenge(1, 1).findings(),
    ];
    insta::assert_snapshot!(without_frames(&texts.concat()));
}
