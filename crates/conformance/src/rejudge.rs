//! Re-judging of recorded histories: each part with the judge of its plan, and all requests against one index.

mod history;
mod part;

pub use history::{Totals, rejudge};
pub use part::{PartFinding, PartReport};
