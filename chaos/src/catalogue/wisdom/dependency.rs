//! Faults of the services that the target uses.

use protocol::wisdom::clauses::W31;

use crate::catalogue::common::dependency::faults;
use crate::catalogue::wisdom::states::NEW;
use crate::fault::Fault;

pub(crate) const FAULTS: &[Fault] = &faults(W31, &[NEW]);
