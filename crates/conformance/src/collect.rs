//! Collects the operations of a history: the effect of its requests, as far as it is certain.
//!
//! A request whose reply was lost may have taken effect or not; an unterminated line did not (F4). If a history does
//! not
//! show what the target received, or the protocol does not specify how it is interpreted, all names that the client
//! used
//! in that section of its script are *uncertain*: operations on them count as lost, for all clients. This applies if
//! replies were not read, if the path was impaired and may have changed bytes, and if names, lists or lines exceed
//! what
//! every server accepts. Replies that may belong to other requests are ignored, and possible cycles are not judged.

mod collector;
mod cycles;
mod operations;
#[cfg(test)]
mod tests;

pub use collector::{Collector, PartOperations};
pub use operations::Operations;
