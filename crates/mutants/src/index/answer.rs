//! The answer to one line: the line is parsed, applied and answered.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::catalogue::{Defect, Defects};
use super::framing::Line;
use super::grammar::{self, Command, Request};
use super::malformed::Malformed;
use super::replies::Reply;
use super::server::Server;
use super::sharing::View;

/// The answer to a line. The correct server always replies; the other variants belong to defects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Reply(Reply),
    ReplyTwice(Reply),
    Nothing,
    Close,
    Crash,
}

/// The time between the end of the connections and the end of the server, in which it still accepts connections.
const TIME_TO_DIE: Duration = Duration::from_millis(300);

/// Answers a line and applies its change.
pub(super) fn answer(server: &Server, view: &mut View, line: &Line) -> Answer {
    if is_fatal(line, server.defects) {
        return Answer::Crash;
    }
    if server.defects.has(Defect::DiesAfter3000Requests) && server.reply_count.load(Ordering::Relaxed) >= 3000
    {
        server.lifecycle.shut_down_others(view.client());
        thread::sleep(TIME_TO_DIE);
        return Answer::Crash;
    }
    let Line::Complete(line) = line else { return Answer::Reply(Reply::Error) };
    server.leaks.note_line(line);
    if server.defects.has(Defect::PanicPoisonsTheLock) && is_poisoned(server, line) {
        return Answer::Close;
    }
    match grammar::read(line, server.defects) {
        Ok(request) => answer_request(server, view, &request),
        Err(malformed) => answer_malformed(server, view, line, malformed),
    }
}

fn answer_request(server: &Server, view: &mut View, request: &Request) -> Answer {
    match (server.defects.get(), request.command) {
        (Some(Defect::WrongBeyond90Clients), Command::Query) if server.lifecycle.open_count() > 90 => {
            Answer::Reply(Reply::Fail)
        }
        (Some(Defect::RemoveNotAnswered), Command::Remove) if !server.index.is_indexed(&request.package) => {
            Answer::Nothing
        }
        (Some(Defect::IndexAnsweredTwice), Command::Index) => {
            Answer::ReplyTwice(server.index.answer(view, request))
        }
        (Some(Defect::IndexReleasedBeforeTheDrain), _)
            if server.faults.has_released_index(&server.lifecycle) =>
        {
            Answer::Reply(Reply::Fail)
        }
        (Some(Defect::NeededPackageAnsweredTwice), Command::Remove)
            if server.index.is_indexed(&request.package) =>
        {
            match server.index.answer(view, request) {
                Reply::Fail => Answer::ReplyTwice(Reply::Fail),
                reply => Answer::Reply(reply),
            }
        }
        _ => Answer::Reply(server.index.answer(view, request)),
    }
}

/// Answers a malformed line: `ERROR`, without a change.
fn answer_malformed(server: &Server, view: &mut View, line: &[u8], malformed: Malformed) -> Answer {
    if let Some(request) = grammar::read_malformed(line, malformed, server.defects) {
        server.index.answer(view, &request);
    }
    match (server.defects.get(), malformed) {
        (Some(Defect::EmptyLineIgnored), _) if line.is_empty() => Answer::Nothing,
        (Some(Defect::UnknownCommandFails), Malformed::Command)
        | (Some(Defect::EmptyPackageFails), Malformed::EmptyPackage) => Answer::Reply(Reply::Fail),
        (Some(Defect::EmptyPackageOnQueryFails), Malformed::EmptyPackage)
            if grammar::begins_as_query(line) =>
        {
            Answer::Reply(Reply::Fail)
        }
        (Some(Defect::MalformedCloses), _) => Answer::Close,
        (Some(Defect::ErrorClosesAll), _) => {
            server.lifecycle.shut_down_others(view.client());
            Answer::Reply(Reply::Error)
        }
        _ => Answer::Reply(Reply::Error),
    }
}

/// Returns whether the line ends the server. No line ends the correct server.
fn is_fatal(line: &Line, defects: Defects) -> bool {
    let Line::Complete(line) = line else { return defects.has(Defect::DiesOfALongLine) };
    match defects.get() {
        Some(Defect::DiesOfALongLine) => line.len() > 64 << 10,
        Some(Defect::DiesOfALongName) => {
            line.split(|&byte| byte == b'|').take(2).any(|field| field.len() > 255)
        }
        Some(Defect::DiesOfBytesNotUtf8) => str::from_utf8(line).is_err(),
        Some(Defect::DiesOfAnEmptyLine) => line.is_empty(),
        Some(Defect::DiesOfNul) => line.contains(&0),
        Some(Defect::DiesOfManySeparators) => line.split(|&byte| byte == b'|').count() > 101,
        _ => false,
    }
}

/// Simulates a lock that a panic has poisoned and that no thread clears.
fn is_poisoned(server: &Server, line: &[u8]) -> bool {
    if !line.contains(&b'|') {
        server.is_poisoned.store(true, Ordering::SeqCst);
    }
    server.is_poisoned.load(Ordering::SeqCst)
}
