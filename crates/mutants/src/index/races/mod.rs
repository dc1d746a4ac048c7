//! Races: behaviour that is wrong only while two requests are in progress at once. Sequential requests get correct
//! replies.

mod changes;
mod counts;
mod pause;
mod reads;
mod replies;

use super::catalogue::Defect;
use super::grammar::{Command, Request};
use super::replies::Reply;
use super::sharing::{SharedIndex, View};

impl SharedIndex {
    /// Answers with the race of this server, or in one step if it has none.
    pub(super) fn race(&self, view: &mut View, request: &Request) -> Reply {
        match (self.defects.get(), request.command) {
            (Some(Defect::CheckThenAct), Command::Index)
            | (Some(Defect::RemoveThenIndexRace), Command::Remove) => self.check_then_act(request),
            (Some(Defect::RemoveAnswersFromBefore), Command::Remove) => self.check_twice(request),
            (Some(Defect::ShardsCheckedInTurn), Command::Index) => self.check_other_shard_first(request),
            (Some(Defect::WriteSkew), _) => self.commit_with_incomplete_check(request),
            (Some(Defect::LostUpdate), Command::Index) => self.update_stale_edges(request),
            (Some(Defect::DependentsNotedApart), Command::Index) => self.store_edges_separately(request),
            (Some(Defect::DependentsCountedApart), Command::Index) => {
                self.count_dependents_separately(request)
            }
            (Some(Defect::DependentsCountedApart), Command::Remove) => self.remove_by_count(request),
            (Some(Defect::FailedIndexSeen), _) => self.index_then_check(request),
            (Some(Defect::UpdateLeavesAGap), _) => self.remove_then_index(request),
            (Some(Defect::StaleReads), _) => self.answer_by_cache(request),
            (Some(Defect::QueriesJoined), Command::Query) => self.join_query(request),
            (Some(Defect::ChangesPublishedOutOfOrder), _) => self.publish_separately(request),
            (Some(Defect::CopiesRefreshedWhenFree), _) => self.answer_by_copy(view, request),
            (Some(Defect::IndexAcknowledgedEarly), _) => self.acknowledge_early(request),
            (Some(Defect::RepliesShareASlot), _) => self.answer_by_slot(request),
            _ => self.lock().index.answer(request),
        }
    }
}
