//! The log on standard error, written by its own thread so that no connection waits for its reader.

use std::io;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;

use super::flags::{LogFormat, LogLevel, ServerFlags};

/// Lines that may wait to be written. Further lines are lost, so that no request is delayed.
const QUEUED_LINES_MAX: usize = 8192;

/// Starts the log. Dropping the returned guard writes the waiting lines.
pub(super) fn start(flags: &ServerFlags) -> Option<WorkerGuard> {
    if flags.quiet {
        return None;
    }
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUED_LINES_MAX)
        .lossy(true)
        .thread_name("log")
        .finish(io::stderr());
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
    Some(guard)
}
