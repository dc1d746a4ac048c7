//! A comparison of several JSON reports: the matrix of implementations and cases.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use maud::html;
use serde::Deserialize;

use verdict::Verdict;

use crate::format::{mark_of, style_of};
use crate::html::{class_of, page};

/// The reports to compare, one for each implementation.
#[derive(Debug)]
pub struct Compared {
    implementations: Vec<Implementation>,
    /// The ids of all items, in the order of the first report that has them.
    ids: Vec<String>,
}

#[derive(Debug)]
struct Implementation {
    name: String,
    verdict: Verdict,
    /// The worst verdict over all runs, by id.
    verdicts: BTreeMap<String, Verdict>,
}

/// The parts of a report that are read.
#[derive(Deserialize)]
struct ReportRead {
    report: u32,
    target: String,
    verdict: Verdict,
    runs: Vec<RunRead>,
}

#[derive(Deserialize)]
struct RunRead {
    items: Vec<ItemRead>,
}

#[derive(Deserialize)]
struct ItemRead {
    id: String,
    verdict: Verdict,
}

/// The error of a report that cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The path as given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is not a report, or has another version.
    #[error("{} is not a report of this kit: {problem}", path.display())]
    Form {
        /// The path as given.
        path: PathBuf,
        /// A description of the error.
        problem: String,
    },
}

/// Reads reports. Each implementation has the name of its file.
///
/// # Errors
/// A file cannot be read or is not a report.
pub fn read(paths: &[PathBuf]) -> Result<Compared, ReadError> {
    let mut compared = Compared { implementations: Vec::new(), ids: Vec::new() };
    for path in paths {
        let text = fs::read(path).map_err(|source| ReadError::Read { path: path.clone(), source })?;
        let wrong = |problem: String| ReadError::Form { path: path.clone(), problem };
        let report: ReportRead = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if report.report != crate::model::VERSION {
            let problem = format!(
                "it has version {}, but this program reads version {}",
                report.report,
                crate::model::VERSION
            );
            return Err(wrong(problem));
        }
        let name = path.file_stem().map_or(report.target, |stem| stem.to_string_lossy().into_owned());
        compared.add(name, report.verdict, report.runs);
    }
    Ok(compared)
}

impl Compared {
    fn add(&mut self, name: String, verdict: Verdict, runs: Vec<RunRead>) {
        let mut verdicts: BTreeMap<String, Verdict> = BTreeMap::new();
        for item in runs.into_iter().flat_map(|run| run.items) {
            if !self.ids.contains(&item.id) {
                self.ids.push(item.id.clone());
            }
            let worst = verdicts.entry(item.id).or_insert(item.verdict);
            *worst = (*worst).max(item.verdict);
        }
        self.implementations.push(Implementation { name, verdict, verdicts });
    }
}

/// Writes the matrix as text, with a column for each implementation and a row for each case that did not pass
/// everywhere.
///
/// # Errors
/// `out` cannot be written.
pub fn write_text(out: &mut impl Write, compared: &Compared) -> io::Result<()> {
    for (number, implementation) in (1..).zip(&compared.implementations) {
        let Implementation { name, verdict, verdicts } = implementation;
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
                div.wide {
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
