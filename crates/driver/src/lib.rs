//! Executes scripts of moves against a target and emits events; all judged traffic and its timestamps pass through here.
//!
//! [`drive::drive`] runs one [`moves::Script`] per client on one thread and reports every [`history::Event`] to an
//! observer. [`exchanges::ExchangeReader`] reads events as exchanges: a request with its reply. [`recorder::Recorder`]
//! writes events to a history file.

pub mod deadline;
pub mod drive;
pub mod exchanges;
mod frame_limits;
pub mod history;
pub mod moves;
pub mod recorder;
pub mod run_limits;
mod shortage;

pub use frame_limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
pub use shortage::is_shortage;
