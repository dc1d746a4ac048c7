//! Every event as a line of text, for `--debug`.

use std::io::{self, Write};
use std::time::Duration;

use crate::history::{Event, Failure, What};
use crate::verdict::printable;

/// Writes one event as one line.
///
/// # Errors
/// `out` cannot be written.
pub fn write_event(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    let milliseconds = Duration::from_nanos(event.at_ns).as_secs_f64() * 1e3;
    let what = match &event.event {
        What::Phase(phase) => format!("begins phase {phase}"),
        What::Opened => "opened".into(),
        What::NotOpened(Failure { message, .. }) => format!("not opened: {message}"),
        What::Sent(bytes) => format!("-> {}", printable(bytes)),
        What::Received(bytes) => format!("<- {}", printable(bytes)),
        What::Ended => "ended by the target".into(),
        What::Lost(Failure { message, .. }) => format!("lost: {message}"),
        What::TimedOut { waited_ns, .. } => {
            format!("no reply within {:.1} s", Duration::from_nanos(*waited_ns).as_secs_f64())
        }
        What::Closed => "closed".into(),
        What::RunEnded(ending) => format!("the run ended: {ending:?}"),
    };
    writeln!(
        out,
        "{milliseconds:>10.3} ms  client {:>4}  connection {:>5}  {what}",
        event.client, event.connection
    )
}
