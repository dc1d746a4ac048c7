//! Histories written by hand, and the violations that can be derived from them.

use std::borrow::Cow;

use driver::history::{Event, EventKind};
use driver::moves::Act;
use linearizability::interval_check;
use protocol::Lines;

use crate::collect::Collector;

/// A history written by hand, with one event per nanosecond.
struct Written {
    collector: Collector<Lines>,
    at_ns: u64,
}

impl Written {
    fn new() -> Self {
        Self { collector: Collector::new(Lines::new), at_ns: 0 }
    }

    /// Appends an event on the connection of the client with the same number.
    fn event(mut self, client: u32, event: EventKind<'_>) -> Self {
        self.at_ns += 1;
        self.collector.observe(&Event { at_ns: self.at_ns, client, connection: client, event });
        self
    }

    /// Appends a request and its reply; no reply if it is empty.
    fn ask(self, client: u32, line: &'static str, reply: &'static str) -> Self {
        let sent = self.event(client, EventKind::Sent(Cow::Borrowed(line.as_bytes())));
        if reply.is_empty() {
            return sent;
        }
        sent.event(client, EventKind::Received(Cow::Borrowed(reply.as_bytes())))
    }

    /// Returns the clause that the part violates, if any.
    fn end(&mut self) -> Option<&'static str> {
        let operations = self.collector.end_part().expect("there are few").all;
        self.at_ns = 0;
        interval_check(&operations).map(|violation| violation.clause.id)
    }
}

/// Returns a history of two clients, each with its connection.
fn opened() -> Written {
    Written::new().event(0, EventKind::Opened(0)).event(1, EventKind::Opened(0))
}

