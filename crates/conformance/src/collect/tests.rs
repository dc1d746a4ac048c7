//! Histories written by hand, and what may be certain of them.

use std::borrow::Cow;

use protocol::Lines;

use super::*;
use linearizability::bounds;

/// A history written by hand, an event a nanosecond, and what becomes of it.
struct Written {
    collector: Collector<Lines>,
    at_ns: u64,
}

impl Written {
    fn new() -> Self {
        Self { collector: Collector::new(Lines::new), at_ns: 0 }
    }

    /// What happens on a connection of the client with the same number.
    fn tell(mut self, client: u32, event: EventKind<'_>) -> Self {
        self.at_ns += 1;
        self.collector.observe(&Event { at_ns: self.at_ns, client, connection: client, event });
        self
    }

    /// A client asks, and is answered at once; with nothing if the reply is empty.
    fn ask(self, client: u32, line: &'static str, reply: &'static str) -> Self {
        let asked = self.tell(client, EventKind::Sent(Cow::Borrowed(line.as_bytes())));
        if reply.is_empty() {
            return asked;
        }
        asked.tell(client, EventKind::Received(Cow::Borrowed(reply.as_bytes())))
    }

    /// The clause that the part breaks, if it breaks any.
    fn end(&mut self) -> Option<&'static str> {
        let operations = self.collector.end_part().expect("there are few").all;
        self.at_ns = 0;
        bounds(&operations).map(|violation| violation.clause.id)
    }
}

/// Two clients, each with its connection.
fn opened() -> Written {
    Written::new().tell(0, EventKind::Opened(0)).tell(1, EventKind::Opened(0))
}

