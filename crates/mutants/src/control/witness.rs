//! A server's own record of what its clients do, and the control that it belongs to.

use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGTERM;
use signal_hook::flag;

use super::trace::{End, Traces, Units};
use super::{Control, Effect, Moment, Probe, Start};
use crate::lifecycle::ClientNumber;

/// The time that a line of the log may take.
const LOG_TIME_MAX: Duration = Duration::from_secs(1);

/// The size of a record of the journal: many fill the rest of a page, to which a full file system leaves room.
const RECORD_BYTES: usize = 256;

/// Records nothing unless the server is a control.
#[derive(Debug)]
pub(crate) struct Witness {
    control: Option<&'static Control>,
    /// Whether the process has received SIGTERM.
    is_terminated: Arc<AtomicBool>,
    journal: Option<File>,
    traces: Mutex<Traces>,
}

impl Witness {
    pub(crate) fn new(start: Option<Start>, cut_into: Units) -> Self {
        let is_terminated = Arc::<AtomicBool>::default();
        let control = start.as_ref().map(|start| start.control);
        if control.is_some_and(|control| control.probe == Probe::Term) {
            // If the system refuses, the server is correct, and its test notices.
            let _ = flag::register(SIGTERM, Arc::clone(&is_terminated));
        }
        let is_stale = start.as_ref().is_some_and(|start| start.is_stale);
        let traces = Mutex::new(Traces { cut_into, is_stale, ..Traces::default() });
        Self { control, is_terminated, journal: start.and_then(|start| start.journal), traces }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.control.is_some()
    }

    pub(crate) fn probes(&self, probe: Probe) -> bool {
        self.control.is_some_and(|control| control.probe == probe)
    }

    /// Returns whether the process has received SIGTERM and does not end.
    pub(crate) fn is_terminated(&self) -> bool {
        self.is_terminated.load(Ordering::Relaxed)
    }

    /// Records a connection. Returns whether the server must end, because its log is slow or its journal cannot be written.
    pub(crate) fn note_open(&self, client: ClientNumber, address: u32) -> bool {
        self.with(|traces, _| {
            traces.open(client, address);
            false
        });
        if let (true, Some(mut journal)) = (self.probes(Probe::Journal), self.journal.as_ref()) {
            return journal.write_all(&[b'.'; RECORD_BYTES]).is_err();
        }
        if !self.probes(Probe::Log) {
            return false;
        }
        let begun = Instant::now();
        // A log that cannot be written is not slow.
        let _ = writeln!(io::stderr(), "client {client} connected");
        begun.elapsed() > LOG_TIME_MAX
    }

    /// Records bytes. Returns whether the server must end.
    pub(crate) fn note_read(&self, client: ClientNumber, bytes: &[u8], before_end: bool) -> bool {
        self.with(|traces, is_met| traces.read(client, bytes, before_end, is_met)) == Some(Effect::End)
    }

    /// Records the end of a connection. Returns the effect that follows, if one does.
    pub(crate) fn note_end(&self, client: ClientNumber, end: End) -> Option<Effect> {
        self.with(|traces, is_met| traces.end(client, end, is_met))
    }

    /// Records that the process has continued after a pause. Returns whether the server must end.
    pub(crate) fn note_pause(&self, pause: Duration) -> bool {
        self.with(|traces, is_met| traces.pause(pause, is_met)).is_some()
    }

    fn with(&self, note: impl FnOnce(&mut Traces, fn(&Moment<'_>) -> bool) -> bool) -> Option<Effect> {
        let control = self.control?;
        let mut traces = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut traces, control.is_met).then_some(control.effect)
    }
}
