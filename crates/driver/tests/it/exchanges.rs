//! Events that are read as exchanges.

use std::borrow::Cow;

use driver::exchanges::{Exchange, ExchangeReader, Observation};
use driver::history::{Event, EventKind};
use protocol::Lines;

/// Returns the observations of the events of one connection, one short text for each.
fn read(events: Vec<EventKind<'_>>) -> Vec<String> {
    let mut reader = ExchangeReader::new(Lines::new);
    let mut observed = Vec::new();
    for (event, at_ns) in events.into_iter().zip(1..) {
        reader.observe(&Event { at_ns, client: 0, connection: 1, event }, |seen| {
            observed.push(match seen {
                Observation::Exchange(Exchange { request, reply, sent_ns, replied_ns, .. }) => {
                    let (request, reply) = (request.escape_ascii(), reply.escape_ascii());
                    format!("{request} {sent_ns} => {reply} {replied_ns}")
                }
                Observation::Unsolicited { bytes, .. } => format!("unsolicited {}", bytes.escape_ascii()),
                Observation::Unanswered { request, partial, .. } => {
                    format!("{}: partial reply '{}'", request.escape_ascii(), partial.escape_ascii())
                }
                Observation::EndedIdle { .. } => "ended idle".into(),
                Observation::Opened { .. } => return,
                other => format!("{other:?}"),
            });
        });
    }
    observed
}

fn sent(bytes: &str) -> EventKind<'_> {
    EventKind::Sent(Cow::Borrowed(bytes.as_bytes()))
}

fn received(bytes: &str) -> EventKind<'_> {
    EventKind::Received(Cow::Borrowed(bytes.as_bytes()))
}

#[test]
fn replies_answer_requests_in_order_however_the_bytes_are_split() {
    let events = vec![
        EventKind::Opened(0),
        sent("a\nb"),
        sent("\n"),
        received("O"),
        received("K\nFA"),
        received("IL\n"),
    ];
    assert_eq!(read(events), ["a 2 => OK 5", "b 3 => FAIL 6"]);
}

#[test]
fn replies_to_a_flood_are_not_compared_but_their_absence_is_reported() {
    let flooded = EventKind::Flooded { bytes: 9, has_stalled: true };
    let timed_out = EventKind::TimedOut { waited_ns: 1, late_ns: 0 };
    let events = vec![EventKind::Opened(0), flooded.clone(), received("OK\nOK\n"), EventKind::Ended];
    assert_eq!(read(events), Vec::<String>::new());
    assert_eq!(read(vec![EventKind::Opened(0), flooded, timed_out]), [": partial reply ''"]);
}

#[test]
fn bytes_without_an_outstanding_request_are_unsolicited() {
    assert_eq!(read(vec![EventKind::Opened(0), received("hello\n")]), [r"unsolicited hello\n"]);
    let events = vec![EventKind::Opened(0), sent("a\n"), received("OK\nOK\n")];
    assert_eq!(read(events), ["a 2 => OK 3", r"unsolicited OK\n"]);
}

#[test]
fn an_end_names_the_outstanding_request_and_the_partial_reply() {
    let events = vec![EventKind::Opened(0), sent("a\nb\n"), received("OK\nFA"), EventKind::Ended];
    assert_eq!(read(events), ["a 2 => OK 3", "b: partial reply 'FA'"]);
    assert_eq!(
        read(vec![EventKind::Opened(0), sent("a\n"), received("OK\n"), EventKind::Ended]).last().unwrap(),
        "ended idle"
    );
    assert_eq!(read(vec![EventKind::Opened(0), EventKind::Closed, EventKind::Ended]), ["ended idle"]);
}
