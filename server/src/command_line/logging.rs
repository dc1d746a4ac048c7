//! The log: to standard error, by a thread of its own, so that no connection ever waits for whoever reads it.

use std::io;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;

use super::flags::{Flags, LogFormat, LogLevel};

/// How many lines wait to be written at the most; beyond that they are lost, and no request is late.
const LINES_WAITING_MAX: usize = 8192;

/// Begins the log; when what it brings is dropped, what waits is written.
pub(super) fn begin(flags: &Flags) -> Option<WorkerGuard> {
    if flags.quiet {
        return None;
    }
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_WAITING_MAX)
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
    // A second server in one process logs where the first one does.
    let _ = match flags.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    Some(guard)
}
