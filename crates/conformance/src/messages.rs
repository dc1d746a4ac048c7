//! The texts of findings and causes that this crate produces, in one place.

use std::fmt::Display;

/// Defines constants, and in tests a list of all of them.
macro_rules! messages {
    ($($name:ident = $text:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

messages! {
    // Summaries.
    UNSOLICITED = "unsolicited bytes";
    UNSOLICITED_FIRST = "unsolicited bytes before the first request";
    EXTRA_REPLY = "more bytes than one reply to a request";
    CLOSED_DURING_PLAIN_REQUESTS = "the connection was closed during plain requests";
    NO_REPLY_TO_PLAIN_REQUEST = "no reply in time to a plain request on a new connection";
    CLOSED_INSTEAD_OF_REPLY = "the connection was closed instead of a reply";
    NO_REPLY = "no reply in time";
    RESET = "the connection was reset";
    NOT_CLOSED = "the connection was not closed";
    NOT_OPENED = "a connection could not be opened";
    INCORRECT_REPLY = "incorrect reply";
    REPLY_COUNT = "incorrect number of replies";
    RESOURCE_LEAK = "resource leak: resources of departed clients are not released";
    MEMORY_UNBOUNDED = "memory is not bounded";
    SLOWED_DOWN = "idle clients slow another client down";
    NOT_LINEARIZABLE = "the replies are not linearizable";
    TARGET_LOST = "the target stopped serving clients";
    // Sent, actual and expected.
    NOTHING_SENT = "nothing, on a new connection";
    INCOMPLETE_LINE = "no complete line";
    NOTHING_MORE = "nothing more";
    A_REPLY = "a reply";
    ANOTHER_REPLY = "another reply";
    A_CONNECTION = "a connection";
    OPENING = "nothing, while opening a connection";
    CASE_BYTES = "the bytes of the case";
    CASE_BYTES_THEN_NOTHING = "the bytes of the case, then nothing";
    ORDERLY_CLOSE = "an orderly close of the connection";
    CLOSE_BY_THEN = "the close of the connection by then";
    END_OF_CONNECTION = "the close of the connection";
    CLOSE_REASON_AND_END = r"ERROR\n, then the close of the connection";
    TARGET_SERVES = "a target that continues to serve clients";
    NO_GROWTH_PER_VISIT = "memory that does not grow with each visit";
    BEYOND_MEMORY_LIMIT = "more data than the target may keep";
    // Signs of a lost target.
    REFUSES_CONNECTIONS = "it accepted connections before and refuses them now";
    SILENT = "a plain request of a new client received no reply";
    CLOSES_CONNECTIONS = "the connections of new clients with plain requests were closed";
    // Causes of cases that are unknown or not run.
    HISTORY_ENDS_EARLY = "the history ends before the case does";
    INTERRUPTED = "interrupted";
    TIME_LIMIT = "the time limit of the run was reached";
    TIME_LIMIT_DEADLINE = "the time limit of the run was reached; --deadline raises it";
    STOPPED = "the run was stopped: the target was lost or too slow";
    NO_SAMPLES = "the resources of the target's processes could not be read";
    ONLY_ON_LINUX = "resources are measured on Linux only";
    TOO_SLOW_FOR_ROUNDS = "the target is too slow for the number of visits that shows a trend of its memory";
    LOST_DURING_CASE = "the target was lost during this case";
    TOO_SLOW = "the target is too slow for this case";
    NO_TIME_TO_RESTART = "no time was left to wait for it";
    NEVER_BLOCKED = "the target read everything that was sent and was never blocked";
    STOPPED_READING = "the client stopped reading at its time limit, before the target had shown that it continues to write";
    ACTION_FAILED = "an action of the case on the target failed";
    OVERLOADED = "no reply in time, but this machine was overloaded";
    EXCUSED_BY_TIME = "so much time had passed that a correct server sends this reply";
    EXCUSED_BY_LIMITS = "the target has reached its limit on clients, or the rate limit for this address";
    // Re-judging.
    PART_ENDS_EARLY = "the history ends before this part does";
    TOO_MANY_OPERATIONS = "the part has more operations than can be checked against one index";
    DIFFERENT_PLAN = "its parameters produce a different plan; the fixture or the version of this program has changed";
    // Linearizability.
    FOUND_BY_BOTH = "found by the interval check and the search";
    FOUND_BY_INTERVAL_CHECK = "found by the interval check";
    FOUND_BY_SEARCH = "found by the search only";
    LINEARIZABILITY_INCONCLUSIVE = "the check of linearizability is inconclusive";
    SEARCH_NODES = "the search needs too many steps";
    SEARCH_TIME = "the time limit of the search was reached";
    SEARCH_MEMORY = "the search needs too much memory";
    SEARCH_CONFIGURATIONS = "too many states were possible at the same time";
    SEARCH_LOST_CHANGES = "too many replies were lost";
    SEARCH_PENDING = "too many requests were outstanding at the same time";
    SEARCH_UNSPECIFIED = "the protocol does not specify how some requests are interpreted";
}

pub(crate) fn other_protocol_instead(protocol: &str, expected: &str) -> String {
    format!("the target speaks {protocol}, not {expected}")
}

pub(crate) fn speaks_other_protocol(protocol: &str) -> String {
    format!("the target speaks {protocol}")
}

pub(crate) fn out_of_resources(error: &str) -> String {
    format!("this machine end out of file descriptors, ports or memory: {error}")
}

pub(crate) fn no_reply_within(time: &str) -> String {
    format!("nothing within {time}")
}

pub(crate) fn partial_reply(partial: &str, end: &str) -> String {
    format!("{partial} (an incomplete reply), then {end}")
}

pub(crate) fn still_open(time: &str) -> String {
    format!("the connection is open after {time}")
}

pub(crate) fn reply_count(reply: &str, bound: &str, count: usize) -> String {
    format!("{reply} {bound}{count} times")
}

pub(crate) fn observed(requirement: &str, replies: &str) -> String {
    format!("{requirement} Observed: {replies}")
}

pub(crate) fn equal_visits(visits: u16, rounds: usize) -> String {
    format!("{visits} equal visits, {rounds} times")
}

pub(crate) fn grew_in_each_round(name: &str, least: i128, per_visit: f64) -> String {
    format!("{name} grew in each round by at least {least}: {per_visit:.2} per visit")
}

pub(crate) fn growth_allowed(allowed: u64) -> String {
    format!("no growth, or less than {allowed} in some round")
}

pub(crate) fn memory_grew(mebibytes: u64) -> String {
    format!("its memory grew by {mebibytes} MiB")
}

pub(crate) fn memory_grew_per_visit(bytes: f64) -> String {
    format!(
        "its memory grew by at least {bytes:.0} bytes per visit, in all rounds together (99 % confidence)"
    )
}

pub(crate) fn memory_allowed(mebibytes: u64) -> String {
    format!("at most {mebibytes} MiB")
}

pub(crate) fn leak_inconclusive(visits: &str, actual: &str) -> String {
    format!("too few visits to distinguish a leak from a growing heap: in {visits}, {actual}")
}

pub(crate) fn latency_requests(count: usize) -> String {
    format!("{count} requests before the idle clients connected, and as many afterwards")
}

pub(crate) fn latency_measured(before: &str, after: &str) -> String {
    format!("a median latency of {before} before, and {after} afterwards")
}

pub(crate) fn latency_allowed(most: &str) -> String {
    format!("a median latency of at most {most}")
}

pub(crate) fn first_case_failed(id: &str) -> String {
    format!("{id} did not pass, and nothing else can be judged without it")
}

pub(crate) fn gate_failed(id: &str) -> String {
    format!("{id} did not pass, and this case needs several clients at the same time")
}

pub(crate) fn lost_too_often(count: usize) -> String {
    format!("the target stopped serving clients {count} times")
}

pub(crate) fn not_restored(error: &impl Display) -> String {
    format!("the target stopped serving clients and did not return: {error}")
}

pub(crate) fn process_ended(evidence: &str, end: &str) -> String {
    format!("{evidence}; the process ended: {end}")
}

pub(crate) fn plan_not_reproducible(cause: &str) -> String {
    format!("its plan cannot be reproduced: {cause}")
}

pub(crate) fn inconclusive_search(reason: &str, operations: usize, components: usize) -> String {
    format!("{reason}; this concerns {operations} requests on {components} groups of packages")
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn every_message_is_reviewed() {
        let mut text = String::new();
        for (name, message) in ALL {
            writeln!(text, "{name}: {message}").unwrap();
        }
        let formatted = [
            other_protocol_instead("HTTP", "the package index protocol"),
            speaks_other_protocol("HTTP"),
            out_of_resources("too many open files"),
            no_reply_within("5.0 s"),
            partial_reply("O", END_OF_CONNECTION),
            still_open("5.0 s"),
            reply_count("OK\\n", "at least ", 3),
            observed("A server may do either.", "OK"),
            equal_visits(50, 5),
            grew_in_each_round("descriptors", 50, 1.0),
            growth_allowed(25),
            memory_grew(300),
            memory_grew_per_visit(3100.4),
            memory_allowed(64),
            leak_inconclusive("50 equal visits, 4 times", "bytes of memory grew in each round"),
            latency_requests(20),
            latency_measured("0.2 ms", "90.0 ms"),
            latency_allowed("50.2 ms"),
            first_case_failed("index/A1/1"),
            gate_failed("index/C1/1"),
            lost_too_often(12),
            not_restored(&"connection refused"),
            process_ended(REFUSES_CONNECTIONS, "by signal 9"),
            plan_not_reproducible(DIFFERENT_PLAN),
            inconclusive_search(SEARCH_TIME, 1000, 3),
        ];
        text.extend(formatted.map(|message| message + "\n"));
        for dialect in [&crate::dialects::index::DIALECT, &crate::dialects::wisdom::DIALECT] {
            writeln!(text, "invalid reply: {}", dialect.invalid_reply).unwrap();
        }
        insta::assert_snapshot!(text);
    }
}
