//! Re-judges a recorded history part by part.

use std::collections::BTreeMap;
use std::io::Read;

use driver::history::{ReadError, Reader};
use protocol::Protocol;
use protocol::index::Index;
use verdict::Verdict;

use crate::collect::Collector;
use crate::rejudge::part::{self, PartReport};
use crate::workload::Workload;

/// The judgement of all parts of a history, in figures.
#[derive(Debug, Default)]
pub struct Totals {
    /// The number of parts.
    pub parts: usize,
    /// The number of operations that were checked against one index.
    pub operations: usize,
    /// The number of violations by clause.
    pub violations: BTreeMap<&'static str, usize>,
    /// Whether the file ends before the history does.
    pub is_truncated: bool,
    worst: Option<Verdict>,
}

impl Totals {
    /// Returns the worst verdict of all parts; at best unknown if the history is truncated or empty.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let worst = self.worst.unwrap_or(Verdict::Unknown);
        if self.is_truncated { worst.max(Verdict::Unknown) } else { worst }
    }

    fn add(&mut self, part: &PartReport) {
        self.parts += 1;
        self.operations += part.operations;
        // Only the first finding of a case or workload counts: the others may follow from it.
        for found in part.found.chunk_by(|one, other| one.id == other.id).filter_map(<[_]>::first) {
            if let Some(clause) = found.finding.clause {
                *self.violations.entry(clause.id).or_default() += 1;
            }
        }
        self.worst = self.worst.max(Some(part.verdict));
    }
}

/// Judges a history part by part; `show` is called with each part as soon as it is judged. A read error after the first
/// part is returned beside the judgement of the parts before it.
///
/// # Errors
/// The input is not a history, or its first part cannot be read.
pub fn rejudge(
    input: impl Read + 'static,
    workloads: &[&dyn Workload],
    mut show: impl FnMut(&PartReport),
) -> Result<(Totals, Option<ReadError>), ReadError> {
    let mut reader = Reader::new(input)?;
    let mut collector = Collector::new(Index::framing);
    let mut totals = Totals::default();
    let mut failure = None;
    while failure.is_none() {
        let header = match reader.next_part() {
            Ok(Some(header)) => header,
            Ok(None) => break,
            Err(error) if totals.parts == 0 => return Err(error),
            // The judgement of the parts before the error stands.
            Err(error) => {
                failure = Some(error);
                break;
            }
        };
        let (part, error) = part::judge(&mut reader, header, workloads, &mut collector);
        failure = error;
        show(&part);
        totals.add(&part);
    }
    totals.is_truncated = reader.is_truncated();
    Ok((totals, failure))
}