fn sent(line: &'static str) -> EventKind<'static> {
    EventKind::Sent(Cow::Borrowed(line.as_bytes()))
}

const FLOOD: EventKind<'static> = EventKind::Flooded { bytes: 9, has_stalled: true };
const WORSEN: EventKind<'static> = EventKind::Acted { act: Act::BeginCondition(9), is_done: true };
const KILL: EventKind<'static> = EventKind::Acted { act: Act::Kill, is_done: true };

#[test]
fn what_was_answered_is_certain_for_everybody() {
    let asked = opened().ask(0, "INDEX|a|\n", "OK\n");
    assert_eq!(asked.ask(1, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
}

#[test]
fn a_request_whose_reply_was_lost_may_have_happened_or_not() {
    for end in [
        EventKind::Reset,
        EventKind::Closed,
        EventKind::Ended,
        EventKind::TimedOut { waited_ns: 1, late_ns: 0 },
    ] {
        for reply in ["OK\n", "FAIL\n"] {
            let lost = opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, "REMOVE|a|\n", "").tell(0, end.clone());
            assert_eq!(lost.ask(1, "QUERY|a|\n", reply).end(), None, "{end:?}");
        }
    }
    // All that waited, and not the oldest only.
    let both =
        opened().ask(1, "INDEX|b|\n", "OK\n").ask(0, "REMOVE|a|\nREMOVE|b|\n", "").tell(0, EventKind::Reset);
    assert_eq!(both.ask(1, "QUERY|b|\n", "FAIL\n").end(), None);
    // Nor is it known later when it happens.
    let mut late = opened().ask(1, "INDEX|a|\n", "OK\n").ask(0, "REMOVE|a|\n", "");
    assert_eq!(late.end(), None);
    let next = late.tell(1, EventKind::Opened(0)).ask(1, "INDEX|a|\n", "OK\n");
    assert_eq!(next.ask(1, "QUERY|a|\n", "FAIL\n").end(), None);
}

#[test]
fn a_line_that_was_never_ended_did_not_happen() {
    let half = opened().ask(1, "INDEX|a|\n", "OK\n").tell(0, sent("REMOVE|a|")).tell(0, EventKind::Closed);
    assert_eq!(half.ask(1, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
    let ended = opened().ask(1, "INDEX|a|\n", "OK\n").tell(0, sent("REMOVE|a|")).tell(0, sent("\n"));
    assert_eq!(ended.ask(1, "QUERY|a|\n", "FAIL\n").end(), None);
}

#[test]
fn a_part_begins_with_nothing_certain() {
    let mut before = opened().ask(0, "INDEX|a|\n", "OK\n");
    assert_eq!(before.end(), None);
    assert_eq!(before.tell(1, EventKind::Opened(0)).ask(1, "QUERY|a|\n", "FAIL\n").end(), None);
}

/// What else was sent is not known, so of the client's names nothing is, before and after, whoever asks; of others'
/// names it is.
#[test]
fn names_of_a_client_that_flooded_or_had_a_bad_way_are_clouded() {
    for doubt in [FLOOD, WORSEN] {
        let clouded =
            || opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, "INDEX|b|a\n", "OK\n").tell(0, doubt.clone());
        for (line, reply) in [
            ("QUERY|a|\n", "FAIL\n"),
            ("REMOVE|a|\n", "OK\n"),
            ("INDEX|c|b\n", "FAIL\n"),
            ("QUERY|b|\n", "FAIL\n"),
        ] {
            assert_eq!(clouded().ask(1, line, reply).end(), None, "{doubt:?} {line}");
        }
        // Something that it sent may need a name that it also used in a plain way.
        let needed = clouded().ask(1, "INDEX|c|\n", "OK\n").ask(1, "REMOVE|a|\n", "FAIL\n");
        assert_eq!(needed.ask(1, "REMOVE|a|\n", "FAIL\n").end(), None);
        let mut others = clouded().ask(1, "INDEX|c|a\n", "OK\n").ask(1, "QUERY|c|\n", "FAIL\n");
        assert_eq!(others.end(), Some("S5"), "{doubt:?}");
        let mut later = clouded();
        assert_eq!(later.end(), None);
        let later = later.tell(1, EventKind::Opened(0)).ask(1, "INDEX|a|\n", "OK\n");
        assert_eq!(later.ask(1, "QUERY|a|\n", "FAIL\n").end(), None, "in later parts too");
    }
}

#[test]
fn a_cloud_covers_the_stretch_of_the_plan_that_it_is_in() {
    let stretches = || {
        let before = opened().tell(0, EventKind::Marked(0)).ask(0, "INDEX|a|\n", "OK\n");
        let during = before.tell(0, EventKind::Marked(1)).ask(0, "INDEX|b|\n", "OK\n").tell(0, FLOOD);
        let during =
            during.tell(0, EventKind::Reset).tell(0, EventKind::Opened(0)).ask(0, "INDEX|c|\n", "OK\n");
        during.tell(0, EventKind::Marked(2)).ask(0, "INDEX|d|\n", "OK\n")
    };
    assert_eq!(stretches().ask(1, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
    assert_eq!(stretches().ask(1, "QUERY|b|\n", "FAIL\n").end(), None);
    assert_eq!(stretches().ask(1, "QUERY|c|\n", "FAIL\n").end(), None);
    assert_eq!(stretches().ask(1, "QUERY|d|\n", "FAIL\n").end(), Some("S5"));
}

/// A server may trim what it reads, or take the end of a line for a part of it.
#[test]
fn names_that_servers_may_read_in_several_ways_cloud_what_they_resemble() {
    for line in ["INDEX|c|a,a\n", "INDEX| a|\n", "REMOVE|a\r|\n", "INDEX|c|a b\n", "INDEX|a|,\n"] {
        let asked = opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, line, "OK\n");
        assert_eq!(asked.ask(1, "QUERY|a|\n", "FAIL\n").end(), None, "{line}");
    }
}

#[test]
fn nothing_is_looked_at_once_the_target_was_ended() {
    let ended = opened().ask(0, "INDEX|a|\n", "OK\n").tell(1, KILL);
    assert_eq!(ended.ask(0, "QUERY|a|\n", "FAIL\n").end(), None);
    let before = opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, "QUERY|a|\n", "FAIL\n").tell(1, KILL);
    assert_eq!({ before }.end(), Some("S5"));
}

/// Once a reply came that answers nothing, those after it may be of other requests.
#[test]
fn replies_behind_one_too_many_say_nothing() {
    let surplus = opened().ask(0, "INDEX|a|\n", "OK\n").tell(0, EventKind::Received(Cow::Borrowed(b"OK\n")));
    assert_eq!(surplus.ask(0, "QUERY|a|\n", "FAIL\n").end(), None);
    let foreign = opened().ask(0, "INDEX|a|\n", "OK\n").ask(0, "QUERY|a|\n", "hello\n");
    assert_eq!(foreign.ask(0, "QUERY|a|\n", "FAIL\n").end(), None);
}

#[test]
fn a_reply_before_its_request_is_no_harm() {
    let mut collector = Collector::new(Lines::new);
    for (at_ns, event) in
        [(9, EventKind::Opened(0)), (9, sent("INDEX|a|\n")), (3, EventKind::Received(Cow::Borrowed(b"OK\n")))]
    {
        collector.observe(&Event { at_ns, client: 0, connection: 1, event });
    }
    assert_eq!(bounds(&collector.end_part().unwrap().all), None);
}

/// Where the protocol is silent a server may refuse a cycle, or let it be taken apart.
#[test]
fn what_has_to_do_with_cycles_accuses_nobody() {
    // All are taken out first, so that it is certain what they list.
    let begun = || {
        let taken = opened().ask(0, "REMOVE|a|\n", "OK\n").ask(0, "REMOVE|b|\n", "OK\n");
        let taken = taken.ask(0, "REMOVE|c|\n", "OK\n");
        taken.ask(0, "INDEX|a|\n", "OK\n").ask(0, "INDEX|b|a\n", "OK\n").ask(0, "INDEX|c|b\n", "OK\n")
    };
    assert_eq!(begun().ask(0, "INDEX|a|b\n", "FAIL\n").end(), None);
    assert_eq!(begun().ask(0, "INDEX|a|c\n", "FAIL\n").end(), None);
    assert_eq!(begun().ask(0, "INDEX|a|a\n", "FAIL\n").end(), None);
    // A refusal changes nothing, of which others are certain as before.
    assert_eq!(begun().ask(0, "INDEX|a|c\n", "FAIL\n").ask(0, "QUERY|a|\n", "FAIL\n").end(), Some("S5"));
    let closed = || begun().ask(0, "INDEX|a|c\n", "OK\n");
    assert_eq!(closed().ask(0, "REMOVE|b|\n", "OK\n").end(), None);
    assert_eq!(closed().ask(0, "REMOVE|b|\n", "FAIL\n").end(), None);
    // Without a cycle everybody is held to the rules.
    assert_eq!(begun().ask(0, "INDEX|c|a\n", "FAIL\n").end(), Some("S2"));
    assert_eq!(begun().ask(0, "REMOVE|a|\n", "OK\n").end(), Some("S3"));
}

/// What was in before may list anything: `d` here, which nobody has taken out.
#[test]
fn an_old_list_may_close_a_cycle() {
    let taken = || opened().ask(0, "REMOVE|a|\n", "OK\n").ask(0, "REMOVE|b|\n", "OK\n");
    let begun = || taken().ask(0, "INDEX|a|\n", "OK\n");
    let listed = begun().ask(0, "INDEX|b|d\n", "OK\n");
    assert_eq!(listed.ask(0, "INDEX|a|b\n", "FAIL\n").end(), None);
    let known = begun().ask(0, "INDEX|d|\n", "OK\n").ask(0, "INDEX|b|d\n", "OK\n");
    assert_eq!(known.ask(0, "INDEX|a|b\n", "FAIL\n").end(), Some("S2"));
}

/// A server should answer in order, but need not (F3): which reply is whose is not known where several wait.
#[test]
fn requests_that_were_sent_together_are_held_to_nothing() {
    let joined = || opened().ask(0, "INDEX|a|\nINDEX|b|\n", "OK\nOK\n");
    assert_eq!(joined().ask(1, "QUERY|b|\n", "FAIL\n").end(), None);
    // Those after them are, once all are answered.
    let after = joined().ask(0, "INDEX|c|\n", "OK\n").ask(1, "QUERY|c|\n", "FAIL\n");
    assert_eq!({ after }.end(), Some("S5"));
    let before = joined().ask(0, "INDEX|c|\n", "").ask(0, "QUERY|c|\n", "OK\nOK\n");
    assert_eq!(before.ask(1, "QUERY|c|\n", "FAIL\n").end(), None);
}

#[test]
fn what_a_server_need_not_take_as_it_is_written_is_held_against_nobody() {
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
