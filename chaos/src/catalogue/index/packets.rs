//! Faults of packets.

use conformance::case::{Allowed, FAIL, Template};
use protocol::Clause;
use protocol::index::clauses::{C1, C3};

use crate::catalogue::common::packets::{PacketFaults, PacketTraffic};
use crate::catalogue::index::requests::QUERY;
use crate::catalogue::index::states::IDLE;
use crate::fault::{Fault, State};

pub(crate) const FAULTS: &[Fault] = PacketFaults::<IndexTraffic>::ROWS;

struct IndexTraffic;

impl PacketTraffic for IndexTraffic {
    const STATES: &'static [State] = &[IDLE];
    const CONCURRENCY: Clause = C1;
    const DISCONNECTION: Clause = C3;
    const REQUEST: Template = QUERY;
    const REPLY: Allowed = FAIL;
    const TIMES: usize = 4;
}
