//! `index/contention`: small groups of clients change the same packages at the same time. The replies must be linearizable.
//!
//! The script of a client follows from the seed alone, not from replies. A group works on a component of packages for one
//! episode. Then all clients meet, and each group continues with a new component. In addition, pairs of clients work on
//! large components, whose packages rarely change twice. Before and after the episodes, the clients remove all packages.
//! The size of a group limits the number of concurrent changes, because the cost of the linearizability search grows with
//! it.

mod component;
mod groups;
mod judge;
mod lockstep;
mod options;
mod phases;
mod plan;
mod request_clauses;
mod script;
mod workload;

pub(crate) use judge::ContentionJudge;
pub(crate) use options::Edition;
pub(crate) use phases::PHASES;
pub(crate) use request_clauses::label;
pub(crate) use script::{ContentionScript, Requests};
pub(crate) use workload::{Contention, ContentionPipelined};
