//! The catalogues of cases, one for each protocol.

pub(crate) mod index;
pub(crate) mod wisdom;
