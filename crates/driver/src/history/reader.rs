//! Reads a history from disk, a line at a time and within bounds, as far as it is there.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

use serde::de::DeserializeOwned;
use zstd::stream::read::Decoder;

use crate::history::event::{Event, EventKind, Header, LINE_BYTES_MAX, VERSION};

/// What a file begins with that zstd compressed. Lines as they are can be read too.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The memory that a compressed file may ask for, as a power of two: 8 MiB, which is what `zstd -19` asks for.
const WINDOW_LOG_MAX: u32 = 23;

/// Why a history on disk cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file itself, or what zstd makes of it.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// A part does not begin as one.
    #[error("is none: line {line} is no header: {source}")]
    Header {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line of a part.
    #[error("is damaged: line {line} is no event: {source}")]
    Event {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A line that no history has.
    #[error("is none: line {line} is longer than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// From 1.
        line: usize,
    },
    /// It was written by another version.
    #[error("has version {0}; this kit reads version {VERSION}")]
    Version(u32),
}

/// Reads a history part by part: of each its header, then its events.
///
/// A history that was cut off, at whatever byte, is read as far as it is whole, and ends as one that is not; then
/// [`Reader::is_cut_short`] says so.
pub struct Reader<'r> {
    input: Box<dyn BufRead + 'r>,
    line: Vec<u8>,
    line_number: usize,
    is_in_part: bool,
    is_cut_short: bool,
}

impl<'r> Reader<'r> {
    /// Reads from here, whether it is compressed or not.
    ///
    /// # Errors
    /// The first bytes cannot be read.
    pub fn new(mut input: impl Read + 'r) -> Result<Self, ReadError> {
        let mut first = Vec::new();
        input.by_ref().take(ZSTD_MAGIC.len() as u64).read_to_end(&mut first)?;
        let is_compressed = first == ZSTD_MAGIC;
        let is_cut_short = !is_compressed && !first.is_empty() && ZSTD_MAGIC.starts_with(&first);
        let whole = BufReader::new(Cursor::new(first).chain(input));
        let input: Box<dyn BufRead + 'r> = if is_compressed {
            let mut decoder = Decoder::with_buffer(whole)?;
            decoder.window_log_max(WINDOW_LOG_MAX)?;
            Box::new(BufReader::new(decoder))
        } else {
            Box::new(whole)
        };
        Ok(Self { input, line: Vec::new(), line_number: 0, is_in_part: false, is_cut_short })
    }

    /// Begins the next part; what was not read of the last one is passed over. Nothing if there is none.
    ///
    /// # Errors
    /// Its header cannot be read, or is of another version.
    pub fn next_part(&mut self) -> Result<Option<Header>, ReadError> {
        while self.next_event()?.is_some() {}
        let is_first = self.line_number == 0;
        let Some(header) = self.next_line::<Header>(|line, source| ReadError::Header { line, source })?
        else {
            return if is_first && !self.is_cut_short { Err(ReadError::Empty) } else { Ok(None) };
        };
        if header.history != VERSION {
            return Err(ReadError::Version(header.history));
        }
        self.is_in_part = true;
        Ok(Some(header))
    }

    /// The next event of the part; nothing after the one that says how it ended, or where the history is cut off.
    ///
    /// # Errors
    /// It cannot be read. Nothing comes after it.
    pub fn next_event(&mut self) -> Result<Option<Event<'static>>, ReadError> {
        if !self.is_in_part {
            return Ok(None);
        }
        let read = self.next_line::<Event<'static>>(|line, source| ReadError::Event { line, source });
        let is_last = matches!(&read, Ok(Some(Event { event: EventKind::RunEnded(_), .. })));
        self.is_in_part = matches!(&read, Ok(Some(_))) && !is_last;
        self.is_cut_short |= matches!(&read, Ok(None));
        read
    }

    /// The events of the part, as [`Reader::next_event`] brings them.
    pub fn events(&mut self) -> impl Iterator<Item = Result<Event<'static>, ReadError>> {
        std::iter::from_fn(|| self.next_event().transpose())
    }

    /// Whether the input ended, as far as it was read, before the history did: the rest is missing.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.is_cut_short
    }

    fn next_line<T: DeserializeOwned>(
        &mut self,
        wrong: impl FnOnce(usize, serde_json::Error) -> ReadError,
    ) -> Result<Option<T>, ReadError> {
        if self.is_cut_short {
            return Ok(None);
        }
        self.line.clear();
        let read = self.input.by_ref().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.line);
        match read {
            // What came before this is whole.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.is_cut_short = true,
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
            // The last line may have no end, where somebody wrote it by hand, but not stop in the middle.
            Err(source) if is_ended || !(source.is_eof() || self.is_cut_short) => Err(wrong(line, source)),
            Err(_) => {
                self.is_cut_short = true;
                Ok(None)
            }
        }
    }
}
