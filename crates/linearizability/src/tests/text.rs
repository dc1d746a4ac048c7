//! The text form of histories in tests.

use protocol::index::wire::Reply;

use crate::Operation;

/// Parses one operation per line: `sent..replied line => reply`, or `sent..0 line` if the reply was lost.
pub(super) fn read(history: &str) -> Vec<Operation> {
    let operation = |(text, client): (&str, u32)| {
        let (times, rest) = text.trim().split_once(' ').unwrap();
        let (sent, replied) = times.split_once("..").unwrap();
        let (line, reply) = rest.split_once(" => ").map_or((rest, None), |(line, reply)| (line, Some(reply)));
        let replied = reply.map(|reply| (Reply::decode(reply.as_bytes()).unwrap(), replied.parse().unwrap()));
        Operation { client, line: line.as_bytes().to_vec(), sent_ns: sent.parse().unwrap(), replied }
    };
    history.trim().lines().zip(0..).map(operation).collect()
}

/// Formats operations in the same form.
pub(super) fn written(operations: &[Operation]) -> String {
    let write = |operation: &Operation| {
        let line = operation.line.escape_ascii();
        let (replied_ns, reply) =
            operation.replied.map_or((0, String::new()), |(reply, at_ns)| (at_ns, format!(" => {reply:?}")));
        format!("{}..{replied_ns} {line}{reply}\n", operation.sent_ns)
    };
    operations.iter().map(write).collect()
}
