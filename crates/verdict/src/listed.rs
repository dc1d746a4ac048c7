//! Lists of items that may fail: known failures, and flaky ones. Each line has the form `ID  REASON`; `#` begins a comment.

use std::collections::BTreeMap;

use crate::selection::{Subject, nearest};

/// The id of each listed case or workload, with its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedItems(BTreeMap<&'static str, String>);

/// An invalid line of a list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ListError {
    /// The line number, from 1.
    pub line: usize,
    /// A description of the error.
    pub problem: String,
}

impl ListedItems {
    /// Parses a list.
    ///
    /// # Errors
    /// An entry has no reason, is a duplicate, or names no case or workload.
    pub fn parse(text: &str, all: &[Subject]) -> Result<Self, ListError> {
        let mut entries = BTreeMap::new();
        for (content, line) in text.lines().zip(1..) {
            let content = content.split('#').next().unwrap_or_default().trim();
            if content.is_empty() {
                continue;
            }
            let fails = |problem: String| Err(ListError { line, problem });
            let (id, reason) = content.split_once(char::is_whitespace).unwrap_or((content, ""));
            let Some(subject) = all.iter().find(|subject| subject.id == id) else {
                let hint = nearest(id, all.iter().map(|subject| subject.id));
                let hint = hint.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
                return fails(format!("there is no case or workload '{id}'{hint}"));
            };
            if reason.trim().is_empty() {
                return fails(format!("'{id}' has no reason; write the reason after the id"));
            }
            if entries.insert(subject.id, reason.trim().to_owned()).is_some() {
                return fails(format!("'{id}' is listed twice"));
            }
        }
        Ok(Self(entries))
    }

    /// Returns the reason of an entry, if there is one for this id.
    #[must_use]
    pub fn reason(&self, id: &str) -> Option<&str> {
        self.0.get(id).map(String::as_str)
    }

    /// Returns the ids on the list.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use protocol::Level;

    use super::*;

    const ALL: [Subject; 2] = [
        Subject { id: "index/S2/4", clause: "S2", level: Level::Must },
        Subject { id: "index/replay", clause: "", level: Level::Must },
    ];

    #[test]
    fn a_list_has_an_id_and_a_reason_in_each_line() {
        let list = "# known\n\nindex/S2/4   early edition  # since 2014\nindex/replay too slow\n";
        let expected = ListedItems::parse(list, &ALL).unwrap();
        assert_eq!(expected.reason("index/S2/4"), Some("early edition"));
        assert_eq!(expected.reason("index/replay"), Some("too slow"));
        assert_eq!(expected.reason("index/R1/1"), None);
    }

    #[test]
    fn an_invalid_list_is_reported_with_its_line() {
        let error = |list: &str| ListedItems::parse(list, &ALL).unwrap_err().to_string();
        assert_eq!(
            error("\nindex/S2/4\n"),
            "line 2: 'index/S2/4' has no reason; write the reason after the id"
        );
        assert_eq!(error("index/S2/4 a\nindex/S2/4 b\n"), "line 2: 'index/S2/4' is listed twice");
        let unknown = error("index/S2/5 old\n");
        assert_eq!(unknown, "line 1: there is no case or workload 'index/S2/5'; did you mean 'index/S2/4'?");
    }
}
