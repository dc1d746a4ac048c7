//! What happened in a run: every opening, every chunk sent and received, every end, with its time.
//!
//! A history holds all that a judge may look at. On disk it is JSON lines: for each part of the run a header, then an
//! event a line; bytes are written as text, with `\n`, `\\` and `\xff` for what is none. The lines are compressed by zstd
//! as they are written, and so often brought to the disk whole that a run that is killed loses few of them.

mod ending;
mod escaped;
mod event;
mod params;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use ending::Ending;
pub use event::{Event, EventKind, Failure, FailureKind, Header, LINE_BYTES_MAX, Sample, VERSION};
pub use params::{Params, ParamsError};
pub use reader::{ReadError, Reader};
pub use writer::Writer;
