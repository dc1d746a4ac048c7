//! The catalogues of faults, one for each protocol, each a table for each kind.

pub(crate) mod index;
pub(crate) mod ways;
pub(crate) mod wisdom;
