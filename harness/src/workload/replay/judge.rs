//! The judge of the replay: follows the plan through the history and reports every reply that the plan does not allow.

mod findings;
mod replies;
mod state;
#[cfg(test)]
mod tests;

pub(super) use state::ReplayJudge;
