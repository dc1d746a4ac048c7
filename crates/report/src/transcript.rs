//! Every event as a line of text, for `--debug`.

use std::io::{self, Write};
use std::time::Duration;

use driver::history::Event;
use driver::history::EventKind;
use driver::history::Failure;
use driver::history::Sample;
use protocol::text::printable;
use verdict::seconds;

/// Writes one event as one line.
///
/// # Errors
/// `out` cannot be written.
pub fn write_event(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    let milliseconds = Duration::from_nanos(event.at_ns).as_secs_f64() * 1e3;
    let what = match &event.event {
        EventKind::Phase(phase) => format!("begins phase {phase}"),
        EventKind::Opened(_) => "opened".into(),
        EventKind::NotOpened(Failure { message, .. }) => format!("not opened: {message}"),
        EventKind::Sent(bytes) => format!("-> {}", printable(bytes)),
        EventKind::Received(bytes) => format!("<- {}", printable(bytes)),
        EventKind::Ended => "ended by the target".into(),
        EventKind::Lost(Failure { message, .. }) => format!("lost: {message}"),
        EventKind::TimedOut { waited_ns, .. } => {
            format!("no reply within {}", seconds(*waited_ns))
        }
        EventKind::Flooded { bytes, .. } => format!("-> {bytes} bytes, the same over and over"),
        EventKind::StayedOpen { waited_ns } => format!("still open after {}", seconds(*waited_ns)),
        EventKind::Closed => "closed".into(),
        EventKind::Reset => "reset".into(),
        EventKind::Sampled(Sample { descriptors, memory_bytes, threads, .. }) => {
            format!("{descriptors} descriptors, {} KiB, {threads} threads", memory_bytes / 1024)
        }
        EventKind::Marked(part) => format!("begins part {part}"),
        EventKind::Acted { act, is_done: true } => format!("the target's process: {act:?}"),
        EventKind::Acted { act, .. } => format!("the target's process: {act:?}, which could not be done"),
        EventKind::ClientDone => "done".into(),
        EventKind::RunEnded(ending) => format!("the run ended: {ending:?}"),
    };
    writeln!(
        out,
        "{milliseconds:>10.3} ms  client {:>4}  connection {:>5}  {what}",
        event.client, event.connection
    )
}
