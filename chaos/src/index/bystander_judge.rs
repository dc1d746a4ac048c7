//! Judges the bystanders of the package index: each correct reply is known in advance.

use std::collections::BTreeSet;

use driver::exchanges::Observation;
use driver::history::EventKind;
use protocol::text::printable;

use crate::chaos_protocol::{BystanderJudge, BystanderState};
use crate::harm::evidence::Incident;
use crate::index::bystander::{Bystander, REFUSAL};

/// The judge.
#[derive(Debug, Default)]
pub(crate) struct IndexJudge {
    /// The connections that bystanders close, because they were refused there. The target ends its half then, too.
    refused: BTreeSet<u32>,
}

impl BystanderJudge for IndexJudge {
    fn observe(&mut self, observation: &Observation<'_>) -> BystanderState {
        match observation {
            Observation::Exchange(exchange) => {
                let is_refusal = exchange.reply == REFUSAL;
                if is_refusal {
                    self.refused.insert(exchange.place.connection);
                }
                let expected = Bystander::expected(exchange.place.replies);
                if exchange.reply == expected {
                    return BystanderState::Served;
                }
                BystanderState::Incident(Box::new(Incident::IncorrectReply {
                    request: printable(exchange.request),
                    actual: printable(exchange.reply),
                    expected: printable(expected),
                    is_refusal,
                }))
            }
            Observation::EndedIdle { place, end: EventKind::Closed | EventKind::Reset } => {
                self.refused.remove(&place.connection);
                BystanderState::InProgress
            }
            Observation::EndedIdle { place, .. } if self.refused.contains(&place.connection) => {
                BystanderState::InProgress
            }
            Observation::EndedIdle { .. } => {
                BystanderState::Incident(Box::new(Incident::IdleConnectionClosed))
            }
            _ => BystanderState::Unspecific,
        }
    }
}

#[cfg(test)]
mod tests {
    use driver::exchanges::{Exchange, Place};

    use super::*;

    /// A bystander that was refused closes its connection, which the target was accused of.
    #[test]
    fn only_the_target_is_accused_of_closing_a_connection() {
        let place =
            Place { client: 0, connection: 1, replies: 0, has_sent: true, is_mid_request: false, idle_ns: 0 };
        let (request, end) = (&b"INDEX|a|"[..], EventKind::Ended);
        let ended_after = |reply: &[u8]| {
            let mut judge = IndexJudge::default();
            judge.observe(&Observation::Exchange(Exchange {
                place,
                request,
                reply,
                sent_ns: 0,
                replied_ns: 1,
            }));
            let ended = judge.observe(&Observation::EndedIdle { place, end: &end });
            let closed = judge.observe(&Observation::EndedIdle { place, end: &EventKind::Closed });
            assert!(matches!(closed, BystanderState::InProgress));
            ended
        };
        assert!(matches!(ended_after(REFUSAL), BystanderState::InProgress));
        assert!(matches!(ended_after(b"OK"), BystanderState::Incident(_)));
    }
}
