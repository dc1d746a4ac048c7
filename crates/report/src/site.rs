//! The site of a matrix: a page with a row for each target and a column for each clause, and the same as JSON.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use maud::{Markup, html};
use serde::Serialize;

use verdict::Verdict;

use crate::files::{WriteError, write_file};
use crate::format::{grouped, mark_of, style_of};
use crate::html::{class_of, page};
use crate::read::{ItemRead, ReportRead, read_report};

/// The results of several targets.
#[derive(Clone, Debug, Serialize)]
pub struct Site {
    has_chaos: bool,
    /// The clauses, in the order of the first report that names them.
    clauses: Vec<Clause>,
    targets: Vec<Row>,
}

#[derive(Clone, Debug, Serialize)]
struct Clause {
    id: String,
    title: String,
}

/// The results of a target.
#[derive(Clone, Debug, Serialize)]
struct Row {
    name: String,
    /// The target, described for users; `None` without a report.
    target: Option<String>,
    /// The verdict of the harness; `None` without a report.
    harness: Option<Verdict>,
    /// The verdict of chaos; `None` without a report.
    chaos: Option<Verdict>,
    /// The number of clauses with a failure.
    failed_clauses: usize,
    /// The number of clauses with a warning and no failure.
    warned_clauses: usize,
    /// The number of faults that did harm.
    harmful_faults: usize,
    /// The number of faults about which chaos decided something, and of all that it was to make.
    decided_faults: usize,
    faults: usize,
    /// The requests that the target answered in a second of the replay; `None` if it did not end.
    requests_per_second: Option<u64>,
    /// The worst result by clause.
    clauses: BTreeMap<String, Cell>,
}

/// The worst result of a clause.
#[derive(Clone, Debug, Serialize)]
struct Cell {
    verdict: Verdict,
    /// The case or fault that has it.
    item: String,
    /// The place of its evidence, relative to the page.
    evidence: String,
}

/// An order of the rows, with the name of its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Robustness,
    Speed,
    Name,
}

impl Order {
    const ALL: [Self; 3] = [Self::Robustness, Self::Speed, Self::Name];

    const fn file(self) -> &'static str {
        match self {
            Self::Robustness => "index.html",
            Self::Speed => "by-speed.html",
            Self::Name => "by-name.html",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Robustness => "robustness",
            Self::Speed => "speed",
            Self::Name => "name",
        }
    }
}

impl Site {
    /// Reads the reports `NAME/harness.json` and `NAME/chaos.json` in a directory. A report that cannot be read is missing.
    #[must_use]
    pub fn read(directory: &Path, names: &[&str], has_chaos: bool) -> Self {
        let mut site = Self { has_chaos, clauses: Vec::new(), targets: Vec::new() };
        for name in names {
            let read =
                |program: &str| read_report(&directory.join(name).join(format!("{program}.json"))).ok();
            let (harness, chaos) = (read("harness"), read("chaos").filter(|_| has_chaos));
            site.add(name, harness.as_ref(), chaos.as_ref());
        }
        site.clauses.sort_by_key(|clause| rank(&clause.id));
        site
    }

    fn add(&mut self, name: &str, harness: Option<&ReportRead>, chaos: Option<&ReportRead>) {
        let mut row = Row {
            name: name.to_owned(),
            target: harness.or(chaos).map(|report| report.target.clone()),
            harness: harness.map(|report| report.verdict),
            chaos: chaos.map(|report| report.verdict),
            failed_clauses: 0,
            warned_clauses: 0,
            harmful_faults: 0,
            decided_faults: 0,
            faults: 0,
            requests_per_second: harness.and_then(ReportRead::requests_per_second),
            clauses: BTreeMap::new(),
        };
        for (program, report) in [("harness", harness), ("chaos", chaos)] {
            for (number, run) in report.iter().flat_map(|report| report.runs.iter().enumerate()) {
                for item in &run.items {
                    self.note(&mut row, &format!("{name}/{program}.html#run-{number}-"), item);
                }
            }
        }
        let of_chaos = chaos.iter().flat_map(|report| &report.runs).flat_map(|run| &run.items);
        for item in of_chaos {
            row.faults += 1;
            row.harmful_faults += usize::from(item.verdict == Verdict::Fail);
            let is_decided = matches!(item.verdict, Verdict::Pass | Verdict::Warn | Verdict::Fail);
            row.decided_faults += usize::from(is_decided);
        }
        let count = |verdict| row.clauses.values().filter(|cell| cell.verdict == verdict).count();
        (row.failed_clauses, row.warned_clauses) = (count(Verdict::Fail), count(Verdict::Warn));
        self.targets.push(row);
    }

