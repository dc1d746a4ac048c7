//! Faults of the services that the target uses.

use protocol::index::clauses::C2;

use crate::catalogue::common::dependency::faults;
use crate::catalogue::index::states::IDLE;
use crate::fault::Fault;

pub(crate) const FAULTS: &[Fault] = &faults(C2, &[IDLE]);
