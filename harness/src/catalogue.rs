//! The catalogues of cases, one for each protocol.

pub mod index;
pub mod wisdom;
