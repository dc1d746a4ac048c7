//! Judges the bystanders of the package index: each correct reply is known in advance.

use driver::exchanges::Observation;
use protocol::text::printable;

use crate::chaos_protocol::{BystanderJudge, BystanderState};
use crate::harm::evidence::Incident;
use crate::index::bystander::{Bystander, REFUSAL};

/// The judge; it needs no state.
#[derive(Debug)]
pub(crate) struct IndexJudge;

impl BystanderJudge for IndexJudge {
    fn observe(&mut self, observation: &Observation<'_>) -> BystanderState {
        match observation {
            Observation::Exchange(exchange) => {
                let expected = Bystander::expected(exchange.place.replies);
                if exchange.reply == expected {
                    return BystanderState::Served;
                }
                BystanderState::Incident(Box::new(Incident::IncorrectReply {
                    request: printable(exchange.request),
                    actual: printable(exchange.reply),
                    expected: printable(expected),
                    is_refusal: exchange.reply == REFUSAL,
                }))
            }
            Observation::EndedIdle { .. } => {
                BystanderState::Incident(Box::new(Incident::IdleConnectionClosed))
            }
            _ => BystanderState::Unspecific,
        }
    }
}
