//! The judge of one case: follows its connections through the history and finds the first incorrect reply.

mod case_judge;
mod evidence;
mod findings;
mod outcome;
mod status;

pub use case_judge::CaseJudge;
pub use outcome::CaseOutcome;
pub use status::{CaseState, TargetStatus};
