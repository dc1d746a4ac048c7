//! What happens to connections, told to whoever counts it.

use std::time::Instant;

use crate::limits::Refusal;

/// Hears what happens, as it happens, on the threads that serve: it must not wait.
pub trait Telemetry: Send + Sync + 'static {
    /// A connection is served from now on.
    fn opened(&self);

    /// A connection has ended.
    fn closed(&self);

    /// A client was turned away, or its connection given up.
    fn refused(&self, cause: Refusal);

    /// No connection could be accepted, most often because descriptors ran out.
    fn accept_failed(&self);

    /// Some requests are there. Brings the time, if anybody wants to know how long they take.
    fn begin(&self) -> Option<Instant>;

    /// The replies to what was there at [`Telemetry::begin`] have been written.
    fn answered(&self, begun: Option<Instant>);

    /// A client does not take in its replies, and is waited for.
    fn blocked(&self);
}

/// Nobody counts.
#[derive(Clone, Copy, Debug)]
pub struct Silence;

impl Telemetry for Silence {
    fn opened(&self) {}
    fn closed(&self) {}
    fn refused(&self, _: Refusal) {}
    fn accept_failed(&self) {}
    fn begin(&self) -> Option<Instant> {
        None
    }
    fn answered(&self, _: Option<Instant>) {}
    fn blocked(&self) {}
}
