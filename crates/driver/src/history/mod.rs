//! Histories: every opening, every chunk sent and received, and every close of a run, with its time.
//!
//! A history contains everything that a judge may use. On disk it consists of JSON lines: for each part of the run a
//! header, then one event per line. Bytes that are not printable ASCII are escaped, as in `\n`, `\\` and `\xff`. The
//! lines
//! are compressed with gzip as they are written, and flushed often, so that a killed run loses few events.

mod ending;
mod escaped;
mod event;
mod params;
mod reader;
mod writer;

pub use ending::Ending;
pub use event::{Event, EventKind, Failure, FailureKind, Header, LINE_BYTES_MAX, Sample, VERSION};
pub use params::{Params, ParamsError};
pub use reader::{ReadError, Reader};
pub use writer::Writer;
