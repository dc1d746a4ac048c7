//! Faults of packets.

use conformance::case::{Allowed, Template};
use protocol::Clause;
use protocol::wisdom::clauses::W31;

use crate::catalogue::common::packets::{PacketFaults, PacketTraffic};
use crate::catalogue::wisdom::requests::{CHALLENGE_OR_REFUSED, REQUEST};
use crate::catalogue::wisdom::states::NEW;
use crate::fault::{Fault, State};

pub(crate) const FAULTS: &[Fault] = PacketFaults::<WisdomTraffic>::ROWS;

struct WisdomTraffic;

impl PacketTraffic for WisdomTraffic {
    const STATES: &'static [State] = &[NEW];
    const CONCURRENCY: Clause = W31;
    const DISCONNECTION: Clause = W31;
    const REQUEST: Template = REQUEST;
    const REPLY: Allowed = CHALLENGE_OR_REFUSED;
    const TIMES: usize = 2;
}
