//! Which cases and workloads are wanted: patterns over ids, clauses and levels.

use protocol::Level;
use wildmatch::WildMatch;

/// Why something is not run that --only does not name.
pub const NOT_SELECTED: &str = "left out by --only";

/// Why something is not run that --skip names.
pub const SKIPPED: &str = "left out by --skip";

/// What a pattern is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The id, such as `index/R1/2`.
    pub id: &'static str,
    /// The clause's id; empty for a workload.
    pub clause: &'static str,
    /// How binding it is.
    pub level: Level,
}

/// Patterns for what is wanted and what is not.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
}

/// A pattern that nothing matches.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{pattern}' matches nothing{hint}")]
pub struct NoMatch {
    /// As it was given.
    pub pattern: String,
    hint: String,
}

impl Selection {
    /// A selection; each of its patterns has to match something.
    ///
    /// # Errors
    /// The first that does not.
    pub fn new(only: &[String], skip: &[String], all: &[Subject]) -> Result<Self, NoMatch> {
        for pattern in only.iter().chain(skip) {
            check(pattern, all)?;
        }
        Ok(Self { only: only.to_vec(), skip: skip.to_vec() })
    }

    /// Whether it is wanted; if not, why.
    ///
    /// # Errors
    /// The reason.
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

/// Looks whether a pattern matches anything.
///
/// # Errors
/// It does not; the error names what is nearest.
pub fn check(pattern: &str, all: &[Subject]) -> Result<(), NoMatch> {
    if all.iter().any(|subject| matches(pattern, subject)) {
        return Ok(());
    }
    let words = all.iter().flat_map(|subject| [subject.id, subject.clause]);
    let hint = nearest(pattern, words).map_or(String::new(), |word| format!(", '{word}' is nearest"));
    Err(NoMatch { pattern: pattern.to_owned(), hint })
}

/// Whether a pattern, in which `*` and `?` stand for any text and any character, means this.
#[must_use]
pub fn matches(pattern: &str, subject: &Subject) -> bool {
    let wanted = WildMatch::new(pattern);
    wanted.matches(subject.id)
        || !subject.clause.is_empty() && wanted.matches(subject.clause)
        || pattern.eq_ignore_ascii_case(subject.level.word())
}

/// The word that looks most like another, if any looks like it.
pub fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    const LIKE_ENOUGH: f64 = 0.6;
    words
        .map(|other| (strsim::jaro_winkler(&word.to_lowercase(), &other.to_lowercase()), other))
        .filter(|(likeness, _)| *likeness > LIKE_ENOUGH)
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
    fn patterns_mean_ids_clauses_and_levels() {
        assert_eq!(wanted(&[], &[]).len(), 3);
        assert_eq!(wanted(&["index/R1/*"], &[]), ["index/R1/1"]);
        assert_eq!(wanted(&["F?"], &[]), ["index/F3/1"]);
        assert_eq!(wanted(&["must"], &["index/replay"]), ["index/R1/1"]);
        assert_eq!(wanted(&[], &["R1", "SHOULD"]), ["index/replay"]);
    }

    #[test]
    fn a_pattern_that_means_nothing_is_an_error_that_names_the_nearest() {
        let error = check("index/R1/9", &ALL).unwrap_err().to_string();
        assert!(error.starts_with("'index/R1/9' matches nothing"), "{error}");
        assert!(error.contains("'index/R1/1' is nearest"), "{error}");
        assert!(!check("zzz", &ALL).unwrap_err().to_string().contains("nearest"));
    }
}
