//! The log on standard error, written by its own thread so that no connection waits for its reader.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::flags::{LogFormat, LogLevel, ServerFlags};
use crate::admin::LostLogLines;

/// Lines that may wait to be written. Further lines are lost, so that no request is delayed.
const QUEUED_LINES_MAX: usize = 8192;

/// Starts the log. Dropping the returned guard writes the waiting lines.
pub(super) fn start(flags: &ServerFlags) -> Option<(WorkerGuard, LostLogLines)> {
    if flags.quiet {
        return None;
    }
    let (writer, guard) = writer(io::stderr(), QUEUED_LINES_MAX, flags.log_format);
    let lost = writer.error_counter();
    let level = match flags.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_target(false)
        .with_writer(writer);
    // A second server in the same process uses the log of the first.
    let _ = match flags.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    Some((guard, Box::new(move || lost.dropped_lines() as u64)))
}

/// Creates the queue of lines and the thread that writes them.
fn writer(
    out: impl Write + Send + 'static,
    lines_max: usize,
    format: LogFormat,
) -> (NonBlocking, WorkerGuard) {
    let lost = Arc::new(OnceLock::new());
    let noting = Noting { out, lost: Arc::clone(&lost), noted: 0, format };
    let builder = NonBlockingBuilder::default().buffered_lines_limit(lines_max).lossy(true);
    let (writer, guard) = builder.thread_name("log").finish(noting);
    // Nothing is set yet: the counter of a queue exists only after the queue.
    let _ = lost.set(writer.error_counter());
    (writer, guard)
}

/// A writer that adds a line about lost lines as soon as no line waits.
struct Noting<W> {
    out: W,
    lost: Arc<OnceLock<ErrorCounter>>,
    /// The lost lines of which a note was written.
    noted: usize,
    format: LogFormat,
}

impl<W: Write> Write for Noting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    /// The thread flushes when it has written all waiting lines.
    fn flush(&mut self) -> io::Result<()> {
        let lost = self.lost.get().map_or(0, ErrorCounter::dropped_lines);
        if lost > self.noted {
            let line = note(self.format, lost - self.noted);
            self.noted = lost;
            self.out.write_all(line.as_bytes())?;
        }
        self.out.flush()
    }
}

/// The line about lost lines, in the form of all other lines.
fn note(format: LogFormat, lost: usize) -> String {
    const MESSAGE: &str = "log lines were lost, because the reader of the log was too slow";
    let mut time = String::new();
    // A line without a time is better than none.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let mut line = String::new();
    let written = match format {
        LogFormat::Text => writeln!(line, "{time}  WARN {MESSAGE} lost={lost}"),
        LogFormat::Json => {
            writeln!(line, r#"{{"timestamp":"{time}","level":"WARN","message":"{MESSAGE}","lost":{lost}}}"#)
        }
    };
    written.map_or_else(|_| String::new(), |()| line)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// A writer that waits at each line until the gate opens or is gone.
    struct Gated {
        gate: Receiver<()>,
        text: Arc<Mutex<String>>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.gate.recv();
            self.text.lock().unwrap().push_str(str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lost_lines_are_counted_and_noted_when_the_writer_has_caught_up() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let (opens, gate) = channel();
            let text = Arc::new(Mutex::new(String::new()));
            let (mut writer, _guard) = writer(Gated { gate, text: Arc::clone(&text) }, 2, format);
            for number in 0..10 {
                writer.write_all(format!("line {number}\n").as_bytes()).unwrap();
            }
            let lost = writer.error_counter().dropped_lines();
            // One line is being written, and two wait.
            assert!((7..=8).contains(&lost), "{lost}");
            drop(opens);
            let begun = Instant::now();
            while !text.lock().unwrap().contains("lost") {
                assert!(begun.elapsed() < Duration::from_secs(30), "no note is written");
                thread::yield_now();
            }
            writer.write_all(b"later\n").unwrap();
            while !text.lock().unwrap().contains("later") {
                assert!(begun.elapsed() < Duration::from_secs(30), "the line is not written");
                thread::yield_now();
            }
            let text = text.lock().unwrap();
            assert_eq!(text.matches("lost,").count(), 1, "{text}");
            let note = text.lines().rev().find(|line| line.contains("lost,")).unwrap();
            if format == LogFormat::Json {
                let line: serde_json::Value = serde_json::from_str(note).unwrap();
                assert_eq!((&line["level"], &line["lost"]), (&"WARN".into(), &lost.into()));
                assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
            } else {
                assert!(note.contains("Z  WARN ") && note.ends_with(&format!("lost={lost}")), "{note}");
            }
        }
    }
}
