//! A snapshot of every finding of the checks.

use crate::limits::LATE_NS_MAX;
use driver::exchanges::{Exchange, Observation, Place};
use driver::history::{Ending, EventKind, Failure, FailureKind};
use protocol::index::clauses::{S3, S5};
use protocol::index::wire::Reply;
use verdict::Finding;

use crate::exchange_checks::checks::{CLIENTS_PROMISED, ExchangeChecks, IDLE_NS_MAX};

const QUERY: &[u8] = b"QUERY|a|";

/// The first request on a connection.
const FIRST: Place =
    Place { client: 0, connection: 1, replies: 0, has_sent: true, is_mid_request: false, idle_ns: 0 };
const LATER: Place = Place { replies: 3, ..FIRST };
const AFTER_IDLE: Place = Place { idle_ns: IDLE_NS_MAX + 1, ..LATER };

fn exchange(place: Place, reply: &'static [u8]) -> Exchange<'static> {
    Exchange { place, request: QUERY, reply, sent_ns: 1, replied_ns: 2 }
}

/// Returns the findings as text.
fn text(checks: &ExchangeChecks) -> String {
    checks.findings().iter().map(Finding::to_string).collect()
}

/// Returns checks with this number of open connections.
fn checks(connections: usize) -> ExchangeChecks {
    let mut checks = ExchangeChecks::default();
    for connection in (1..).take(connections) {
        checks.observe(&Observation::Opened { client: connection - 1, connection, slot: 0 });
    }
    checks
}

fn unanswered(place: Place, partial: &[u8], end: &EventKind<'_>) -> String {
    let mut checks = checks(2);
    checks.observe(&Observation::Unanswered { place, request: QUERY, partial, end });
    text(&checks)
}

fn timed_out(late_ns: u64) -> EventKind<'static> {
    EventKind::TimedOut { waited_ns: 1_000_000_000 + late_ns, late_ns }
}

fn failure(kind: FailureKind) -> Failure {
    Failure { kind, message: "the error of the system".into() }
}

#[test]
fn replies() {
    let malformed = || {
        let mut checks = checks(1);
        checks.observe(&Observation::Exchange(exchange(LATER, b"MAYBE")));
        text(&checks)
    };
    let incorrect = |place, reply: Reply, connections| {
        let mut checks = checks(connections);
        checks.note_incorrect_reply(&exchange(place, b""), reply, S5, &[Reply::Ok, Reply::Fail]);
        checks.end();
        text(&checks)
    };
    let unsolicited = |place, bytes| {
        let mut checks = checks(1);
        checks.observe(&Observation::Unsolicited { place, after: QUERY, bytes });
        text(&checks)
    };
    let foreign = || {
        let mut checks = checks(1);
        checks.observe(&Observation::Exchange(exchange(FIRST, b"HTTP/1.1 400 Bad Request")));
        text(&checks)
    };
    insta::assert_snapshot!(
        [
            malformed(),
            incorrect(LATER, Reply::Fail, 1),
            incorrect(FIRST, Reply::Error, 1),
            incorrect(FIRST, Reply::Error, CLIENTS_PROMISED + 1),
            incorrect(AFTER_IDLE, Reply::Error, CLIENTS_PROMISED + 1),
            unsolicited(LATER, b"BYE\n"),
            unsolicited(Place { has_sent: false, ..FIRST }, b"hello\n"),
            foreign(),
        ]
        .concat()
    );
}

#[test]
fn missing_replies() {
    let beside_others = |end: &EventKind<'_>| {
        let mut checks = checks(2);
        let other = Place { client: 1, connection: 2, ..LATER };
        checks.observe(&Observation::Exchange(exchange(other, b"OK")));
        checks.observe(&Observation::Unanswered { place: FIRST, request: QUERY, partial: b"", end });
        text(&checks)
    };
    let refused = || {
        let mut checks = checks(2);
        let after = QUERY;
        checks.observe(&Observation::Unsolicited { place: FIRST, after, bytes: b"ERROR\n" });
        checks.observe(&Observation::Unanswered {
            place: FIRST,
            request: QUERY,
            partial: b"",
            end: &EventKind::Ended,
        });
        text(&checks)
    };
    let beyond_promise = || {
        let mut checks = checks(CLIENTS_PROMISED + 1);
        let end = timed_out(0);
        checks.observe(&Observation::Unanswered { place: LATER, request: QUERY, partial: b"", end: &end });
        text(&checks)
    };
    let closed_beyond_promise = |request| {
        let mut checks = checks(CLIENTS_PROMISED + 1);
        let end = EventKind::Ended;
        checks.observe(&Observation::Unanswered { place: LATER, request, partial: b"", end: &end });
        text(&checks)
    };
    insta::assert_snapshot!(
        [
            unanswered(LATER, b"", &timed_out(0)),
            unanswered(LATER, b"O", &timed_out(0)),
            unanswered(LATER, b"", &timed_out(LATE_NS_MAX + 1)),
            beside_others(&timed_out(0)),
            beyond_promise(),
            unanswered(LATER, b"", &EventKind::Ended),
            unanswered(FIRST, b"", &EventKind::Lost(failure(FailureKind::Other))),
            unanswered(AFTER_IDLE, b"", &EventKind::Ended),
            unanswered(LATER, b"", &EventKind::Lost(failure(FailureKind::OutOfResources))),
            refused(),
            closed_beyond_promise(QUERY),
            closed_beyond_promise(b"NONSENSE"),
        ]
        .concat()
    );
}

#[test]
fn connections_and_runs() {
    let not_opened = |connections, kind| {
        let mut checks = checks(connections);
        checks.observe(&Observation::NotOpened { client: 7, failure: &failure(kind) });
        text(&checks)
    };
    let incomplete = |ending| {
        let mut checks = checks(1);
        checks.find_incomplete_run(ending, 3, 10, "requests");
        text(&checks)
    };
    let failed_cleanup = || {
        let mut checks = checks(1);
        checks.find_failed_cleanup();
        text(&checks)
    };
    insta::assert_snapshot!(
        [
            not_opened(0, FailureKind::Refused),
            not_opened(1, FailureKind::Refused),
            not_opened(1, FailureKind::Other),
            not_opened(1, FailureKind::OutOfResources),
            incomplete(Ending::Finished),
            incomplete(Ending::Interrupted),
            incomplete(Ending::TimeOver),
            failed_cleanup(),
        ]
        .concat()
    );
}

#[test]
fn violations_can_be_attributed_to_a_should() {
    use protocol::index::clauses::F3;
    let mut checks = checks(1);
    checks.note_incorrect_reply(&exchange(LATER, b""), Reply::Error, S3, &[Reply::Ok]);
    checks.attribute_violations_to(F3);
    insta::assert_snapshot!(text(&checks));
}
