//! Writes a history as it happens: JSON lines, compressed.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use serde::Serialize;
use zstd::stream::write::Encoder;

use crate::history::event::{Event, EventKind, Header, LINE_BYTES_MAX};

/// How hard it tries. It works on the thread that measures, and trying harder saves little.
const LEVEL: i32 = 1;

/// After so much text all that was written can be read, whatever becomes of the rest.
const FLUSH_TEXT_BYTES: usize = 64 << 10;

/// Writes a history, an event at a time.
pub struct Writer<W: Write> {
    out: Encoder<'static, W>,
    /// The line that is being written; its memory serves the next one.
    line: Vec<u8>,
    /// How much was written since all could be read.
    unflushed_bytes: usize,
}

impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("unflushed_bytes", &self.unflushed_bytes).finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// A history without any part yet.
    ///
    /// # Errors
    /// There is no memory for the compressor.
    pub fn new(out: W) -> io::Result<Self> {
        let mut out = Encoder::new(out, LEVEL)?;
        out.include_checksum(true)?;
        Ok(Self { out, line: Vec::new(), unflushed_bytes: 0 })
    }

    /// Begins a part.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.write_line(header)?;
        self.flush()
    }

    /// Adds an event.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.write_line(event)?;
        let is_over = matches!(event.event, EventKind::RunEnded(_));
        if is_over || self.unflushed_bytes >= FLUSH_TEXT_BYTES { self.flush() } else { Ok(()) }
    }

    /// Brings everything to its place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(self) -> io::Result<W> {
        let mut out = self.out.finish()?;
        out.flush()?;
        Ok(out)
    }

    fn write_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        if self.line.len() > LINE_BYTES_MAX {
            return Err(io::Error::new(ErrorKind::InvalidInput, "an event is too long for a history"));
        }
        self.line.push(b'\n');
        self.unflushed_bytes += self.line.len();
        self.out.write_all(&self.line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unflushed_bytes = 0;
        self.out.flush()
    }
}
