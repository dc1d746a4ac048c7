//! Selects how the shared index answers a request: correctly, or as the server's defect requires.

use super::catalogue::Defect;
use super::grammar::Request;
use super::replies::Reply;
use super::sharing::{SharedIndex, View};

impl SharedIndex {
    /// Answers a request in one step.
    pub(super) fn answer(&self, view: &mut View, request: &Request) -> Reply {
        match self.defects.get() {
            Some(Defect::StatePerConnection) => self.answer_from_own_index(view, request),
            Some(Defect::SnapshotPerConnection) => self.answer_from_snapshot(view, request),
            Some(Defect::IndexVisibleAfterNextRequest) => self.answer_late(view, request),
            Some(Defect::PackagesOfALostClientGo) => self.answer_and_note(view, request),
            Some(Defect::LastIndexRolledBackAtClose) => self.answer_uncommitted(view, request),
            Some(Defect::AbsenceCachedPerConnection) => self.answer_from_absences(view, request),
            _ => self.race(view, request),
        }
    }
}
