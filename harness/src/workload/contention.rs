//! `index/contention`: clients in small groups change the same few packages at once, and what all of them saw is held
//! against the rules of one index.
//!
//! The whole script of a client follows from the seed, and never from a reply. A group works on a component of packages
//! for an episode, all meet, and each group goes on with another component that nobody has used. Beside them pairs of
//! clients work on large components whose packages are seldom touched twice. First and last all packages are swept out.
//! How many changes of one component are under way at once is bounded by the size of a group: the search for an order
//! needs more the more there are.

mod component;
mod groups;
mod judge;
mod lockstep;
mod options;
mod phases;
mod plan;
mod script;
mod workload;

pub use judge::ContentionJudge;
pub use options::{Edition, Options, Schedule};
pub use phases::PHASES;
pub use script::{ContentionScript, Requests};
pub(crate) use workload::label;
pub use workload::{Contention, ContentionPipelined};
