//! Writes a history as the run proceeds: compressed JSON lines.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::history::event::{Event, EventKind, Header, LINE_BYTES_MAX};

/// The number of bytes of text after which the compressor is flushed, so that everything written so far can be read.
const FLUSH_TEXT_BYTES: usize = 64 << 10;

/// Writes a history event by event.
pub struct Writer<W: Write> {
    out: GzEncoder<W>,
    /// The current line. Its allocation is reused for the next line.
    line: Vec<u8>,
    /// The number of bytes written since the last flush.
    unflushed_bytes: usize,
}

impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("unflushed_bytes", &self.unflushed_bytes).finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// Returns a writer of a history without parts.
    pub fn new(out: W) -> Self {
        // Compression runs on the measuring thread, and higher levels save little.
        let out = GzEncoder::new(out, Compression::fast());
        Self { out, line: Vec::new(), unflushed_bytes: 0 }
    }

    /// Begins a part.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn begin(&mut self, header: &Header) -> io::Result<()> {
        self.write_line(header)?;
        self.flush()
    }

    /// Appends an event.
    ///
    /// # Errors
    /// The event cannot be written.
    pub fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.write_line(event)?;
        let is_over = matches!(event.event, EventKind::RunEnded(_));
        if is_over || self.unflushed_bytes >= FLUSH_TEXT_BYTES { self.flush() } else { Ok(()) }
    }

    /// Flushes everything and returns the output.
    ///
    /// # Errors
    /// The output cannot be written.
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
