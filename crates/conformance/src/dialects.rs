//! The dialects of the protocols.

pub mod index;
pub mod wisdom;
