//! `harness judge`: a recorded history, judged again without a target.
//!
//! Each part is given to the judge of its plan, where that can be made again from the part's header (`plans`), and its
//! requests are held against the rules of one index, whatever its workload was ([`crate::truth`]). It is read once, an
//! event at a time. Kept are the operations of the part, the requests of earlier parts whose replies were lost, and what
//! the judge of the plan keeps.

mod part;
pub(crate) mod plans;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use protocol::Protocol;
use protocol::index::Index;

use crate::error::Error;
use crate::history::Reader;
use crate::report::judged;
use crate::truth::Collector;
use crate::verdict::Verdict;
pub use part::{Found, PartReport};
pub use plans::Plan;

/// What a history comes to.
#[derive(Debug)]
pub struct Judged {
    /// The worst verdict of its parts; at best unknown if it is cut short.
    pub verdict: Verdict,
    /// Why it was not read to its end.
    pub trouble: Option<Error>,
}

/// All parts of a history, in figures.
#[derive(Debug, Default)]
pub struct Totals {
    /// How many parts it has.
    pub parts: usize,
    /// How many operations were held against the rules.
    pub operations: usize,
    /// By clause, how often it was found broken.
    pub broken: BTreeMap<&'static str, usize>,
    /// Whether the file ends before the history does.
    pub is_cut_short: bool,
    /// The worst verdict of its parts.
    worst: Option<Verdict>,
}

impl Totals {
    fn add(&mut self, part: &PartReport) {
        self.parts += 1;
        self.operations += part.operations;
        // Of what was found of a case or a workload the first counts: the rest may follow from it.
        for found in part.found.chunk_by(|one, other| one.id == other.id).filter_map(<[Found]>::first) {
            if let Some(clause) = found.finding.clause {
                *self.broken.entry(clause.id).or_default() += 1;
            }
        }
        self.worst = self.worst.max(Some(part.verdict));
    }

    fn verdict(&self) -> Verdict {
        let worst = self.worst.unwrap_or(Verdict::Unknown);
        if self.is_cut_short { worst.max(Verdict::Unknown) } else { worst }
    }
}

/// Judges a history, and prints to `out` what each part comes to.
///
/// # Errors
/// It is none, or cannot be read from its beginning.
pub fn judge_file(path: &Path, out: &mut impl Write) -> Result<Judged, Error> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let wrong = |source| Error::History { path: path.to_owned(), source };
    let mut reader = Reader::new(file).map_err(wrong)?;
    let mut collector = Collector::new(Index::framing);
    let mut has_served = false;
    let mut totals = Totals::default();
    let mut trouble = None;
    while trouble.is_none() {
        let header = match reader.next_part() {
            Ok(Some(header)) => header,
            Ok(None) => break,
            Err(error) if totals.parts == 0 => return Err(wrong(error)),
            // What was found before stands.
            Err(error) => {
                trouble = Some(error);
                break;
            }
        };
        if totals.parts == 0 {
            // Whoever reads the output may stop reading; the verdict is in the exit code all the same.
            let _ = judged::write_head(out, path);
        }
        let (part, error) = part::judge(&mut reader, header, &mut collector, &mut has_served);
        trouble = error;
        let _ = judged::write_part(out, &part);
        totals.add(&part);
    }
    if totals.parts == 0 {
        let _ = judged::write_head(out, path);
    }
    totals.is_cut_short = reader.is_cut_short();
    let verdict = totals.verdict();
    let _ = judged::write_verdict(out, &totals, verdict);
    Ok(Judged { verdict, trouble: trouble.map(wrong) })
}
