//! A finding: one violation or observation of a judge, with its evidence.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use protocol::Clause;

use crate::verdict::Verdict;

/// One violation or observation of a judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The effect on the verdict of the case or workload.
    pub verdict: Verdict,
    /// The violation in a few words.
    pub summary: String,
    /// An explanation, or advice on how to proceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The violated clause.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "serialize_clause")]
    pub clause: Option<Clause>,
    /// The number of the client, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<u32>,
    /// The phase of the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<&'static str>,
    /// The bytes sent, in printable form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// The bytes received, in printable form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// The position, in characters of `actual`, of the first difference from `expected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs_at: Option<usize>,
    /// The expected bytes or a description of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// A set of operations, including this one, that has no linearization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Whether the evidence is a connection that ended, could not be opened or stayed silent. The loss of the target would
    /// explain it.
    #[serde(skip)]
    pub is_explained_by_loss: bool,
}

/// Operations that together have no linearization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The operations, ordered by the time they were sent.
    pub operations: Vec<WindowOperation>,
    /// Descriptions of some of the states in which the index may have been before the first operation.
    pub states: Vec<String>,
}

/// One operation of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WindowOperation {
    /// The number of the client.
    pub client: u32,
    /// The time at which the request was sent, in nanoseconds since the run began.
    pub sent_ns: u64,
    /// The time at which the reply was received, in nanoseconds since the run began; `None` if it was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replied_ns: Option<u64>,
    /// The request, in printable form.
    pub request: String,
    /// The reply, in printable form; `None` if it was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Whether this operation completes the contradiction: without it a linearization exists.
    pub is_violation: bool,
}

/// One paragraph: the verdict, the clause, the summary, and the details that the finding has.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clause = self.clause.map_or("no clause", |clause| clause.id);
        writeln!(f, "{} ({clause}): {}", self.verdict.word(), self.summary)?;
        let Self { sent, actual, expected, reason, .. } = self;
        for (name, text) in [("sent", sent), ("actual", actual), ("expected", expected), ("reason", reason)] {
            if let Some(text) = text {
                writeln!(f, "  {name}: {text}")?;
            }
        }
        Ok(())
    }
}

impl Finding {
    /// Returns a finding with a verdict and a summary only.
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
            differs_at: None,
            expected: None,
            window: None,
            is_explained_by_loss: false,
        }
    }

    /// Sets the bytes sent, the bytes received and the expected bytes.
    pub fn show(&mut self, sent: String, actual: String, expected: String) {
        self.sent = Some(sent);
        self.actual = Some(actual);
        self.expected = Some(expected);
    }
}

#[derive(Serialize)]
struct ClauseSummary {
    id: &'static str,
    title: &'static str,
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn serialize_clause<S: Serializer>(clause: &Option<Clause>, serializer: S) -> Result<S::Ok, S::Error> {
    clause.map(|Clause { id, title, .. }| ClauseSummary { id, title }).serialize(serializer)
}

/// Formats a time, in nanoseconds, as seconds with one decimal.
#[must_use]
pub fn seconds(ns: u64) -> String {
    format!("{:.1} s", Duration::from_nanos(ns).as_secs_f64())
}
