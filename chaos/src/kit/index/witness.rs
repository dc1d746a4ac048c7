//! What bystanders of the package index are told: each reply is known beforehand.

use driver::exchanges::Observation;
use protocol::text::printable;
use verdict::Finding;
use verdict::Verdict;

use super::bystander::Bystander;
use crate::kit::{Fate, Witness};

/// Knows all replies.
#[derive(Debug)]
pub(super) struct IndexWitness;

impl Witness for IndexWitness {
    fn see(&mut self, seen: &Observation<'_>) -> Fate {
        match seen {
            Observation::Exchange(replied) => {
                let expected = Bystander::expected(replied.place.replies);
                if replied.reply == expected {
                    return Fate::Served;
                }
                let mut finding = Finding::new(Verdict::Fail, "a bystander got a wrong reply");
                finding.show(printable(replied.request), printable(replied.reply), printable(expected));
                Fate::Harmed(Box::new(finding))
            }
            Observation::EndedIdle { .. } => {
                let summary = "a bystander's connection was ended by the target";
                Fate::Harmed(Box::new(Finding::new(Verdict::Fail, summary)))
            }
            _ => Fate::AsAnybody,
        }
    }
}
