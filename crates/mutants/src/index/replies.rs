//! Encodes replies.

use super::catalogue::{Defect, Defects};

/// The reply to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Ok,
    Fail,
    Error,
}

impl Reply {
    /// Returns `OK` if the condition holds, otherwise `FAIL`.
    pub(super) fn ok_if(condition: bool) -> Self {
        if condition { Self::Ok } else { Self::Fail }
    }
}

/// Appends an encoded reply. `number` counts the replies of the server from 1.
pub(super) fn append(reply: Reply, number: u64, defects: Defects, out: &mut Vec<u8>) {
    let word = match reply {
        Reply::Ok => "OK",
        Reply::Fail => "FAIL",
        Reply::Error if defects.has(Defect::ErrorSaysWhy) => "ERROR the line is not a valid request",
        Reply::Error => "ERROR",
    };
    if defects.has(Defect::ReplyInLowerCase) {
        out.extend_from_slice(word.to_ascii_lowercase().as_bytes());
    } else {
        out.extend_from_slice(word.as_bytes());
    }
    let end: &[u8] = match defects.get() {
        Some(Defect::RepliesWithCarriageReturn) => b"\r\n",
        Some(Defect::RepliesWithoutLineEnd) => b"",
        Some(Defect::ReplyWithTrailingSpace) => b" \n",
        Some(Defect::ReplyWithNul) => b"\n\0",
        Some(Defect::PromptAfterReply) => b"\n> ",
        Some(Defect::FailsAfter30000Requests) if number > 30_000 && number.is_multiple_of(10) => b"",
        _ => b"\n",
    };
    out.extend_from_slice(end);
}
