//! Cutting a stream of bytes into frames, however the network cut it before.

use std::fmt::Debug;
use std::io::BufRead;

/// What a stream holds next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A whole frame, without its delimiter.
    Frame(&'a [u8]),
    /// A frame that passed the limit. It is reported once, and the rest of it is skipped.
    TooLong,
    /// The frame is not whole yet: call again with the bytes that come next.
    Incomplete,
}

/// Cuts a stream of bytes into frames; it keeps what is incomplete, within a bound.
pub trait Framing: Send + Debug {
    /// Takes the next frame from the front of `input`; also says how many bytes of `input` it took.
    ///
    /// `Incomplete` takes all of `input`.
    fn next<'a>(&'a mut self, input: &'a [u8]) -> (usize, Next<'a>);

    /// Whether a frame has begun and not ended.
    fn is_mid_frame(&self) -> bool;

    /// What is kept of the frame that has begun and not ended; nothing of one that was too long.
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

/// Frames that end in `\n`.
#[derive(Debug)]
pub struct Lines {
    line_bytes_max: usize,
    /// What has come of a line that is not whole.
    begun: Vec<u8>,
    /// `begun` was handed out as a frame and is to be emptied.
    is_taken: bool,
    /// The line that is under way is too long; it was reported, and is thrown away up to its end.
    is_skipping: bool,
}

/// A buffer larger than this is given back once its line is done, so that one long line costs nothing later.
const KEPT_BYTES_MAX: usize = 4096;

impl Lines {
    /// Lines of at most `line_bytes_max` bytes, line end not counted.
    #[must_use]
    pub fn new(line_bytes_max: usize) -> Self {
        Self { line_bytes_max, begun: Vec::new(), is_taken: false, is_skipping: false }
    }

    fn forget(&mut self) {
        self.is_taken = false;
        if self.begun.capacity() > KEPT_BYTES_MAX {
            self.begun = Vec::new();
        } else {
            self.begun.clear();
        }
    }
}

impl Framing for Lines {
    fn next<'a>(&'a mut self, input: &'a [u8]) -> (usize, Next<'a>) {
        if self.is_taken {
            self.forget();
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
        if self.begun.len() + part.len() > self.line_bytes_max {
            self.is_skipping = end.is_none();
            self.forget();
            return (taken, Next::TooLong);
        }
        if end.is_some() && self.begun.is_empty() {
            return (taken, Next::Frame(part));
        }
        self.begun.extend_from_slice(part);
        if end.is_none() {
            return (taken, Next::Incomplete);
        }
        self.is_taken = true;
        (taken, Next::Frame(&self.begun))
    }

    fn is_mid_frame(&self) -> bool {
        self.is_skipping || !self.partial().is_empty()
    }

    fn partial(&self) -> &[u8] {
        if self.is_taken { &[] } else { &self.begun }
    }
}

/// The place of the first line end. The standard library's search for a byte, several at a time, is to be had only
/// through its readers.
fn find_line_end(mut input: &[u8]) -> Option<usize> {
    let before = input;
    let skipped = input.skip_until(b'\n').ok()?;
    before[..skipped].ends_with(b"\n").then(|| skipped - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `chunks` one after the other and collects what comes out; `None` is a line that was too long.
    fn cut(limit: usize, chunks: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
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
    fn f2_a_line_is_the_same_however_it_is_cut() {
        let stream = b"INDEX|a|\n\nQUERY|b|\nrest";
        let whole = cut(64, &[stream]);
        assert_eq!(whole, lines([Some("INDEX|a|"), Some(""), Some("QUERY|b|")]));
        for first in 0..stream.len() {
            for second in first..stream.len() {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(cut(64, &parts), whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn f4_what_no_line_end_follows_is_incomplete() {
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
    fn f6_a_line_at_the_limit_is_taken_and_one_byte_more_is_not() {
        assert_eq!(cut(3, &[b"abc\nabcd\nab\n"]), lines([Some("abc"), None, Some("ab")]));
    }

    #[test]
    fn f6_a_long_line_is_reported_once_however_it_is_cut_and_the_next_line_is_read() {
        let stream = b"abcdefgh\nok\n";
        for first in 0..stream.len() {
            for second in first..stream.len() {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(cut(3, &parts), lines([None, Some("ok")]), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn f6_an_endless_line_takes_no_memory_beyond_the_limit() {
        let mut lines = Lines::new(1000);
        for _ in 0..10_000 {
            lines.next(&[b'x'; 100]);
            assert!(lines.begun.capacity() <= 2000);
        }
        assert!(lines.is_mid_frame());
    }

    #[test]
    fn a_buffer_that_grew_for_one_line_is_given_back() {
        let mut lines = Lines::new(1 << 20);
        lines.next(&vec![b'x'; 1 << 19]);
        lines.next(b"\n");
        lines.next(b"");
        assert!(lines.begun.capacity() <= KEPT_BYTES_MAX);
    }
}
