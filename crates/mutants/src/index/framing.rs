//! Splits a stream of bytes into lines, independently of the segments in which they arrive.

use std::mem;
use std::time::{Duration, Instant};

use super::catalogue::{Defect, Defects};

/// The length of the longest accepted line, in bytes, without its line end.
const LINE_BYTES_MAX: usize = 128 * 1024;

/// One line of input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A complete line, without its line end.
    Complete(Vec<u8>),
    /// A line that gets `ERROR` without being parsed. A line that is too long is reported as soon as it exceeds the
    /// limit.
    Rejected,
}

impl Line {
    /// Returns whether it may change the index.
    pub(super) fn may_change(&self) -> bool {
        matches!(self, Self::Complete(line) if !line.starts_with(b"QUERY"))
    }
}

/// Splits bytes into lines and keeps the incomplete line at their end.
#[derive(Debug)]
pub(super) struct LineSplitter {
    defects: Defects,
    partial_line: Vec<u8>,
    /// The current line exceeded the limit: its remaining bytes are discarded.
    is_skipping: bool,
    /// The arrival time of the first byte of the incomplete line. Only a defect needs it.
    begun_at: Option<Instant>,
}

impl LineSplitter {
    pub(super) fn new(defects: Defects) -> Self {
        Self { defects, partial_line: Vec::new(), is_skipping: false, begun_at: None }
    }

    /// Returns the lines that the bytes of one read complete.
    pub(super) fn split(&mut self, bytes: &[u8]) -> Vec<Line> {
        if self.defects.has(Defect::ReadIsALine) {
            return vec![Line::Complete(bytes.strip_suffix(b"\n").unwrap_or(bytes).to_vec())];
        }
        let mut lines = Vec::new();
        let defects = self.defects;
        for part in bytes.split_inclusive(|&byte| is_line_end(byte, defects)) {
            let (part, is_end) = match part {
                [part @ .., last] if is_line_end(*last, defects) => (part, true),
                _ => (part, false),
            };
            self.add(part, &mut lines);
            if is_end {
                lines.extend(self.end_line());
            }
        }
        match self.defects.get() {
            Some(Defect::LineOverTwoReadsLost) => self.partial_line.clear(),
            Some(Defect::FirstLineOfAReadOnly) if !lines.is_empty() => {
                lines.truncate(1);
                self.partial_line.clear();
            }
            Some(Defect::SlowLineRefused) => {
                self.begun_at = self.is_mid_line().then(|| self.begun_at.unwrap_or_else(Instant::now));
            }
            _ => {}
        }
        lines
    }

    /// Returns whether a line has begun and not ended.
    pub(super) fn is_mid_line(&self) -> bool {
        self.is_skipping || !self.partial_line.is_empty()
    }

    /// Removes and returns the incomplete line; empty if there is none.
    pub(super) fn take_partial_line(&mut self) -> Vec<u8> {
        mem::take(&mut self.partial_line)
    }

    pub(super) fn set_partial_line(&mut self, partial_line: Vec<u8>) {
        self.partial_line = partial_line;
    }

    fn add(&mut self, mut part: &[u8], lines: &mut Vec<Line>) {
        if self.is_skipping {
            return;
        }
        if self.defects.has(Defect::LongLineInTwo) {
            while let Some((fitting, rest)) = part.split_at_checked((64 << 10) - self.partial_line.len())
                && !rest.is_empty()
            {
                self.partial_line.extend_from_slice(fitting);
                lines.push(Line::Complete(self.take_partial_line()));
                part = rest;
            }
        }
        if self.partial_line.len() + part.len() <= self.line_bytes_max() {
            self.partial_line.extend_from_slice(part);
            return;
        }
        self.partial_line = Vec::new();
        self.is_skipping = true;
        if !self.defects.has(Defect::LongLineIgnored) {
            lines.push(Line::Rejected);
        }
    }

    /// Ends the current line. Returns it unless it was already rejected.
    fn end_line(&mut self) -> Option<Line> {
        let begun_at = self.begun_at.take();
        if mem::take(&mut self.is_skipping) {
            return None;
        }
        let mut line = self.take_partial_line();
        match self.defects.get() {
            Some(Defect::CarriageReturnDropped) if line.ends_with(b"\r") => {
                line.pop();
            }
            Some(Defect::CarriageReturnRefused) if line.ends_with(b"\r") => return Some(Line::Rejected),
            Some(Defect::SlowLineRefused) if begun_at.is_some_and(is_long_ago) => {
                return Some(Line::Rejected);
            }
            _ => {}
        }
        Some(Line::Complete(line))
    }

    fn line_bytes_max(&self) -> usize {
        match self.defects.get() {
            Some(Defect::LineLimit4096) => 4096,
            Some(Defect::NoLineLimit) => usize::MAX,
            _ => LINE_BYTES_MAX,
        }
    }
}

fn is_line_end(byte: u8, defects: Defects) -> bool {
    byte == b'\n' || defects.has(Defect::ControlBytesEndLines) && matches!(byte, 0x0b | 0x0c | 0x1c..=0x1e)
}

fn is_long_ago(begun_at: Instant) -> bool {
    begun_at.elapsed() > Duration::from_millis(20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(text: &str) -> Line {
        Line::Complete(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_do_not_depend_on_segment_boundaries() {
        let bytes = b"one\n\nthree\nrest";
        for first in 0..bytes.len() {
            for second in first..bytes.len() {
                let mut splitter = LineSplitter::new(Defects::of(None));
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let lines: Vec<Line> = parts.iter().flat_map(|part| splitter.split(part)).collect();
                assert_eq!(
                    lines,
                    [complete("one"), complete(""), complete("three")],
                    "split at {first} and {second}"
                );
                assert_eq!(splitter.take_partial_line(), b"rest");
            }
        }
    }

    #[test]
    fn a_line_over_the_limit_is_rejected_once_and_skipped() {
        let mut splitter = LineSplitter::new(Defects::of(None));
        let at_limit = [&vec![b'x'; LINE_BYTES_MAX][..], b"\n"].concat();
        assert_eq!(splitter.split(&at_limit), [Line::Complete(vec![b'x'; LINE_BYTES_MAX])]);
        assert_eq!(splitter.split(&vec![b'x'; LINE_BYTES_MAX + 1]), [Line::Rejected]);
        assert!(splitter.is_mid_line() && splitter.take_partial_line().is_empty());
        assert_eq!(splitter.split(b"more"), []);
        assert_eq!(splitter.split(b"end\nnext\n"), [complete("next")]);
        assert!(!splitter.is_mid_line());
    }
}
