//! The plan of a case under one seed: all moves of its client, and the replies that are expected.
//!
//! A separate connection removes the names of the case before and after it, because an earlier, aborted run may have left
//! them in the index. Its replies are not judged.

mod action;
mod case_plan;
mod writer;

pub use action::CLEANUP;
pub(crate) use case_plan::Condition;
pub use case_plan::{CasePlan, connections_max};
