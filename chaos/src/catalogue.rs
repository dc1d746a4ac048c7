//! The fault catalogues: one for each protocol, each with one table for each kind of fault.
//!
//! Rows that both protocols have are in [`common`]; a protocol supplies their requests and expected replies.

pub(crate) mod common;
pub(crate) mod index;
pub(crate) mod wisdom;
