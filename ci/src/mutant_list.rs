//! The mutants of the zoo, as the `mutants` crate lists them. No other module names that crate.

use ::mutants::{index, wisdom};

use crate::command_line::Protocol;

/// A server with one deliberate defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    /// The clause that the defect violates.
    pub(crate) clause: &'static str,
    /// `MUST`, `SHOULD` or `INFO`.
    pub(crate) level: String,
    /// What it takes to detect the defect, if that is more than an exchange: `race`, `chaos` or `slow`.
    pub(crate) mark: Option<String>,
    pub(crate) protocol: Protocol,
    /// The wrong behaviour, in one sentence.
    pub(crate) summary: &'static str,
}

/// A server that one fault alone reveals.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    /// The id of the fault.
    pub(crate) fault: &'static str,
    /// What ends the server, in one sentence.
    pub(crate) summary: &'static str,
    /// The file that it needs, if it needs one.
    pub(crate) file: Option<File>,
}

/// A file of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    /// One that outlives its process.
    Lock,
    /// One on the disk that chaos fills.
    Journal,
}

/// Returns the controls of a protocol in the order of the faults.
pub(crate) fn controls(protocol: Protocol) -> Vec<Control> {
    let all = match protocol {
        Protocol::Index => index::CONTROLS,
        Protocol::Wisdom => wisdom::CONTROLS,
    };
    let control = |row: &::mutants::Control| Control {
        fault: row.fault,
        summary: row.summary,
        file: match row.fault {
            "process/full-disk" => Some(File::Journal),
            fault => fault.starts_with("process/killed").then_some(File::Lock),
        },
    };
    all.iter().map(control).collect()
}

impl Mutant {
    /// Returns whether the mutant has this mark.
    pub(crate) fn has_mark(&self, mark: &str) -> bool {
        self.mark.as_deref() == Some(mark)
    }

    /// Returns whether the mutant violates a SHOULD only.
    pub(crate) fn is_should(&self) -> bool {
        self.level == "SHOULD"
    }

    /// Returns whether the protocol is silent about the defect.
    pub(crate) fn is_info(&self) -> bool {
        self.level == "INFO"
    }
}

/// Returns the mutants of a protocol in the order of the catalogue.
pub(crate) fn mutants(protocol: Protocol) -> Vec<Mutant> {
    match protocol {
        Protocol::Index => index::MUTANTS.iter().map(|row| mutant(protocol, row)).collect(),
        Protocol::Wisdom => wisdom::MUTANTS.iter().map(|row| mutant(protocol, row)).collect(),
    }
}

fn mutant<D>(protocol: Protocol, row: &::mutants::Mutant<D>) -> Mutant {
    let mark = row.mark.map(|mark| mark.to_string());
    let level = row.level.word().to_owned();
    Mutant { name: row.name, clause: row.clause.id, level, mark, protocol, summary: row.summary }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_protocols_have_mutants_with_clauses_and_levels() {
        for protocol in Protocol::ALL {
            let all = mutants(protocol);
            assert!(all.len() > 50, "{protocol}: {}", all.len());
            assert!(all.iter().all(|mutant| ["MUST", "SHOULD", "INFO"].contains(&&*mutant.level)));
        }
    }
}
