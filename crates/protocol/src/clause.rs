//! Clauses: the individual rules of a protocol, with permanent ids.

use std::fmt;

/// A rule of a protocol. Two clauses are equal if their ids are equal.
#[derive(Clone, Copy, Debug)]
pub struct Clause {
    /// The permanent id, such as `S1`.
    pub id: &'static str,
    /// The level of the requirement.
    pub level: Level,
    /// The rule in a few words, without a full stop.
    pub title: &'static str,
    /// The complete rule, in Markdown.
    pub rule: &'static str,
}

impl Clause {
    /// Returns the rank of a violation: readers look first at the lowest. Races come first, then wrong answers, then clients
    /// that disturb each other, then the form of replies and requests. The clauses of the other protocol have one rank.
    #[must_use]
    pub fn rank(&self) -> usize {
        const GROUPS: [&str; 6] = ["C2", "S", "C", "A", "F", "R"];
        GROUPS.iter().position(|group| self.id.starts_with(group)).unwrap_or(0)
    }
}

impl PartialEq for Clause {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Clause {}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.title)
    }
}

/// The level of a requirement, in ascending order of obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The protocol specifies nothing: the behaviour is observed and reported, and never violates the clause.
    Info,
    /// A robust server does this: a violation is a warning.
    Should,
    /// The protocol requires this: a violation is a failure.
    Must,
}

impl Level {
    /// Returns the keyword: `MUST`, `SHOULD` or `INFO`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::Info => "INFO",
        }
    }
}

/// Checks that a document lists each clause exactly once, with its level and rule.
#[cfg(test)]
pub(crate) fn assert_documented(document: &str, clauses: &[Clause]) {
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| ")).collect();
    for Clause { id, level, rule, .. } in clauses {
        let row = format!("| {id} | {} | {} |", level.word(), rule.replace('|', r"\|"));
        assert!(rows.contains(&row.as_str()), "the document lacks: {row}");
    }
    let is_clause = |row: &&&str| clauses.iter().any(|clause| row.starts_with(&format!("| {} ", clause.id)));
    assert_eq!(rows.iter().filter(is_clause).count(), clauses.len(), "a clause is listed twice");
}
