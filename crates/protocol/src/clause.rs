//! Clauses: the single rules of a protocol, each with an id that never changes.

use std::fmt;

/// A rule of a protocol. Two clauses are the same if their ids are.
#[derive(Clone, Copy, Debug)]
pub struct Clause {
    /// Its id, such as `S1`.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// What it says, in a few words.
    pub title: &'static str,
    /// What it says, in full.
    pub rule: &'static str,
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

/// How binding a clause is, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The protocol is silent: what a server does is observed, and wrong in no case.
    Info,
    /// What a robust server does: a server that does not is warned of.
    Should,
    /// What the protocol says: a server that does not is wrong.
    Must,
}

impl Level {
    /// All levels, the most binding first.
    pub const ALL: [Self; 3] = [Self::Must, Self::Should, Self::Info];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::Info => "INFO",
        }
    }
}

/// Holds a document's table of clauses against the clauses.
#[cfg(test)]
pub(crate) fn assert_shown(document: &str, clauses: &[Clause]) {
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| ")).collect();
    let mut shown = 0;
    for Clause { id, level, rule, .. } in clauses {
        let row = format!("| {id} | {} | {} |", level.word(), rule.replace('|', r"\|"));
        assert!(rows.contains(&row.as_str()), "the document lacks: {row}");
        shown += 1;
    }
    let begins = |row: &&&str| clauses.iter().any(|clause| row.starts_with(&format!("| {} ", clause.id)));
    assert_eq!(rows.iter().filter(begins).count(), shown, "a clause stands there twice");
}
