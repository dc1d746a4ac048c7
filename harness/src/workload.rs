//! The workloads: what many clients send to a target, and how what they observe is judged.

pub mod contention;
pub mod conversations;
pub mod pace;
pub mod replay;
pub mod request_script;
pub mod wisdom;
