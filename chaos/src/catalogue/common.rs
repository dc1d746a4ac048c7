//! Fault rows that both protocols have. A protocol supplies the clauses, the requests and the expected replies.

pub(crate) mod dependency;
pub(crate) mod disconnects;
pub(crate) mod network;
pub(crate) mod packets;
pub(crate) mod process;
pub(crate) mod resources;
