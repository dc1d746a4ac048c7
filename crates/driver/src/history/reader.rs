//! Reads a history from disk line by line, with bounded memory, as far as it is complete.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::GzDecoder;
use serde::de::DeserializeOwned;

use crate::history::event::{Event, EventKind, Header, LINE_BYTES_MAX, VERSION};

/// The first bytes of a gzip file (RFC 1952, section 2.3.1). Uncompressed lines are accepted too.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The reason for which a history cannot be read to its end. The text completes a sentence that begins with the path.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read or decompressed.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file is empty.
    #[error("is empty")]
    Empty,
    /// The first line of a part is not a header.
    #[error("is not a history: line {line} is not a header: {source}")]
    Header {
        /// The line number, from 1.
        line: usize,
        /// The error of the JSON parser.
        source: serde_json::Error,
    },
    /// A line of a part is not an event.
    #[error("is damaged: line {line} is not an event: {source}")]
    Event {
        /// The line number, from 1.
        line: usize,
        /// The error of the JSON parser.
        source: serde_json::Error,
    },
    /// A line is longer than any line of a history.
    #[error("is not a history: line {line} is longer than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// The line number, from 1.
        line: usize,
    },
    /// Another version of the format.
    #[error("has format version {0}; this program reads version {VERSION}")]
    Version(u32),
}

/// Reads a history part by part: for each part its header, then its events.
///
/// A history that is truncated at any byte is read up to its last complete event; then [`Reader::is_truncated`]
/// returns true.
pub struct Reader<'r> {
    input: Box<dyn BufRead + 'r>,
    line: Vec<u8>,
    line_number: usize,
    is_in_part: bool,
    is_truncated: bool,
}

impl<'r> Reader<'r> {
    /// Returns a reader of compressed or uncompressed input.
    ///
    /// # Errors
    /// The first bytes cannot be read.
    pub fn new(mut input: impl Read + 'r) -> Result<Self, ReadError> {
        let mut first = Vec::new();
        input.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut first)?;
        let is_compressed = first == GZIP_MAGIC;
        let is_truncated = !is_compressed && !first.is_empty() && GZIP_MAGIC.starts_with(&first);
        let whole = BufReader::new(Cursor::new(first).chain(input));
        let input: Box<dyn BufRead + 'r> =
            if is_compressed { Box::new(BufReader::new(GzDecoder::new(whole))) } else { Box::new(whole) };
        Ok(Self { input, line: Vec::new(), line_number: 0, is_in_part: false, is_truncated })
    }

    /// Skips the rest of the current part and returns the header of the next one; `None` at the end of the input.
    ///
    /// # Errors
    /// The header cannot be read, or has another version.
    pub fn next_part(&mut self) -> Result<Option<Header>, ReadError> {
        while self.next_event()?.is_some() {}
        let is_first = self.line_number == 0;
        let Some(header) = self.next_line::<Header>(|line, source| ReadError::Header { line, source })?
        else {
            return if is_first && !self.is_truncated { Err(ReadError::Empty) } else { Ok(None) };
        };
        if header.history != VERSION {
            return Err(ReadError::Version(header.history));
        }
        self.is_in_part = true;
        Ok(Some(header))
    }

    /// Returns the next event of the part; `None` after the last event of the part or at the end of a truncated
    /// history.
    ///
    /// # Errors
    /// The event cannot be read. The part ends there.
    pub fn next_event(&mut self) -> Result<Option<Event<'static>>, ReadError> {
        if !self.is_in_part {
            return Ok(None);
        }
        let read = self.next_line::<Event<'static>>(|line, source| ReadError::Event { line, source });
        let is_last = matches!(&read, Ok(Some(Event { event: EventKind::RunEnded(_), .. })));
        self.is_in_part = matches!(&read, Ok(Some(_))) && !is_last;
        self.is_truncated |= matches!(&read, Ok(None));
        read
    }

    /// Returns the remaining events of the part, as [`Reader::next_event`] does.
    pub fn events(&mut self) -> impl Iterator<Item = Result<Event<'static>, ReadError>> {
        std::iter::from_fn(|| self.next_event().transpose())
    }

    /// Returns whether the input ended before the history did, as far as it was read.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    fn next_line<T: DeserializeOwned>(
        &mut self,
        wrong: impl FnOnce(usize, serde_json::Error) -> ReadError,
    ) -> Result<Option<T>, ReadError> {
        if self.is_truncated {
            return Ok(None);
        }
        self.line.clear();
        let read = self.input.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.line);
        match read {
            // The events before this point are complete.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.is_truncated = true,
            Err(error) => return Err(error.into()),
            Ok(0) => return Ok(None),
            Ok(_) => {}
        }
        let is_ended = self.line.pop_if(|last| *last == b'\n').is_some();
        let line = self.line_number + 1;
        if self.line.len() > LINE_BYTES_MAX {
            return Err(ReadError::TooLong { line });
        }
        match serde_json::from_slice(&self.line) {
            Ok(value) => {
                self.line_number = line;
                Ok(Some(value))
            }
            // A file edited by hand may lack the last line end, but the line itself has to be complete.
            Err(source) if is_ended || !(source.is_eof() || self.is_truncated) => Err(wrong(line, source)),
            Err(_) => {
                self.is_truncated = true;
                Ok(None)
            }
        }
    }
}
