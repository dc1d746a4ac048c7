//! What a judge says: verdicts, and the findings that they rest on.

use std::fmt::Write;
use std::time::Duration;

use protocol::Clause;
use serde::{Deserialize, Serialize, Serializer};

use crate::exit;

/// The verdict on a case, a workload or a whole run, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was not tried, for a cause that is told.
    NotRun,
    /// Everything was as the protocol wants it.
    Pass,
    /// It failed as it was listed to.
    Expected,
    /// A clause was broken that a robust server keeps.
    Warn,
    /// Something that should have been decided was not, and that is not the target's fault.
    Unknown,
    /// There is no target, or it speaks another protocol.
    Unreachable,
    /// A clause was violated.
    Fail,
}

impl Verdict {
    /// All verdicts, in the order in which they are counted.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Fail, Self::Warn, Self::Unknown, Self::Unreachable, Self::Expected, Self::NotRun];

    /// The word for it in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotRun => "NOT RUN",
            Self::Pass => "PASS",
            Self::Expected => "EXPECTED",
            Self::Warn => "WARN",
            Self::Unknown => "UNKNOWN",
            Self::Unreachable => "UNREACHABLE",
            Self::Fail => "FAIL",
        }
    }

    /// The exit code that says it.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::NotRun | Self::Pass | Self::Expected | Self::Warn => exit::PASS,
            Self::Unknown => exit::UNKNOWN,
            Self::Unreachable => exit::UNREACHABLE,
            Self::Fail => exit::VIOLATION,
        }
    }
}

/// One thing that a judge found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it makes of the verdict.
    pub verdict: Verdict,
    /// What is wrong, in a few words.
    pub summary: String,
    /// Why it is, or what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The clause that it breaks.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_clause")]
    pub clause: Option<Clause>,
    /// Which client, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<u32>,
    /// In which phase of the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<&'static str>,
    /// What was sent, printable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// What came, printable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came: Option<String>,
    /// Where, in characters of what came, it first differs from what had to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_at: Option<usize>,
    /// What had to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub had_to_come: Option<String>,
    /// Requests that together have no order, this one among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// Requests that together have no order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Each of them, in the order in which they were sent.
    pub bars: Vec<Bar>,
    /// What may have been in before the first of them: some of all possibilities.
    pub states: Vec<String>,
}

/// One of these requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// Which client's it is.
    pub client: u32,
    /// When it was sent.
    pub sent_ns: u64,
    /// When its reply had come; nothing if it was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replied_ns: Option<u64>,
    /// The request, printable.
    pub request: String,
    /// Its reply, printable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Whether it is the one by which there is no order any more.
    pub is_wrong: bool,
}

impl Finding {
    /// A finding of which no more is known than what is wrong.
    #[must_use]
    pub fn new(verdict: Verdict, summary: &str) -> Self {
        Self {
            verdict,
            summary: summary.to_owned(),
            reason: None,
            clause: None,
            client: None,
            phase: None,
            sent: None,
            came: None,
            wrong_at: None,
            had_to_come: None,
            window: None,
        }
    }

    /// Shows what was sent, what came, and what had to come.
    pub fn show(&mut self, sent: String, came: String, had_to_come: String) {
        self.sent = Some(sent);
        self.came = Some(came);
        self.had_to_come = Some(had_to_come);
    }
}

#[derive(Serialize)]
struct ClauseInShort {
    id: &'static str,
    says: &'static str,
}

#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn serialize_clause<S: Serializer>(clause: &Option<Clause>, serializer: S) -> Result<S::Ok, S::Error> {
    clause.map(|Clause { id, title, .. }| ClauseInShort { id, says: title }).serialize(serializer)
}

/// A time-out that the harness noticed this much too late says something about the harness only.
pub const LATE_NS_MAX: u64 = 1_000_000_000;

/// Another protocol that a reply gives away.
#[must_use]
pub fn foreign_speech(reply: &[u8]) -> Option<&'static str> {
    const SIGNS: [(&[u8], &str); 6] = [
        (b"HTTP/", "HTTP"),
        (b"<!DOCTYPE", "HTTP"),
        (b"<html", "HTTP"),
        (b"\x15\x03", "TLS"),
        (b"SSH-", "SSH"),
        (b"220 ", "SMTP or FTP"),
    ];
    SIGNS.iter().find(|(sign, _)| reply.starts_with(sign)).map(|(_, name)| *name)
}

/// The longest part of a line that a finding shows.
const SHOWN_BYTES_MAX: usize = 200;

/// Bytes as one printable line, cut where it would be long.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let shown = bytes[..bytes.len().min(SHOWN_BYTES_MAX)].escape_ascii();
    match bytes.len().saturating_sub(SHOWN_BYTES_MAX) {
        0 => shown.to_string(),
        more => format!("{shown}… ({more} bytes more)"),
    }
}

/// Bytes as hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A time as seconds with one decimal.
#[must_use]
pub fn seconds(ns: u64) -> String {
    format!("{:.1} s", Duration::from_nanos(ns).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_came_is_shown_as_one_short_line() {
        assert_eq!(printable(b"OK\x1b[2J\r\n\xff"), r"OK\x1b[2J\r\n\xff");
        let long = printable(&vec![b'x'; 1 << 20]);
        assert!(long.ends_with("… (1048376 bytes more)") && long.len() < 300, "{long}");
    }

    #[test]
    fn a_violation_outweighs_all_else() {
        let worst = [Verdict::Pass, Verdict::Fail, Verdict::Unknown].into_iter().max();
        assert_eq!(worst.map(Verdict::exit_code), Some(exit::VIOLATION));
    }
}
