//! Every event as a line of text, for `--debug`.

use std::io::{self, Write};
use std::time::Duration;

use crate::history::{Event, Failure, Sample, What};
use crate::verdict::{printable, seconds};

/// Writes one event as one line.
///
/// # Errors
/// `out` cannot be written.
pub fn write_event(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    let milliseconds = Duration::from_nanos(event.at_ns).as_secs_f64() * 1e3;
    let what = match &event.event {
        What::Phase(phase) => format!("begins phase {phase}"),
        What::Opened(_) => "opened".into(),
        What::NotOpened(Failure { message, .. }) => format!("not opened: {message}"),
        What::Sent(bytes) => format!("-> {}", printable(bytes)),
        What::Received(bytes) => format!("<- {}", printable(bytes)),
        What::Ended => "ended by the target".into(),
        What::Lost(Failure { message, .. }) => format!("lost: {message}"),
        What::TimedOut { waited_ns, .. } => {
            format!("no reply within {}", seconds(*waited_ns))
        }
        What::Flooded { bytes, .. } => format!("-> {bytes} bytes, the same over and over"),
        What::StayedOpen { waited_ns } => format!("still open after {}", seconds(*waited_ns)),
        What::Closed => "closed".into(),
        What::Reset => "reset".into(),
        What::Sampled(Sample { descriptors, memory_bytes, threads, .. }) => {
            format!("{descriptors} descriptors, {} KiB, {threads} threads", memory_bytes / 1024)
        }
        What::Marked(part) => format!("begins part {part}"),
        What::Acted { act, is_done: true } => format!("the target's process: {act:?}"),
        What::Acted { act, .. } => format!("the target's process: {act:?}, which could not be done"),
        What::ClientDone => "done".into(),
        What::RunEnded(ending) => format!("the run ended: {ending:?}"),
    };
    writeln!(
        out,
        "{milliseconds:>10.3} ms  client {:>4}  connection {:>5}  {what}",
        event.client, event.connection
    )
}
