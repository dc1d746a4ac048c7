//! The changes from one report to another: what fails newly, what is fixed, and what is no longer decided.

use std::io::{self, Write};

use verdict::Verdict;

use crate::compare::{Compared, Implementation};

/// The changes from the first of two reports to the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What fails in the second report only.
    pub failing: Vec<Change>,
    /// What fails in the first report and passes in the second.
    pub fixed: Vec<Change>,
    /// What the first report decides and the second does not, although no flag left it out.
    pub missing: Vec<Change>,
    /// Whether the second report as a whole is inconclusive.
    is_undecided: bool,
}

/// An item whose verdict differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The id.
    pub id: String,
    /// The worst verdict in the first report; `None` if it is not contained.
    pub before: Option<Verdict>,
    /// The worst verdict in the second report; `None` if it is not contained.
    pub after: Option<Verdict>,
}

/// A kind of change that `--fail-on` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Unwanted {
    /// Something fails that did not fail before
    New,
    /// Something was decided before and is not decided any more
    Missing,
}

impl Changes {
    /// Returns the changes between two reports; `None` for another number of reports.
    #[must_use]
    pub fn between(compared: &Compared) -> Option<Self> {
        let [before, after] = &compared.implementations[..] else { return None };
        let mut changes = Self {
            is_undecided: matches!(after.verdict, Verdict::Unknown | Verdict::Unreachable),
            ..Self::default()
        };
        for id in &compared.ids {
            changes.add(id, before, after);
        }
        Some(changes)
    }

    fn add(&mut self, id: &str, before: &Implementation, after: &Implementation) {
        let verdict_of = |report: &Implementation| report.verdicts.get(id).copied();
        let change = Change { id: id.to_owned(), before: verdict_of(before), after: verdict_of(after) };
        let kind = match (change.before, change.after) {
            (Some(Verdict::Fail), Some(Verdict::Pass)) => &mut self.fixed,
            (Some(Verdict::Fail), Some(Verdict::Fail)) => return,
            (_, Some(Verdict::Fail)) => &mut self.failing,
            (was, is) if is_decided(was) && !is_decided(is) && !after.deselected.contains(id) => {
                &mut self.missing
            }
            _ => return,
        };
        kind.push(change);
    }

    /// Returns the verdict on the changes. What cannot be compared is unknown, never clean.
    #[must_use]
    pub fn verdict(&self, unwanted: &[Unwanted]) -> Verdict {
        let is_found = |kind: &Unwanted| match kind {
            Unwanted::New => !self.failing.is_empty(),
            Unwanted::Missing => !self.missing.is_empty(),
        };
        if unwanted.is_empty() {
            Verdict::Pass
        } else if unwanted.iter().any(is_found) {
            Verdict::Fail
        } else if self.is_undecided || !self.missing.is_empty() {
            Verdict::Unknown
        } else {
            Verdict::Pass
        }
    }

    /// Writes the changes as text.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        for (title, changes) in self.kinds() {
            writeln!(out, "\n{title}: {}", changes.len())?;
            for Change { id, before, after } in changes {
                writeln!(out, "  {id:<13} {} -> {}", word(*before), word(*after))?;
            }
        }
        Ok(())
    }

    /// Writes the changes as Markdown.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn write_markdown(&self, mut out: impl Write) -> io::Result<()> {
        writeln!(out, "## Gauntlet: changes\n")?;
        let counts = self.kinds().map(|(title, changes)| format!("{} {title}", changes.len()));
        writeln!(out, "{}", counts.join(", "))?;
        if self.kinds().iter().any(|(_, changes)| !changes.is_empty()) {
            writeln!(out, "\n| | case | before | after |\n| --- | --- | --- | --- |")?;
        }
        for (title, changes) in self.kinds() {
            for Change { id, before, after } in changes {
                writeln!(out, "| {title} | {id} | {} | {} |", word(*before), word(*after))?;
            }
        }
        out.flush()
    }

    fn kinds(&self) -> [(&'static str, &[Change]); 3] {
        [("newly failing", &self.failing), ("fixed", &self.fixed), ("missing", &self.missing)]
    }
}

/// Whether a verdict says that something conforms or does not.
fn is_decided(verdict: Option<Verdict>) -> bool {
    matches!(verdict, Some(Verdict::Pass | Verdict::Warn | Verdict::Expected | Verdict::Fail))
}

fn word(verdict: Option<Verdict>) -> String {
    verdict.map_or("absent".to_owned(), |verdict| verdict.word().to_lowercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn report(verdict: Verdict, verdicts: &[(&str, Verdict)]) -> Implementation {
        let verdicts = verdicts.iter().map(|(id, verdict)| ((*id).to_owned(), *verdict)).collect();
        Implementation { name: String::new(), verdict, verdicts, deselected: BTreeSet::new() }
    }

    fn changes(before: Implementation, after: Implementation) -> Changes {
        let ids: BTreeSet<&String> = before.verdicts.keys().chain(after.verdicts.keys()).collect();
        let ids = ids.into_iter().cloned().collect();
        Changes::between(&Compared { implementations: vec![before, after], ids }).unwrap()
    }

    #[test]
    fn a_new_failure_is_unwanted() {
        let before =
            report(Verdict::Fail, &[("a", Verdict::Fail), ("b", Verdict::Fail), ("c", Verdict::Pass)]);
        let after = report(
            Verdict::Fail,
            &[("a", Verdict::Fail), ("b", Verdict::Pass), ("c", Verdict::Fail), ("d", Verdict::Fail)],
        );
        let changes = changes(before, after);
        let ids = |changes: &[Change]| changes.iter().map(|change| change.id.clone()).collect::<Vec<_>>();
        assert_eq!(
            (ids(&changes.failing), ids(&changes.fixed)),
            (vec!["c".into(), "d".into()], vec!["b".into()])
        );
        assert_eq!(changes.verdict(&[Unwanted::New]), Verdict::Fail);
        assert_eq!(changes.verdict(&[Unwanted::Missing]), Verdict::Pass);
        assert_eq!(changes.verdict(&[]), Verdict::Pass);
    }

    #[test]
    fn what_is_no_longer_decided_is_never_clean() {
        let before = || report(Verdict::Pass, &[("a", Verdict::Pass)]);
        for after in [&[("a", Verdict::Unknown)][..], &[("a", Verdict::NotRun)], &[]] {
            let changes = changes(before(), report(Verdict::Pass, after));
            assert_eq!(changes.verdict(&[Unwanted::New]), Verdict::Unknown, "{after:?}");
            assert_eq!(changes.verdict(&[Unwanted::New, Unwanted::Missing]), Verdict::Fail, "{after:?}");
        }
        let unreachable = changes(report(Verdict::Pass, &[]), report(Verdict::Unreachable, &[]));
        assert_eq!(unreachable.verdict(&[Unwanted::New]), Verdict::Unknown);
    }

    #[test]
    fn what_a_flag_left_out_is_not_missing() {
        let mut after = report(Verdict::Pass, &[("a", Verdict::NotRun)]);
        after.deselected.insert("a".to_owned());
        let changes = changes(report(Verdict::Pass, &[("a", Verdict::Pass)]), after);
        assert_eq!(changes.verdict(&[Unwanted::New, Unwanted::Missing]), Verdict::Pass);
    }
}