fn sent(line: &'static str) -> EventKind<'static> {
    EventKind::Sent(Cow::Borrowed(line.as_bytes()))
}

const FLOOD: EventKind<'static> = EventKind::Flooded { bytes: 9, has_stalled: true };
const IMPAIR: EventKind<'static> = EventKind::Acted { act: Act::BeginCondition(9), is_done: true };
const KILL: EventKind<'static> = EventKind::Acted { act: Act::Kill, is_done: true };

#[test]
fn an_answered_request_is_certain_for_all_clients() {
    let answered = opened().ask(0, "INDEX|a|\n", "OK\n");
    assert_eq!(answered.ask(1, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
}

#[test]
fn a_request_without_a_reply_may_have_taken_effect_or_not() {
    for end in [
        EventKind::Reset,
        EventKind::Closed,
        EventKind::Ended,
        EventKind::TimedOut { waited_ns: 1, late_ns: 0 },
    ] {
        for reply in ["OK\n", "FAIL\n"] {
            let lost = opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, "REMOVE|a|\n", "").event(0, end.clone());
            assert_eq!(lost.ask(1, "QUERY|a|\n", reply).end(), None, "{end:?}");
        }
    }
    // All outstanding requests are lost, not only the oldest.
    let both =
        opened().ask(1, "INDEX|b|\n", "OK\n").ask(0, "REMOVE|a|\nREMOVE|b|\n", "").event(0, EventKind::Reset);
    assert_eq!(both.ask(1, "QUERY|b|\n", "FAIL\n").end(), None);
    // The time of its effect stays unknown later.
    let mut late = opened().ask(1, "INDEX|a|\n", "OK\n").ask(0, "REMOVE|a|\n", "");
    assert_eq!(late.end(), None);
    let next = late.event(1, EventKind::Opened(0)).ask(1, "INDEX|a|\n", "OK\n");
    assert_eq!(next.ask(1, "QUERY|a|\n", "FAIL\n").end(), None);
}

#[test]
fn an_unterminated_line_has_no_effect() {
    let half = opened().ask(1, "INDEX|a|\n", "OK\n").event(0, sent("REMOVE|a|")).event(0, EventKind::Closed);
    assert_eq!(half.ask(1, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
    let ended = opened().ask(1, "INDEX|a|\n", "OK\n").event(0, sent("REMOVE|a|")).event(0, sent("\n"));
    assert_eq!(ended.ask(1, "QUERY|a|\n", "FAIL\n").end(), None);
}

#[test]
fn a_part_begins_without_certain_facts() {
    let mut before = opened().ask(0, "INDEX|a|\n", "OK\n");
    assert_eq!(before.end(), None);
    assert_eq!(before.event(1, EventKind::Opened(0)).ask(1, "QUERY|a|\n", "FAIL\n").end(), None);
}

/// The bytes of a flood are not all known, so that nothing about the names of its client is certain, in any request.
/// Names of other clients remain certain.
#[test]
fn names_of_a_client_that_flooded_or_had_an_impaired_path_are_uncertain() {
    for doubt in [FLOOD, IMPAIR] {
        let uncertain_names =
            || opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, "INDEX|b|a\n", "OK\n").event(0, doubt.clone());
        for (line, reply) in [
            ("QUERY|a|\n", "FAIL\n"),
            ("REMOVE|a|\n", "OK\n"),
            ("INDEX|c|b\n", "FAIL\n"),
            ("QUERY|b|\n", "FAIL\n"),
        ] {
            assert_eq!(uncertain_names().ask(1, line, reply).end(), None, "{doubt:?} {line}");
        }
        // Another request may depend on a name that was also used normally.
        let needed = uncertain_names().ask(1, "INDEX|c|\n", "OK\n").ask(1, "REMOVE|a|\n", "FAIL\n");
        assert_eq!(needed.ask(1, "REMOVE|a|\n", "FAIL\n").end(), None);
        let mut others = uncertain_names().ask(1, "INDEX|c|a\n", "OK\n").ask(1, "QUERY|c|\n", "FAIL\n");
        assert_eq!(others.end(), Some("S5"), "{doubt:?}");
        let mut later = uncertain_names();
        assert_eq!(later.end(), None);
        let later = later.event(1, EventKind::Opened(0)).ask(1, "INDEX|a|\n", "OK\n");
        assert_eq!(later.ask(1, "QUERY|a|\n", "FAIL\n").end(), None, "in later parts too");
    }
}

#[test]
fn uncertainty_covers_the_section_of_the_script_in_which_it_arose() {
    let sections = || {
        let before = opened().event(0, EventKind::Marked(0)).ask(0, "INDEX|a|\n", "OK\n");
        let during = before.event(0, EventKind::Marked(1)).ask(0, "INDEX|b|\n", "OK\n").event(0, FLOOD);
        let during =
            during.event(0, EventKind::Reset).event(0, EventKind::Opened(0)).ask(0, "INDEX|c|\n", "OK\n");
        during.event(0, EventKind::Marked(2)).ask(0, "INDEX|d|\n", "OK\n")
    };
    assert_eq!(sections().ask(1, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
    assert_eq!(sections().ask(1, "QUERY|b|\n", "FAIL\n").end(), None);
    assert_eq!(sections().ask(1, "QUERY|c|\n", "FAIL\n").end(), None);
    assert_eq!(sections().ask(1, "QUERY|d|\n", "FAIL\n").end(), Some("S5"));
}

/// A server may trim a request, or treat the line end as part of it.
#[test]
fn ambiguous_names_make_similar_names_uncertain() {
    for line in ["INDEX|c|a,a\n", "INDEX| a|\n", "REMOVE|a\r|\n", "INDEX|c|a b\n", "INDEX|a|,\n"] {
        let answered = opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, line, "OK\n");
        assert_eq!(answered.ask(1, "QUERY|a|\n", "FAIL\n").end(), None, "{line}");
    }
}

#[test]
fn nothing_is_judged_after_the_target_was_killed() {
    let ended = opened().ask(0, "INDEX|a|\n", "OK\n").event(1, KILL);
    assert_eq!(ended.ask(0, "QUERY|a|\n", "FAIL\n").end(), None);
    let before = opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, "QUERY|a|\n", "FAIL\n").event(1, KILL);
    assert_eq!({ before }.end(), Some("S5"));
}

/// After an unsolicited reply, later replies may belong to other requests.
#[test]
fn replies_after_an_unsolicited_one_are_ignored() {
    let unsolicited =
        opened().ask(0, "INDEX|a|\n", "OK\n").event(0, EventKind::Received(Cow::Borrowed(b"OK\n")));
    assert_eq!(unsolicited.ask(0, "QUERY|a|\n", "FAIL\n").end(), None);
    let invalid = opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, "QUERY|a|\n", "hello\n");
    assert_eq!(invalid.ask(0, "QUERY|a|\n", "FAIL\n").end(), None);
}

#[test]
fn a_reply_before_its_request_is_harmless() {
    let mut collector = Collector::new(Lines::new);
    for (at_ns, event) in
        [(9, EventKind::Opened(0)), (9, sent("INDEX|a|\n")), (3, EventKind::Received(Cow::Borrowed(b"OK\n")))]
    {
        collector.observe(&Event { at_ns, client: 0, connection: 1, event });
    }
    assert_eq!(interval_check(&collector.end_part().unwrap().all), None);
}

/// The protocol does not specify cycles: a server may reject one, or allow its removal.
#[test]
fn requests_about_cycles_are_never_violations() {
    // All packages are removed first, so that their lists are certain.
    let begun = || {
        let taken = opened().ask(0, "REMOVE|a|\n", "OK\n").ask(0, "REMOVE|b|\n", "OK\n");
        let taken = taken.ask(0, "REMOVE|c|\n", "OK\n");
        taken.ask(0, "INDEX|a|\n", "OK\n").ask(0, "INDEX|b|a\n", "OK\n").ask(0, "INDEX|c|b\n", "OK\n")
    };
    assert_eq!(begun().ask(0, "INDEX|a|b\n", "FAIL\n").end(), None);
    assert_eq!(begun().ask(0, "INDEX|a|c\n", "FAIL\n").end(), None);
    assert_eq!(begun().ask(0, "INDEX|a|a\n", "FAIL\n").end(), None);
    // A rejection changes nothing; facts about other packages remain certain.
    assert_eq!(begun().ask(0, "INDEX|a|c\n", "FAIL\n").ask(0, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
    let closed = || begun().ask(0, "INDEX|a|c\n", "OK\n");
    assert_eq!(closed().ask(0, "REMOVE|b|\n", "OK\n").end(), None);
    assert_eq!(closed().ask(0, "REMOVE|b|\n", "FAIL\n").end(), None);
    // Without a cycle the rules apply.
    assert_eq!(begun().ask(0, "INDEX|c|a\n", "FAIL\n").end(), Some("S2"));
    assert_eq!(begun().ask(0, "REMOVE|a|\n", "OK\n").end(), Some("S3"));
}

/// A package from before the history may list anything: here `d`, which was not removed.
#[test]
fn an_unknown_list_may_close_a_cycle() {
    let taken = || opened().ask(0, "REMOVE|a|\n", "OK\n").ask(0, "REMOVE|b|\n", "OK\n");
    let begun = || taken().ask(0, "INDEX|a|\n", "OK\n");
    let listed = begun().ask(0, "INDEX|b|d\n", "OK\n");
    assert_eq!(listed.ask(0, "INDEX|a|b\n", "FAIL\n").end(), None);
    let known = begun().ask(0, "INDEX|d|\n", "OK\n").ask(0, "INDEX|b|d\n", "OK\n");
    assert_eq!(known.ask(0, "INDEX|a|b\n", "FAIL\n").end(), Some("S2"));
}

/// A server should answer in order, but need not (F3): the replies to several outstanding requests are ambiguous.
#[test]
fn pipelined_requests_are_not_judged() {
    let pipelined = || opened().ask(0, "INDEX|a|\nINDEX|b|\n", "OK\nOK\n");
    assert_eq!(pipelined().ask(1, "QUERY|b|\n", "FAIL\n").end(), None);
    // Requests after them are judged once all are answered.
    let after = pipelined().ask(0, "INDEX|c|\n", "OK\n").ask(1, "QUERY|c|\n", "FAIL\n");
    assert_eq!({ after }.end(), Some("S5"));
    let before = pipelined().ask(0, "INDEX|c|\n", "").ask(0, "QUERY|c|\n", "OK\nOK\n");
    assert_eq!(before.ask(1, "QUERY|c|\n", "FAIL\n").end(), None);
}

#[test]
fn unspecified_requests_are_never_violations() {
    let begun = || opened().ask(0, "INDEX|a|\n", "OK\n");
    for (line, reply) in [("QUERY|a|b\n", "FAIL\n"), ("QUERY|a|b\n", "ERROR\n"), ("REMOVE|a|b\n", "FAIL\n")] {
        assert_eq!(begun().ask(0, line, reply).end(), None, "{line}");
    }
    for (names, breaks) in [(3, Some("S5")), (129, None), (4000, None)] {
        let list = (0..names).map(|name| format!("a{name}")).collect::<Vec<_>>().join(",");
        let line: &'static str = format!("INDEX|b|{list}\n").leak();
        assert_eq!(begun().ask(0, line, "OK\n").ask(1, "QUERY|b|\n", "FAIL\n").end(), breaks, "{names}");
    }
}

#[test]
fn long_lines_that_are_no_request_take_no_memory() {
    let line: &'static str = format!("LIZARD|a|{}\n", "x".repeat(60_000)).leak();
    let mut history = opened().event(2, EventKind::Opened(0)).ask(0, "INDEX|a|\n", "OK\n");
    for _ in 0..30_000 {
        history = history.ask(2, line, "ERROR\n");
    }
    // 1.8 GB of lines exceed the limit on a history.
    assert!(!history.collector.is_over_capacity());
    assert_eq!(history.ask(1, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
}
