//! Splits a stream of bytes into frames, independently of the segments in which they arrive.

use std::fmt::Debug;
use std::io::BufRead;

/// The next item of a stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A complete frame, without its delimiter.
    Frame(&'a [u8]),
    /// A frame longer than the limit. It is reported once, and its remaining bytes are skipped.
    TooLong,
    /// The frame is incomplete: call again with the bytes that arrive next.
    Incomplete,
}

/// Splits a stream of bytes into frames. It buffers an incomplete frame, within a bound.
pub trait Framing: Send + Debug {
    /// Returns the next frame at the front of `input`, and the number of bytes of `input` that it consumed.
    ///
    /// With `Incomplete`, all of `input` is consumed.
    fn next<'a>(&'a mut self, input: &'a [u8]) -> (usize, Next<'a>);

    /// Returns whether a frame has begun and not ended.
    fn is_mid_frame(&self) -> bool;

    /// Returns the buffered bytes of the incomplete frame; empty if the frame is too long.
    fn partial(&self) -> &[u8];
}

impl Framing for Box<dyn Framing> {
    fn next<'a>(&'a mut self, input: &'a [u8]) -> (usize, Next<'a>) {
        (**self).next(input)
    }

    fn is_mid_frame(&self) -> bool {
        (**self).is_mid_frame()
    }

    fn partial(&self) -> &[u8] {
        (**self).partial()
    }
}

/// Framing of lines that end in `\n`.
#[derive(Debug)]
pub struct Lines {
    line_bytes_max: usize,
    /// The buffered bytes of the incomplete line.
    buffer: Vec<u8>,
    /// Whether `buffer` was returned as a frame and must be cleared.
    is_taken: bool,
    /// Whether the current line is too long: it was reported, and its remaining bytes are skipped.
    is_skipping: bool,
}

/// The capacity above which a buffer is released after its line, so that one long line does not keep memory in use.
const KEPT_BYTES_MAX: usize = 4096;

impl Lines {
    /// Creates a framing with a maximum line length in bytes, without the line end.
    #[must_use]
    pub fn new(line_bytes_max: usize) -> Self {
        Self { line_bytes_max, buffer: Vec::new(), is_taken: false, is_skipping: false }
    }

    /// Returns the memory of the buffer, in bytes.
    #[must_use]
    pub fn buffer_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    fn clear(&mut self) {
        self.is_taken = false;
        if self.buffer.capacity() > KEPT_BYTES_MAX {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
    }
}

impl Framing for Lines {
    fn next<'a>(&'a mut self, input: &'a [u8]) -> (usize, Next<'a>) {
        if self.is_taken {
            self.clear();
        }
        let end = find_line_end(input);
        let part = &input[..end.unwrap_or(input.len())];
        let taken = end.map_or(input.len(), |end| end + 1);

        if self.is_skipping {
            self.is_skipping = end.is_none();
            if end.is_none() {
                return (taken, Next::Incomplete);
            }
            let (more, next) = self.next(&input[taken..]);
            return (taken + more, next);
        }
        if self.buffer.len() + part.len() > self.line_bytes_max {
            self.is_skipping = end.is_none();
            self.clear();
            return (taken, Next::TooLong);
        }
        if end.is_some() && self.buffer.is_empty() {
            return (taken, Next::Frame(part));
        }
        self.buffer.extend_from_slice(part);
        if end.is_none() {
            return (taken, Next::Incomplete);
        }
        self.is_taken = true;
        (taken, Next::Frame(&self.buffer))
    }

    fn is_mid_frame(&self) -> bool {
        self.is_skipping || !self.partial().is_empty()
    }

    fn partial(&self) -> &[u8] {
        if self.is_taken { &[] } else { &self.buffer }
    }
}

/// Returns the position of the first line end. The standard library offers its vectorized search only through
/// readers.
fn find_line_end(mut input: &[u8]) -> Option<usize> {
    let before = input;
    let skipped = input.skip_until(b'\n').ok()?;
    before[..skipped].ends_with(b"\n").then(|| skipped - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `chunks` one after the other and collects the lines; `None` stands for a line that is too long.
    fn split(limit: usize, chunks: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(limit);
        let mut found = Vec::new();
        for chunk in chunks {
            let mut at = 0;
            loop {
                let (taken, next) = lines.next(&chunk[at..]);
                at += taken;
                match next {
                    Next::Frame(line) => found.push(Some(line.to_vec())),
                    Next::TooLong => found.push(None),
                    Next::Incomplete => break,
                }
            }
            assert_eq!(at, chunk.len(), "Incomplete takes all of its input");
        }
        found
    }

    fn lines<const N: usize>(found: [Option<&str>; N]) -> Vec<Option<Vec<u8>>> {
        found.map(|line| line.map(|text| text.as_bytes().to_vec())).to_vec()
    }

    #[test]
    fn f2_a_line_does_not_depend_on_segment_boundaries() {
        let stream = b"INDEX|a|\n\nQUERY|b|\nrest";
        let whole = split(64, &[stream]);
        assert_eq!(whole, lines([Some("INDEX|a|"), Some(""), Some("QUERY|b|")]));
        for first in 0..stream.len() {
            for second in first..stream.len() {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(split(64, &parts), whole, "split at {first} and {second}");
            }
        }
    }

    #[test]
    fn f4_bytes_without_a_line_end_are_incomplete() {
        let mut lines = Lines::new(64);
        assert!(!lines.is_mid_frame());
        assert_eq!(lines.next(b"INDEX|a|"), (8, Next::Incomplete));
        assert!(lines.is_mid_frame());
        assert_eq!(lines.partial(), b"INDEX|a|");
        assert_eq!(lines.next(b"\n"), (1, Next::Frame(b"INDEX|a|")));
        assert!(!lines.is_mid_frame());
        assert_eq!(lines.partial(), b"");
    }

    #[test]
    fn f6_a_line_at_the_limit_is_accepted_and_a_longer_line_is_not() {
        assert_eq!(split(3, &[b"abc\nabcd\nab\n"]), lines([Some("abc"), None, Some("ab")]));
    }

    #[test]
    fn f6_a_long_line_is_reported_once_and_the_next_line_is_read() {
        let stream = b"abcdefgh\nok\n";
        for first in 0..stream.len() {
            for second in first..stream.len() {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(split(3, &parts), lines([None, Some("ok")]), "split at {first} and {second}");
            }
        }
    }

    #[test]
    fn f6_a_line_without_end_takes_bounded_memory() {
        let mut lines = Lines::new(1000);
        for _ in 0..10_000 {
            lines.next(&[b'x'; 100]);
            assert!(lines.buffer.capacity() <= 2000);
        }
        assert!(lines.is_mid_frame());
    }

    #[test]
    fn the_buffer_of_a_long_line_is_released() {
        let mut lines = Lines::new(1 << 20);
        lines.next(&vec![b'x'; 1 << 19]);
        lines.next(b"\n");
        lines.next(b"");
        assert!(lines.buffer.capacity() <= KEPT_BYTES_MAX);
    }
}
