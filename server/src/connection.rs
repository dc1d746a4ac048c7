//! One connection: read what is there, answer it, write all replies with one call.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};

use crate::connections::{Connection, Wait};
use crate::service::Service;

/// How much is read at once. It bounds a connection's turn, so that no client keeps others waiting, and its unread
/// replies: at the worst each byte read is an empty line, and each is answered with six bytes.
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
pub(crate) async fn serve<S: Service>(connection: &Connection, service: &S) -> io::Result<()> {
    let mut session = service.open_session();
    let mut replies = Vec::new();
    loop {
        // Waiting first saves a read that finds nothing; after a wait one read finds something.
        connection.stream.readable().await?;
        let is_open = match read_and_answer(connection, service, &mut session, &mut replies) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => continue,
            other => other?,
        };
        if !is_open && connection.is_given_up() {
            replies.extend_from_slice(S::LAST_WORDS);
        }
        write(connection, &replies).await?;
        if !is_open {
            return Ok(());
        }
        note_wait(connection, service.is_mid_request(&session), !replies.is_empty());
        replies.clear();
        replies.shrink_to(KEPT_BYTES_MAX);
    }
}

/// Reads once; false at the end of the stream. What the client had not ended with a line end is then no request.
fn read_and_answer<S: Service>(
    connection: &Connection,
    service: &S,
    session: &mut S::Session,
    replies: &mut Vec<u8>,
) -> io::Result<bool> {
    INPUT.with_borrow_mut(|input| {
        let count = connection.stream.get_ref().read(input)?;
        service.answer(session, &input[..count], replies);
        Ok(count > 0)
    })
}

/// The time for a request runs from its first byte to its last, not from read to read: a client that sends a byte
/// now and then gains nothing.
fn note_wait(connection: &Connection, is_mid_request: bool, was_answered: bool) {
    let is_noted = connection.wait() == Wait::RestOfRequest;
    if is_mid_request && (was_answered || !is_noted) {
        connection.begin_wait(Wait::RestOfRequest);
    } else if !is_mid_request && is_noted {
        connection.begin_wait(Wait::Nothing);
    }
}

/// Writes all of `replies`: tries first, and waits only for a client whose window is full.
async fn write(connection: &Connection, mut replies: &[u8]) -> io::Result<()> {
    let mut has_waited = false;
    while !replies.is_empty() {
        match connection.stream.get_ref().write(replies) {
            Ok(count) => replies = &replies[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !has_waited {
                    connection.begin_wait(Wait::TakingReplies);
                    has_waited = true;
                }
                connection.stream.writable().await?;
            }
            Err(error) => return Err(error),
        }
    }
    if has_waited {
        connection.begin_wait(Wait::Nothing);
    }
    Ok(())
}
