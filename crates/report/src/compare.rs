//! A comparison of several JSON reports: the matrix of implementations and cases.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;

use maud::html;
use verdict::Verdict;

use crate::format::{mark_of, style_of};
use crate::html::{class_of, page};
use crate::read::{ReadError, RunRead, read_report};

/// The reports to compare, one for each implementation.
#[derive(Debug)]
pub struct Compared {
    pub(crate) implementations: Vec<Implementation>,
    /// The ids of all items, in the order of the first report that has them.
    pub(crate) ids: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Implementation {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    /// The worst verdict over all runs, by id.
    pub(crate) verdicts: BTreeMap<String, Verdict>,
    /// The ids that a flag left out.
    pub(crate) deselected: BTreeSet<String>,
}

/// Reads reports. Each implementation has the name of its file.
///
/// # Errors
/// A file cannot be read or is not a report.
pub fn read(paths: &[PathBuf]) -> Result<Compared, ReadError> {
    let mut compared = Compared { implementations: Vec::new(), ids: Vec::new() };
    for path in paths {
        let report = read_report(path)?;
        let name = path.file_stem().map_or(report.target, |stem| stem.to_string_lossy().into_owned());
        compared.add(name, report.verdict, report.runs);
    }
    Ok(compared)
}

impl Compared {
    fn add(&mut self, name: String, verdict: Verdict, runs: Vec<RunRead>) {
        let mut verdicts: BTreeMap<String, Verdict> = BTreeMap::new();
        let mut deselected = BTreeSet::new();
        for item in runs.into_iter().flat_map(|run| run.items) {
            if !self.ids.contains(&item.id) {
                self.ids.push(item.id.clone());
            }
            if item.is_deselected() {
                deselected.insert(item.id.clone());
            }
            let worst = verdicts.entry(item.id).or_insert(item.verdict);
            *worst = (*worst).max(item.verdict);
        }
        self.implementations.push(Implementation { name, verdict, verdicts, deselected });
    }
}

/// Writes the matrix as text, with a column for each implementation and a row for each case that did not pass
/// everywhere.
///
/// # Errors
/// `out` cannot be written.
pub fn write_text(out: &mut impl Write, compared: &Compared) -> io::Result<()> {
    for (number, implementation) in (1..).zip(&compared.implementations) {
        let Implementation { name, verdict, verdicts, .. } = implementation;
        let failed = verdicts.values().filter(|verdict| **verdict == Verdict::Fail).count();
        let style = style_of(*verdict);
        writeln!(out, "{number:>3}  {style}{:<11}{style:#} {name}: {failed} failed", verdict.word())?;
    }
    write!(out, "\n{:<13}", "")?;
    for number in 1..=compared.implementations.len() {
        write!(out, "{number:>3}")?;
    }
    writeln!(out)?;
    let is_pass = |verdict: Option<&Verdict>| verdict.is_none_or(|verdict| *verdict <= Verdict::Pass);
    for id in &compared.ids {
        let verdicts =
            || compared.implementations.iter().map(|implementation| implementation.verdicts.get(id));
        if verdicts().all(is_pass) {
            continue;
        }
        write!(out, "{id:<13}")?;
        for verdict in verdicts() {
            match verdict {
                Some(verdict) => {
                    let style = style_of(*verdict);
                    write!(out, "  {style}{}{style:#}", mark_of(*verdict))?;
                }
                None => write!(out, "   ")?,
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes the full matrix as an HTML page.
///
/// # Errors
/// `out` cannot be written.
pub fn write_html(mut out: impl Write, compared: &Compared) -> io::Result<()> {
    let body = html! {
                h1 { "Gauntlet: a comparison" }
                p { (compared.implementations.len()) " implementations, " (compared.ids.len()) " cases and workloads." }
                div.wide tabindex="0" {
                    table.matrix {
                        thead {
                            tr {
                                th { "case" }
                                @for implementation in &compared.implementations {
                                    th.slanted { span { (implementation.name) } }
                                }
                            }
                            tr {
                                th { "all" }
                                @for implementation in &compared.implementations {
                                    td class=(class_of(implementation.verdict)) title=(implementation.verdict.word()) {
                                        (mark_of(implementation.verdict))
                                    }
                                }
                            }
                        }
                        tbody {
                            @for id in &compared.ids {
                                tr {
                                    th { (id) }
                                    @for implementation in &compared.implementations {
                                        @match implementation.verdicts.get(id) {
                                            Some(verdict) => td class=(class_of(*verdict)) title={ (id) " " (verdict.word()) } { (mark_of(*verdict)) },
                                            None => td {},
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
    };
    out.write_all(page("Gauntlet: a comparison", &body).into_string().as_bytes())?;
    out.flush()
}
