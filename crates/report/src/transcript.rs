//! One line of text for each event, for `--debug`.

use std::io::{self, Write};
use std::time::Duration;

use driver::history::{Event, EventKind, Failure, Sample};
use protocol::text::printable;
use verdict::seconds;

/// Writes an event as one line.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn write_event(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    let milliseconds = Duration::from_nanos(event.at_ns).as_secs_f64() * 1e3;
    let description = match &event.event {
        EventKind::Phase(phase) => format!("phase {phase} begins"),
        EventKind::Opened(_) => "connection opened".into(),
        EventKind::NotOpened(Failure { message, .. }) => format!("connection not opened: {message}"),
        EventKind::Sent(bytes) => format!("-> {}", printable(bytes)),
        EventKind::Received(bytes) => format!("<- {}", printable(bytes)),
        EventKind::Ended => "closed by the target".into(),
        EventKind::Lost(Failure { message, .. }) => format!("connection failed: {message}"),
        EventKind::TimedOut { waited_ns, .. } => {
            format!("no reply within {}", seconds(*waited_ns))
        }
        EventKind::Flooded { bytes, .. } => format!("-> {bytes} bytes, repeating the same request"),
        EventKind::EndedSending => "the client shuts down its sending half".to_owned(),
        EventKind::StoppedReading => "the client stops reading".to_owned(),
        EventKind::StayedOpen { waited_ns } => format!("still open after {}", seconds(*waited_ns)),
        EventKind::Closed => "closed by the client".into(),
        EventKind::Reset => "reset by the client".into(),
        EventKind::Sampled(Sample { descriptors, memory_bytes, threads, .. }) => {
            format!("{descriptors} file descriptors, {} KiB, {threads} threads", memory_bytes / 1024)
        }
        EventKind::Marked(part) => format!("part {part} begins"),
        EventKind::Acted { act, is_done: true } => format!("action on the target's process: {act:?}"),
        EventKind::Acted { act, .. } => format!("action on the target's process failed: {act:?}"),
        EventKind::ClientDone => "client done".into(),
        EventKind::RunEnded(ending) => format!("run ended: {ending:?}"),
    };
    writeln!(
        out,
        "{milliseconds:>10.3} ms  client {:>4}  connection {:>5}  {description}",
        event.client, event.connection
    )
}
