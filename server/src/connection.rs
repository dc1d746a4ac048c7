//! One connection: read what is there, answer it, write all replies with one call.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};

use crate::clock::Clock;
use crate::connections::{Connection, Wait};
use crate::farewell;
use crate::limits::{Limits, Refusal};
use crate::listener::Server;
use crate::service::{Answered, Awaited, Parting, Service};
use crate::telemetry::Telemetry;

/// How much is read at once. It bounds a connection's turn, so that no client keeps others waiting.
const READ_BYTES_MAX: usize = 16 * 1024;

/// Replies that took more memory than this give it back.
const KEPT_BYTES_MAX: usize = 1024;

thread_local! {
    /// One buffer a thread and not one a connection, so that an idle connection costs almost nothing.
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES_MAX].into_boxed_slice());
}

/// Serves a connection until its client ends it, or it is given up.
///
/// # Errors
/// The client vanished.
pub(crate) async fn serve<S: Service, C: Clock>(
    connection: &Connection,
    server: &Server<S, C>,
) -> io::Result<()> {
    let (service, telemetry) = (&server.service, &*server.telemetry);
    let read_bytes_max = read_bytes_max::<S>(&server.limits);
    let mut session = service.open_session(connection.address);
    let mut replies = Vec::new();
    loop {
        // Waiting first saves a read that finds nothing; after a wait one read finds something.
        connection.stream.readable().await?;
        let begun = telemetry.begin();
        let (read_bytes, Answered { requests, is_over }) = INPUT
            .with_borrow_mut(|input| {
                let read_bytes = connection.stream.get_ref().read(&mut input[..read_bytes_max])?;
                Ok((read_bytes, service.answer(&mut session, &input[..read_bytes], &mut replies)))
            })
            .or_else(|error: io::Error| match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok((usize::MAX, Answered::default())),
                _ => Err(error),
            })?;
        // Who is done needs no telling that it asked too often.
        if !server.rates.may_go_on(connection.address, requests) && !is_over {
            connection.give_up(Refusal::RequestRate);
        }
        // What had come when the server was told to stop is answered, and what comes meanwhile is not.
        let is_last = server.connections.is_draining() && read_bytes < read_bytes_max;
        let parting = match connection.given_up() {
            _ if is_over => None,
            Some(cause) => Some(Parting::Refused(cause)),
            None => is_last.then_some(Parting::ShuttingDown),
        };
        let replies_bytes = replies.len();
        if let Some(why) = parting {
            service.say_last_words(why, &mut replies);
        }
        if is_over {
            // Its time for asking has no meaning any more.
            connection.begin_wait(Wait::TakingReplies);
        }
        write(connection, telemetry, &replies).await?;
        if requests > 0 {
            telemetry.answered(begun);
        }
        if is_over || parting.is_some() && (read_bytes > 0 || replies.len() > replies_bytes) {
            let has_stopped_reading = || connection.given_up().is_some() || server.connections.is_draining();
            farewell::part(&connection.stream, has_stopped_reading, S::FAREWELL, &server.clock).await;
        }
        if is_over || parting.is_some() || read_bytes == 0 {
            return Ok(());
        }
        note_wait(connection, service.awaits(&session), requests > 0);
        replies.clear();
        replies.shrink_to(KEPT_BYTES_MAX);
    }
}

/// Nothing more is read until the replies are written, so this bounds what they take.
fn read_bytes_max<S: Service>(limits: &Limits) -> usize {
    (limits.unread_reply_bytes_max / S::REPLY_BYTES_FOR_A_BYTE_MAX).clamp(1, READ_BYTES_MAX)
}

/// The time for a request runs from its first byte to its last, not from read to read: a client that sends a byte
/// now and then gains nothing.
fn note_wait(connection: &Connection, awaited: Awaited, was_answered: bool) {
    let wait = Wait::For(awaited);
    if awaited != Awaited::RestOfRequest || was_answered || connection.wait() != wait {
        connection.begin_wait(wait);
    }
}

/// Writes all of `replies`: tries first, and waits only for a client whose window is full.
async fn write(connection: &Connection, telemetry: &dyn Telemetry, mut replies: &[u8]) -> io::Result<()> {
    let mut has_waited = false;
    while !replies.is_empty() {
        match connection.stream.get_ref().write(replies) {
            Ok(count) => replies = &replies[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !has_waited {
                    connection.begin_wait(Wait::TakingReplies);
                    telemetry.blocked();
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
