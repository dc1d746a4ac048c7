//! One observation of a judge, with the bytes and the clause that it rests on.

use std::time::Duration;

use protocol::Clause;
use serde::{Serialize, Serializer};

use crate::verdict::Verdict;

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
    pub actual: Option<String>,
    /// Where, in characters of what came, it first differs from what had to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_at: Option<usize>,
    /// What had to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
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
            actual: None,
            wrong_at: None,
            expected: None,
            window: None,
        }
    }

    /// Shows what was sent, what came, and what had to come.
    pub fn show(&mut self, sent: String, actual: String, expected: String) {
        self.sent = Some(sent);
        self.actual = Some(actual);
        self.expected = Some(expected);
    }
}

#[derive(Serialize)]
struct ClauseInShort {
    id: &'static str,
    title: &'static str,
}

#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn serialize_clause<S: Serializer>(clause: &Option<Clause>, serializer: S) -> Result<S::Ok, S::Error> {
    clause.map(|Clause { id, title, .. }| ClauseInShort { id, title }).serialize(serializer)
}

/// A time as seconds with one decimal.
#[must_use]
pub fn seconds(ns: u64) -> String {
    format!("{:.1} s", Duration::from_nanos(ns).as_secs_f64())
}
