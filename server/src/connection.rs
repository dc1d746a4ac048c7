//! One connection: read the available input, answer it, write all replies with one call.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use smol::future;

use crate::clock::Clock;
use crate::connections::{Connection, Connections, Wait};
use crate::limits::{Limits, Refusal};
use crate::linger;
use crate::rates::Rates;
use crate::service::{Answered, Awaited, CloseReason, Service};
use crate::telemetry::Telemetry;

/// Largest input of one read. It limits the turn of a connection, so that no client delays the others.
const READ_BYTES_MAX: usize = 16 * 1024;

/// Largest reply buffer that a connection keeps for the next turn.
const KEPT_BYTES_MAX: usize = 1024;

thread_local! {
    /// One buffer per thread instead of one per connection, so that an idle connection needs little memory.
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES_MAX].into_boxed_slice());
}

/// The state that all connections share. The executor is not part of it, because the executor owns the tasks.
pub(crate) struct Shared<S, C> {
    pub(crate) service: Arc<S>,
    pub(crate) limits: Limits,
    pub(crate) telemetry: Arc<dyn Telemetry>,
    pub(crate) clock: C,
    pub(crate) connections: Connections,
    pub(crate) rates: Rates,
}

impl<S, C> Shared<S, C> {
    /// Notes the memory that a connection holds.
    fn hold(&self, connection: &Connection, bytes: usize) {
        self.connections.hold(connection, bytes, &self.limits, &*self.telemetry);
    }
}

/// Serves a connection until the client or the server closes it.
///
/// # Errors
/// Returns the socket error if the connection is lost.
pub(crate) async fn serve<S: Service, C: Clock>(
    connection: &Connection,
    shared: &Shared<S, C>,
) -> io::Result<()> {
    let (service, telemetry) = (&shared.service, &*shared.telemetry);
    let read_bytes_max = read_bytes_max::<S>(&shared.limits);
    let mut session = service.open_session(connection.address);
    let mut replies = Vec::new();
    loop {
        // Waiting before the read avoids a system call that would find no input.
        connection.stream.readable().await?;
        // Until closed connections have released their memory, no other one takes more. That needs no event of a client.
        while shared.connections.exceed_budget(&shared.limits) && connection.refusal().is_none() {
            future::yield_now().await;
        }
        let begun = telemetry.begin();
        let (read_bytes, Answered { requests, closes_connection }) = INPUT
            .with_borrow_mut(|input| {
                let read_bytes = connection.stream.get_ref().read(&mut input[..read_bytes_max])?;
                Ok((read_bytes, service.answer(&mut session, &input[..read_bytes], &mut replies)))
            })
            .or_else(|error: io::Error| match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok((usize::MAX, Answered::default())),
                _ => Err(error),
            })?;
        // A connection that closes anyway needs no close reason for its request rate.
        if !shared.rates.allows_requests(connection.address, requests) && !closes_connection {
            connection.close_for(Refusal::RequestRate);
        }
        // A full read may have left input from before the stop signal; that input is still answered.
        let is_drained = shared.connections.is_draining() && read_bytes < read_bytes_max;
        let reason = match connection.refusal() {
            _ if closes_connection => None,
            Some(cause) => Some(CloseReason::Refused(cause)),
            None => is_drained.then_some(CloseReason::ShuttingDown),
        };
        let replies_bytes = replies.len();
        if let Some(reason) = reason {
            service.append_close_reason(reason, &mut replies);
        }
        if closes_connection {
            // The time limits of requests no longer apply.
            connection.begin_wait(Wait::WritingReplies);
        }
        let held_bytes = replies.capacity() + service.buffered_bytes(&session);
        write(connection, shared, &replies, held_bytes).await?;
        if requests > 0 {
            telemetry.answered(begun);
        }
        if closes_connection || reason.is_some() || read_bytes == 0 {
            let has_reason = reason.is_some() && (read_bytes > 0 || replies.len() > replies_bytes);
            // A connection that lingers holds no memory.
            drop((session, replies));
            shared.hold(connection, 0);
            if closes_connection || has_reason {
                let is_receiving_half_closed =
                    || connection.refusal().is_some() || shared.connections.is_draining();
                linger::close(&connection.stream, is_receiving_half_closed, S::LINGER, &shared.clock).await;
            }
            return Ok(());
        }
        note_wait(connection, service.awaits(&session), requests > 0);
        replies.clear();
        replies.shrink_to(KEPT_BYTES_MAX);
        shared.hold(connection, service.buffered_bytes(&session));
    }
}

/// Largest input of one read for this service. It limits the memory of replies, because the connection reads no more
/// input until they are written.
fn read_bytes_max<S: Service>(limits: &Limits) -> usize {
    (limits.unread_reply_bytes_max / S::REPLY_BYTES_PER_BYTE_MAX).clamp(1, READ_BYTES_MAX)
}

/// Notes the current wait. The time limit of a request covers all its reads, so a client that sends single bytes does
/// not extend it.
fn note_wait(connection: &Connection, awaited: Awaited, was_answered: bool) {
    let wait = Wait::For(awaited);
    if awaited != Awaited::RestOfRequest || was_answered || connection.wait() != wait {
        connection.begin_wait(wait);
    }
}

/// Writes all `replies`; waits only if the client's receive window is full. During the wait the connection holds
/// `held_bytes`.
async fn write<S: Service, C: Clock>(
    connection: &Connection,
    shared: &Shared<S, C>,
    mut replies: &[u8],
    held_bytes: usize,
) -> io::Result<()> {
    let mut has_waited = false;
    while !replies.is_empty() {
        match connection.stream.get_ref().write(replies) {
            Ok(count) => {
                replies = &replies[count..];
                // During a drain the limit is short, so it covers only the time without progress.
                if has_waited && shared.connections.is_draining() {
                    connection.begin_wait(Wait::WritingReplies);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !has_waited {
                    connection.begin_wait(Wait::WritingReplies);
                    shared.telemetry.blocked();
                    shared.hold(connection, held_bytes);
                    // The memory is needed now, and this client does not read the close reason.
                    if shared.connections.exceed_budget(&shared.limits) && connection.delays_release() {
                        return Err(error);
                    }
                    has_waited = true;
                }
                connection.stream.writable().await?;
            }
            Err(error) => return Err(error),
        }
    }
    if has_waited {
        connection.begin_wait(Wait::For(Awaited::NextRequest));
    }
    Ok(())
}