    fn note(&mut self, row: &mut Row, place: &str, item: &ItemRead) {
        let Some(clause) = item.decisive_clause() else { return };
        if item.is_deselected() {
            return;
        }
        if !self.clauses.iter().any(|known| known.id == clause.id) {
            self.clauses.push(Clause { id: clause.id.clone(), title: clause.title.clone() });
        }
        let cell = Cell {
            verdict: item.verdict,
            item: item.id.clone(),
            evidence: format!("{place}{}", item.id.replace('/', "-")),
        };
        let worst = row.clauses.entry(clause.id.clone()).or_insert_with(|| cell.clone());
        if cell.verdict > worst.verdict {
            *worst = cell;
        }
    }

    /// Returns whether every target has been judged by every program. A target that was not reached, or about which a program decided
    /// nothing, has not been judged.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.targets.iter().all(|row| self.is_judged(row))
    }

    fn is_judged(&self, row: &Row) -> bool {
        let is_decided = |verdict: Option<Verdict>| {
            !matches!(verdict, None | Some(Verdict::Unknown | Verdict::Unreachable | Verdict::NotRun))
        };
        is_decided(row.harness) && (is_decided(row.chaos) || !self.has_chaos)
    }

    /// Writes the pages and `matrix.json` to a directory.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), WriteError> {
        for order in Order::ALL {
            let text = page("Gauntlet: a matrix", &self.body(order)).into_string();
            write_file(File::create, &directory.join(order.file()), |mut file| {
                file.write_all(text.as_bytes())
            })?;
        }
        write_file(File::create, &directory.join("matrix.json"), |mut file| {
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.flush()
        })
    }

    /// Writes a line for each target, the most robust first.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        let width = self.targets.iter().map(|row| row.name.len()).max().unwrap_or(0).max(6);
        let chaos = if self.has_chaos { "chaos       " } else { "" };
        writeln!(out, "\n{:<width$} harness     {chaos}violated", "target")?;
        for row in self.ordered(Order::Robustness) {
            let word = |verdict: Option<Verdict>| {
                let style = style_of(verdict.unwrap_or(Verdict::NotRun));
                format!("{style}{:<11}{style:#} ", verdict.map_or("no report", Verdict::word))
            };
            let chaos = if self.has_chaos { word(row.chaos) } else { String::new() };
            writeln!(out, "{:<width$} {}{chaos}{}", row.name, word(row.harness), row.violated().join(" "))?;
        }
        Ok(())
    }

    /// Returns the rows in an order; those that were not judged come last.
    fn ordered(&self, order: Order) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.targets.iter().collect();
        match order {
            Order::Robustness => rows.sort_by_key(|row| {
                let speed = Reverse(row.requests_per_second);
                (!self.is_judged(row), row.failed_clauses, row.harmful_faults, row.warned_clauses, speed)
            }),
            Order::Speed => rows.sort_by_key(|row| Reverse(row.requests_per_second)),
            Order::Name => rows.sort_by_key(|row| &row.name),
        }
        rows
    }

    fn body(&self, order: Order) -> Markup {
        html! {
            h1 { "Gauntlet: a matrix" }
            p {
                (self.targets.len()) " targets. A cell is the worst result for a clause, and links to its evidence. Order: "
                @for other in Order::ALL {
                    @if other == order { strong { (other.word()) } } @else { a.order href=(other.file()) { (other.word()) } }
                    " "
                }
            }
            p {
                "Robust targets violate few clauses; then few faults harm them, they have few warnings, and they are fast. The speed is that of "
                "the replay, and can be compared only between targets that replay the same graph."
            }
            div.wide.full tabindex="0" {
                table.matrix {
                    thead {
                        tr {
                            th scope="col" { "target" }
                            th scope="col" { "harness" }
                            @if self.has_chaos { th scope="col" { abbr title="the verdict, and how many faults were decided" { "chaos" } } }
                            th scope="col" { "violated" }
                            th scope="col" { abbr title="requests per second in the replay" { "requests/s" } }
                            @for clause in self.telling() {
                                th scope="col" { abbr title=(clause.title) { (clause.id) } }
                            }
                        }
                    }
                    tbody { @for row in self.ordered(order) { (self.row(row)) } }
                }
            }
            @let equal: Vec<&str> = self.clauses.iter().filter(|clause| self.is_passed(clause)).map(|clause| clause.id.as_str()).collect();
            @if !equal.is_empty() {
                p { "Without a column, because every target passes: " (equal.join(" ")) }
            }
            p { "✓ pass, ✗ fail, ! warning (a SHOULD), ? unknown, · not run. The same data are in " a.order href="matrix.json" { "matrix.json" } "." }
        }
    }

    /// Returns the clauses that tell targets apart: not every target passes them.
    fn telling(&self) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().filter(|clause| !self.is_passed(clause))
    }

    /// Returns whether every target with a result for a clause passes it.
    fn is_passed(&self, clause: &Clause) -> bool {
        let mut cells = self.targets.iter().filter_map(|row| row.clauses.get(&clause.id));
        cells.all(|cell| cell.verdict == Verdict::Pass)
    }

    fn row(&self, row: &Row) -> Markup {
        let verdict = |verdict: Option<Verdict>, program: &str| {
            html! {
                @match verdict {
                    Some(verdict) => td.summary.(class_of(verdict)) {
                        a href={ (row.name) "/" (program) ".html" } { (verdict.word()) }
                        @if program == "chaos" && row.decided_faults < row.faults { " " (row.decided_faults) "/" (row.faults) }
                    },
                    None => td.summary.notrun { "no report" },
                }
            }
        };
        html! {
            tr {
                th scope="row" title=[row.target.as_deref()] { (row.name) }
                (verdict(row.harness, "harness"))
                @if self.has_chaos { (verdict(row.chaos, "chaos")) }
                td.summary.violated { (row.violated().join(" ")) }
                td.summary.number { @if let Some(speed) = row.requests_per_second { (grouped(speed)) } }
                @for clause in self.telling() {
                    @match row.clauses.get(&clause.id) {
                        Some(cell) => td {
                            a.cell.(class_of(cell.verdict)) href=(cell.evidence) title={ (cell.item) ": " (cell.verdict.word()) } {
                                (mark_of(cell.verdict))
                            }
                        },
                        None => td {},
                    }
                }
            }
        }
    }
}

