//! Selection of cases and workloads by patterns over ids, clauses and levels.

use wildmatch::WildMatch;

use protocol::Level;

/// The cause of a case or workload that `--only` does not name.
pub const NOT_SELECTED: &str = "not selected by --only";

/// The cause of a case or workload that `--skip` names.
pub const SKIPPED: &str = "skipped by --skip";

/// Returns whether a flag is the cause for which something was not run.
#[must_use]
pub fn is_deselection(cause: &str) -> bool {
    [NOT_SELECTED, SKIPPED].contains(&cause)
}

/// The properties of a case or workload that a pattern can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The id, such as `index/R1/2`.
    pub id: &'static str,
    /// The clause's id; empty for a workload.
    pub clause: &'static str,
    /// The level of the requirement.
    pub level: Level,
}

/// The patterns of `--only` and `--skip`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
}

/// The error of a pattern that matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{pattern}' matches nothing{hint}")]
pub struct NoMatch {
    /// The pattern.
    pub pattern: String,
    hint: String,
}

impl Selection {
    /// Returns a selection.
    ///
    /// # Errors
    /// A pattern matches nothing. The error names the first such pattern.
    pub fn new(only: &[String], skip: &[String], all: &[Subject]) -> Result<Self, NoMatch> {
        for pattern in only.iter().chain(skip) {
            check(pattern, all)?;
        }
        Ok(Self { only: only.to_vec(), skip: skip.to_vec() })
    }

    /// Checks whether a case or workload is selected.
    ///
    /// # Errors
    /// The cause for which it is not run: [`SKIPPED`] or [`NOT_SELECTED`].
    pub fn wants(&self, subject: &Subject) -> Result<(), &'static str> {
        let is_named = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, subject));
        if is_named(&self.skip) {
            Err(SKIPPED)
        } else if !self.only.is_empty() && !is_named(&self.only) {
            Err(NOT_SELECTED)
        } else {
            Ok(())
        }
    }
}

/// Checks whether a pattern matches anything.
///
/// # Errors
/// The pattern matches nothing. The error suggests the most similar id or clause.
pub fn check(pattern: &str, all: &[Subject]) -> Result<(), NoMatch> {
    if all.iter().any(|subject| matches(pattern, subject)) {
        return Ok(());
    }
    let words = all.iter().flat_map(|subject| [subject.id, subject.clause]);
    let hint = nearest(pattern, words).map_or(String::new(), |word| format!("; did you mean '{word}'?"));
    Err(NoMatch { pattern: pattern.to_owned(), hint })
}

/// Returns whether a pattern matches. `*` matches any text and `?` matches any character. A pattern without its last part,
/// such as `index/S2`, matches all ids below it.
#[must_use]
pub fn matches(pattern: &str, subject: &Subject) -> bool {
    let wanted = WildMatch::new(pattern);
    let below = WildMatch::new(&format!("{}/*", pattern.trim_end_matches('/')));
    wanted.matches(subject.id)
        || below.matches(subject.id)
        || !subject.clause.is_empty() && wanted.matches(subject.clause)
        || pattern.eq_ignore_ascii_case(subject.level.word())
}

/// Returns the word with the highest Jaro-Winkler similarity above a threshold, if there is one.
pub fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    const SIMILARITY_MIN: f64 = 0.6;
    words
        .map(|other| (strsim::jaro_winkler(&word.to_lowercase(), &other.to_lowercase()), other))
        .filter(|(similarity, _)| *similarity > SIMILARITY_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Subject; 3] = [
        Subject { id: "index/R1/1", clause: "R1", level: Level::Must },
        Subject { id: "index/F3/1", clause: "F3", level: Level::Should },
        Subject { id: "index/replay", clause: "", level: Level::Must },
    ];

    fn wanted(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        let owned =
            |patterns: &[&str]| patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>();
        let selection = Selection::new(&owned(only), &owned(skip), &ALL).unwrap();
        ALL.iter().filter(|subject| selection.wants(subject).is_ok()).map(|subject| subject.id).collect()
    }

    #[test]
    fn patterns_match_ids_clauses_and_levels() {
        assert_eq!(wanted(&[], &[]).len(), 3);
        assert_eq!(wanted(&["index/R1/*"], &[]), ["index/R1/1"]);
        assert_eq!(wanted(&["index/R1"], &[]), ["index/R1/1"]);
        assert_eq!(wanted(&["F?"], &[]), ["index/F3/1"]);
        assert_eq!(wanted(&["must"], &["index/replay"]), ["index/R1/1"]);
        assert_eq!(wanted(&[], &["R1", "SHOULD"]), ["index/replay"]);
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_an_error_with_a_suggestion() {
        let error = check("index/R1/9", &ALL).unwrap_err().to_string();
        assert!(error.starts_with("'index/R1/9' matches nothing"), "{error}");
        assert!(error.contains("did you mean 'index/R1/1'?"), "{error}");
        assert!(!check("zzz", &ALL).unwrap_err().to_string().contains("did you mean"));
    }
}
