//! A server's own record of what its clients do, and the control that it belongs to.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::trace::{End, Traces};
use super::{Control, Effect, Moment, Probe};
use crate::lifecycle::ClientNumber;

/// Records nothing unless the server is a control.
#[derive(Debug)]
pub(crate) struct Witness {
    control: Option<&'static Control>,
    traces: Mutex<Traces>,
}

impl Witness {
    /// `is_stale` states that the lock file of an earlier process was found.
    pub(crate) fn new(control: Option<&'static Control>, is_stale: bool) -> Self {
        Self { control, traces: Mutex::new(Traces { is_stale, ..Traces::default() }) }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.control.is_some()
    }

    pub(crate) fn probes(&self, probe: Probe) -> bool {
        self.control.is_some_and(|control| control.probe == probe)
    }

    /// Records a connection.
    pub(crate) fn note_open(&self, client: ClientNumber) {
        self.with(|traces, _| {
            traces.open(client);
            false
        });
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
