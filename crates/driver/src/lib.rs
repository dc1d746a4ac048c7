//! Executes scripts of moves against a target and emits events. All judged traffic and its timestamps pass through here.
//!
//! [`drive::drive`] runs one [`moves::Script`] per client on one thread and passes every [`history::Event`] to an
//! observer. [`exchanges::ExchangeReader`] reads events as exchanges: a request with its reply. [`recorder::Recorder`]
//! writes events to a history file.
//!
//! ```
//! use driver::exchanges::{Exchange, ExchangeReader, Observation};
//! use driver::history::{Event, EventKind};
//! use protocol::Lines;
//!
//! let kinds = [
//!     EventKind::Opened(0),
//!     EventKind::Sent(b"QUERY|a|\n".as_slice().into()),
//!     EventKind::Received(b"OK\n".as_slice().into()),
//! ];
//! let mut replies = Vec::new();
//! let mut reader = ExchangeReader::new(Lines::new);
//! for (event, at_ns) in kinds.into_iter().zip(0..) {
//!     reader.observe(&Event { at_ns, client: 0, connection: 1, event }, |observation| {
//!         if let Observation::Exchange(Exchange { request, reply, .. }) = observation {
//!             replies.push((request.to_vec(), reply.to_vec()));
//!         }
//!     });
//! }
//! assert_eq!(replies, [(b"QUERY|a|".to_vec(), b"OK".to_vec())]);
//! ```

pub mod deadline;
pub mod drive;
pub mod exchanges;
mod frame_limits;
pub mod history;
pub mod moves;
pub mod recorder;
pub mod run_limits;
mod shortage;
pub mod work;

pub use frame_limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
pub use shortage::is_shortage;
