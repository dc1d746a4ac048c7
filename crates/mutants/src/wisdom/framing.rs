//! Splits a stream of bytes into frames. Each header is checked as far as it has arrived.

use protocol::wisdom::frames::{HEADER_BYTES, MAGIC, PAYLOAD_BYTES_MAX, VERSION};
use protocol::wisdom::messages::Code;

use super::catalogue::{Defect, Defects};

/// The result of parsing the next frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Frame {
        kind: u8,
        payload: Vec<u8>,
    },
    /// More bytes are needed.
    Incomplete,
    /// The header is invalid, so the start of the next frame is unknown.
    Invalid(Code),
    /// The header is invalid, and a defect closes the connection without an error.
    CloseSilently,
}

pub(super) struct FrameParser {
    defects: Defects,
    /// Received bytes that are not parsed yet.
    buffer: Vec<u8>,
    /// The number of payload bytes skipped by a defect that waits for a payload beyond the limit.
    skipped_bytes: usize,
    /// Memory that a defect allocates for a declared length.
    allocated: Vec<u8>,
}

const ALLOCATED_BYTES_MAX: usize = 64 << 20;

impl FrameParser {
    pub(super) fn new(defects: Defects) -> Self {
        Self { defects, buffer: Vec::new(), skipped_bytes: 0, allocated: Vec::new() }
    }

    /// Appends the bytes of one read.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    pub(super) fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Returns the next frame. Remaining bytes are parsed again after the next read.
    pub(super) fn next(&mut self) -> Parsed {
        let parsed = self.parse_next();
        if parsed == Parsed::Incomplete && self.is_mid_frame() && self.defects.has(Defect::FrameMustComeWhole)
        {
            return Parsed::Invalid(Code::MalformedFrame);
        }
        parsed
    }

    fn parse_next(&mut self) -> Parsed {
        let has_magic = self.buffer.iter().zip(&MAGIC).all(|(one, other)| one == other);
        if !has_magic && !self.defects.has(Defect::MagicNotLookedAt) {
            return Parsed::Invalid(Code::MalformedFrame);
        }
        let has_version = self.buffer.get(2).is_none_or(|&version| version == VERSION);
        if !has_version && !self.defects.has(Defect::VersionNotLookedAt) {
            return Parsed::Invalid(Code::UnsupportedVersion);
        }
        let Some(&[_, _, _, kind, a, b, c, d]) = self.buffer.first_chunk::<HEADER_BYTES>() else {
            return Parsed::Incomplete;
        };
        if !(1..=5).contains(&kind) {
            let is_silent = self.defects.has(Defect::UnknownTypeClosesSilently);
            return if is_silent { Parsed::CloseSilently } else { Parsed::Invalid(Code::UnknownType) };
        }
        let payload_bytes = u32::from_be_bytes([a, b, c, d]) as usize;
        if payload_bytes > PAYLOAD_BYTES_MAX {
            return self.reject_length(payload_bytes);
        }
        if self.buffer.len() < HEADER_BYTES + payload_bytes {
            return Parsed::Incomplete;
        }
        let rest = self.buffer.split_off(HEADER_BYTES + payload_bytes);
        let payload = self.buffer.split_off(HEADER_BYTES);
        self.buffer = if self.defects.has(Defect::SecondFrameOfASegmentLost) { Vec::new() } else { rest };
        Parsed::Frame { kind, payload }
    }

    fn reject_length(&mut self, payload_bytes: usize) -> Parsed {
        match self.defects.get() {
            Some(Defect::WaitsForTheAnnouncedPayload) => {
                self.skipped_bytes += self.buffer.len() - HEADER_BYTES;
                self.buffer.truncate(HEADER_BYTES);
                if self.skipped_bytes < payload_bytes {
                    return Parsed::Incomplete;
                }
            }
            // Pages of zeros that are never written would take no memory.
            Some(Defect::AllocatesTheAnnouncedLength) => {
                self.allocated = vec![1; payload_bytes.min(ALLOCATED_BYTES_MAX)];
            }
            _ => {}
        }
        Parsed::Invalid(Code::FrameTooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a stream that arrives in parts.
    fn parse_parts(defects: Defects, parts: &[&[u8]]) -> Vec<Parsed> {
        let mut parser = FrameParser::new(defects);
        let mut found = Vec::new();
        for part in parts {
            parser.push(part);
            loop {
                match parser.next() {
                    Parsed::Incomplete => break,
                    Parsed::Invalid(code) => {
                        found.push(Parsed::Invalid(code));
                        return found;
                    }
                    parsed => found.push(parsed),
                }
            }
        }
        found
    }

    #[test]
    fn frames_do_not_depend_on_segment_boundaries() {
        let stream = b"WW\x01\x01\0\0\0\x02{}WW\x01\x03\0\0\0\0WW\x01\x05\0\0\x10\x01";
        let expected = [
            Parsed::Frame { kind: 1, payload: b"{}".to_vec() },
            Parsed::Frame { kind: 3, payload: Vec::new() },
            Parsed::Invalid(Code::FrameTooLarge),
        ];
        for at in 0..=stream.len() {
            let (first, second) = stream.split_at(at);
            assert_eq!(parse_parts(Defects::of(None), &[first, second]), expected, "split at {at}");
        }
    }
}
