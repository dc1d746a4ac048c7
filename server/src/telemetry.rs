//! Events of connections, reported to an observer.

use std::time::Instant;

use crate::limits::Refusal;

/// An observer of connections. Its methods run on the threads that serve connections and must not block.
pub trait Telemetry: Send + Sync + 'static {
    /// A connection was accepted and is served.
    fn opened(&self);

    /// A served connection has ended.
    fn closed(&self);

    /// A client was refused or its connection was closed because of a limit.
    fn refused(&self, cause: Refusal);

    /// Accepting a connection failed, most often for lack of file descriptors.
    fn accept_failed(&self);

    /// Input is available. Returns the current time if the observer measures durations.
    fn begin(&self) -> Option<Instant>;

    /// The replies to the input reported by [`Telemetry::begin`] were written.
    fn answered(&self, begun: Option<Instant>);

    /// A client does not read its replies; the connection waits for it.
    fn blocked(&self);

    /// The task of a connection panicked; the connection is closed.
    fn panicked(&self);

    /// A connection took `after` bytes from the budget of all connections instead of `before`.
    fn buffered(&self, before: usize, after: usize);
}

/// Telemetry that ignores all events.
#[derive(Clone, Copy, Debug)]
pub struct NoTelemetry;

impl Telemetry for NoTelemetry {
    fn opened(&self) {}
    fn closed(&self) {}
    fn refused(&self, _: Refusal) {}
    fn accept_failed(&self) {}
    fn begin(&self) -> Option<Instant> {
        None
    }
    fn answered(&self, _: Option<Instant>) {}
    fn blocked(&self) {}
    fn panicked(&self) {}
    fn buffered(&self, _: usize, _: usize) {}
}