impl Row {
    /// Returns the ids of the clauses with a failure.
    fn violated(&self) -> Vec<&str> {
        let failed = self.clauses.iter().filter(|(_, cell)| cell.verdict == Verdict::Fail);
        failed.map(|(id, _)| id.as_str()).collect()
    }
}

/// Returns the rank of a clause by its letter and number, so that S2 comes before S10.
fn rank(id: &str) -> (String, u32) {
    let digits = id.find(|character: char| character.is_ascii_digit()).unwrap_or(id.len());
    (id[..digits].to_owned(), id[digits..].parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdict: &str, items: &[(&str, &str, &str)]) -> ReportRead {
        let item = |(id, clause, verdict): &(&str, &str, &str)| serde_json::json!({ "id": id, "verdict": verdict, "clause": { "id": clause, "title": "" } });
        let items: Vec<_> = items.iter().map(item).collect();
        let workload = serde_json::json!({ "id": "index/replay", "requests": 500, "duration_ns": 250_000_000, "phases": [1] });
        let value = serde_json::json!({
            "report": 3, "target": "t", "verdict": verdict,
            "runs": [{ "seed": 1, "items": items, "workloads": [workload] }],
        });
        serde_json::from_value(value).unwrap()
    }

    fn site() -> Site {
        let mut site = Site { has_chaos: true, clauses: Vec::new(), targets: Vec::new() };
        let wrong = report("fail", &[("index/S2/1", "S2", "pass"), ("index/S2/2", "S2", "fail")]);
        site.add("wrong", Some(&wrong), Some(&report("pass", &[])));
        let right = report("pass", &[("index/S2/1", "S2", "pass")]);
        site.add(
            "right",
            Some(&right),
            Some(&report("warn", &[("lines/noise/idle", "C3", "warn"), ("lines/tls/idle", "A4", "unknown")])),
        );
        site.add("absent", None, None);
        site
    }

    #[test]
    fn a_cell_is_the_worst_result_with_its_evidence() {
        let site = site();
        let cell = &site.targets[0].clauses["S2"];
        assert_eq!(
            (cell.verdict, cell.evidence.as_str()),
            (Verdict::Fail, "wrong/harness.html#run-0-index-S2-2")
        );
        assert_eq!((site.targets[0].failed_clauses, site.targets[1].warned_clauses), (1, 1));
        assert_eq!(site.targets[0].requests_per_second, Some(2000));
        assert!(!site.is_complete());
        assert_eq!(site.targets[0].violated(), ["S2"]);
        let chaos = &site.targets[1];
        assert_eq!((chaos.decided_faults, chaos.faults), (1, 2));
    }

    #[test]
    fn a_clause_that_every_target_passes_has_no_column() {
        let mut site = Site { has_chaos: false, clauses: Vec::new(), targets: Vec::new() };
        let passed =
            [("index/R1/1", "R1", "pass"), ("index/S2/2", "S2", "pass"), ("index/C2/1", "C2", "not_run")];
        site.add("right", Some(&report("pass", &passed)), None);
        site.add("wrong", Some(&report("fail", &[("index/S2/2", "S2", "fail"), passed[0]])), None);
        let shown: Vec<&str> = site.telling().map(|clause| clause.id.as_str()).collect();
        assert_eq!(shown, ["S2", "C2"]);
        let page = site.body(Order::Name).into_string();
        assert!(page.contains("because every target passes: R1<"), "{page}");
    }

    #[test]
    fn the_most_robust_target_is_first_and_one_without_a_report_last() {
        let site = site();
        let names = |order| site.ordered(order).into_iter().map(|row| row.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(Order::Robustness), ["right", "wrong", "absent"]);
        assert_eq!(names(Order::Name), ["absent", "right", "wrong"]);
        assert_eq!(names(Order::Speed)[2], "absent");
    }

    #[test]
    fn a_target_that_was_not_reached_is_neither_judged_nor_robust() {
        for verdict in ["unreachable", "unknown"] {
            let mut site = Site { has_chaos: false, clauses: Vec::new(), targets: Vec::new() };
            site.add("not-judged", Some(&report(verdict, &[])), None);
            site.add("wrong", Some(&report("fail", &[("index/S2/2", "S2", "fail")])), None);
            assert_eq!(site.ordered(Order::Robustness)[0].name, "wrong", "{verdict}");
            assert!(!site.is_complete(), "{verdict}");
        }
    }

    #[test]
    fn a_replay_that_did_not_end_has_no_speed() {
        let mut site = Site { has_chaos: false, clauses: Vec::new(), targets: Vec::new() };
        site.add("aborted", Some(&report("fail", &[("index/replay", "C1", "fail")])), None);
        site.add("ended", Some(&report("pass", &[("index/replay", "C1", "pass")])), None);
        assert_eq!(site.targets[0].requests_per_second, None);
        assert_eq!(site.targets[1].requests_per_second, Some(2000));
    }

    #[test]
    fn clauses_are_in_the_order_of_their_numbers() {
        let mut ids = ["S10", "S2", "C1"];
        ids.sort_by_key(|id| rank(id));
        assert_eq!(ids, ["C1", "S2", "S10"]);
    }
}
