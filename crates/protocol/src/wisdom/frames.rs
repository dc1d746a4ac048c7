//! Frames: `WW`, a version, a type, the length of the payload in four bytes, and the payload.

use crate::{Framing, Next};

/// The first bytes of each frame.
pub const MAGIC: [u8; 2] = *b"WW";

/// The supported version.
pub const VERSION: u8 = 1;

/// The length of a header, in bytes.
pub const HEADER_BYTES: usize = 8;

/// The maximum length of a payload, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 4096;

/// The maximum length of a frame with its header, in bytes.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX;

/// The type of a frame. The discriminant is the number in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A client requests a challenge.
    ChallengeRequest = 1,
    /// A server issues a challenge.
    Challenge = 2,
    /// A client submits a solution.
    Solution = 3,
    /// A server returns a quotation.
    Quote = 4,
    /// A server reports an error.
    Error = 5,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::ChallengeRequest, Self::Challenge, Self::Solution, Self::Quote, Self::Error];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The reason why a frame is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The frame does not begin with [`MAGIC`].
    #[error("the frame does not begin with WW")]
    Magic,
    /// The version is not supported.
    #[error("version {0} is not supported")]
    Version(u8),
    /// The type is unknown.
    #[error("type {0:#04x} is unknown")]
    Kind(u8),
    /// The payload is longer than [`PAYLOAD_BYTES_MAX`].
    #[error("the payload is longer than {PAYLOAD_BYTES_MAX} bytes")]
    TooLong,
    /// The other side may not send this type.
    #[error("type {} is sent only in the other direction", *.0 as u8)]
    Direction(Kind),
    /// The payload is invalid, for the given reason.
    #[error("{0}")]
    Payload(&'static str),
}

/// Splits a frame into its type and its payload.
///
/// # Errors
/// Fails if the header is invalid or the payload is incomplete.
pub(super) fn parse(frame: &[u8]) -> Result<(Kind, &[u8]), Malformed> {
    let header = frame.get(..HEADER_BYTES).unwrap_or(frame);
    check_prefix(header)?;
    let [_, _, _, number, a, b, c, d] = *header else { return Err(Malformed::Magic) };
    let kind = Kind::from_number(number).ok_or(Malformed::Kind(number))?;
    let payload = &frame[HEADER_BYTES..];
    match u32::from_be_bytes([a, b, c, d]) as usize {
        PAYLOAD_BYTES_MAX.. if payload.len() != PAYLOAD_BYTES_MAX => Err(Malformed::TooLong),
        length if length != payload.len() => Err(Malformed::Payload("the payload is incomplete")),
        _ => Ok((kind, payload)),
    }
}

/// Appends a frame. Peers reject a frame whose payload is longer than [`PAYLOAD_BYTES_MAX`].
pub fn write(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, kind as u8]);
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(payload);
}

/// Checks the available bytes of a header.
fn check_prefix(header: &[u8]) -> Result<(), Malformed> {
    if !header.iter().zip(&MAGIC).all(|(one, other)| one == other) {
        return Err(Malformed::Magic);
    }
    match header.get(2) {
        Some(&version) if version != VERSION => Err(Malformed::Version(version)),
        _ => Ok(()),
    }
}

/// Framing of frames with their headers.
///
/// After an invalid header, the start of the next frame is unknown. An invalid header is returned as soon as it is
/// recognized, with at most 16 bytes in all. All further bytes are skipped.
#[derive(Debug)]
pub struct Frames {
    frame_bytes_max: usize,
    /// The buffered bytes of an incomplete frame. Its memory grows with the received bytes, not with the declared
    /// length.
    buffer: Vec<u8>,
    /// Whether `buffer` was returned and must be cleared.
    is_taken: bool,
    /// Whether a header was invalid, so that all further bytes are skipped.
    is_skipping: bool,
}

/// The number of bytes that are returned of an invalid frame.
const INVALID_BYTES_MAX: usize = 16;

/// The length of a frame, as far as its first bytes determine it.
enum Extent {
    /// The length of the frame, in bytes.
    Bytes(usize),
    /// The header is incomplete.
    Incomplete,
    /// The header is invalid.
    Invalid,
    /// The frame is longer than the limit.
    TooLong,
}

impl Frames {
    /// Creates a framing with a maximum frame length in bytes, including the header.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max, buffer: Vec::new(), is_taken: false, is_skipping: false }
    }

    fn extent(&self, buffer: &[u8]) -> Extent {
        let header = buffer.get(..HEADER_BYTES).unwrap_or(buffer);
        if check_prefix(header).is_err() {
            return Extent::Invalid;
        }
        let [_, _, _, number, a, b, c, d] = *header else { return Extent::Incomplete };
        if Kind::from_number(number).is_none() {
            return Extent::Invalid;
        }
        match (u32::from_be_bytes([a, b, c, d]) as usize).checked_add(HEADER_BYTES) {
            Some(bytes) if bytes <= self.frame_bytes_max => Extent::Bytes(bytes),
            _ => Extent::TooLong,
        }
    }
}

impl Framing for Frames {
    fn next<'a>(&'a mut self, input: &'a [u8]) -> (usize, Next<'a>) {
        if self.is_taken {
            self.is_taken = false;
            self.buffer = Vec::new();
        }
        if self.is_skipping {
            return (input.len(), Next::Incomplete);
        }
        // A complete frame is returned without a copy.
        if self.buffer.is_empty()
            && let Extent::Bytes(bytes) = self.extent(input)
            && bytes <= input.len()
        {
            return (bytes, Next::Frame(&input[..bytes]));
        }
        let mut taken = 0;
        loop {
            // The header is read byte by byte, so that an error is recognized at the same place for all segment
            // boundaries.
            let wanted = match self.extent(&self.buffer) {
                Extent::Bytes(bytes) => bytes,
                Extent::Incomplete => self.buffer.len() + 1,
                Extent::Invalid => {
                    (self.is_taken, self.is_skipping) = (true, true);
                    // The bytes after the header can show which protocol the peer uses.
                    self.buffer.extend(
                        input[taken..].iter().take(INVALID_BYTES_MAX.saturating_sub(self.buffer.len())),
                    );
                    return (input.len(), Next::Frame(&self.buffer));
                }
                Extent::TooLong => {
                    (self.is_taken, self.is_skipping) = (true, true);
                    return (taken, Next::TooLong);
                }
            };
            if self.buffer.len() == wanted {
                self.is_taken = true;
                return (taken, Next::Frame(&self.buffer));
            }
            let part = &input[taken..][..(wanted - self.buffer.len()).min(input.len() - taken)];
            if part.is_empty() {
                return (taken, Next::Incomplete);
            }
            self.buffer.extend_from_slice(part);
            taken += part.len();
        }
    }

    fn is_mid_frame(&self) -> bool {
        !self.partial().is_empty()
    }

    fn partial(&self) -> &[u8] {
        if self.is_taken { &[] } else { &self.buffer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `chunks` one after the other and collects the frames; `None` stands for a frame that is too long.
    fn split(chunks: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let mut frames = Frames::new(FRAME_BYTES_MAX);
        let mut found = Vec::new();
        for chunk in chunks {
            let mut at = 0;
            loop {
                let (taken, next) = frames.next(&chunk[at..]);
                at += taken;
                match next {
                    Next::Frame(frame) => found.push(Some(frame.to_vec())),
                    Next::TooLong => found.push(None),
                    Next::Incomplete => break,
                }
            }
            assert_eq!(at, chunk.len(), "Incomplete takes all of its input");
        }
        found
    }

    fn check_every_split(stream: &[u8], expected: &[Option<&[u8]>]) {
        let expected: Vec<Option<Vec<u8>>> = expected.iter().map(|frame| frame.map(<[u8]>::to_vec)).collect();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(split(&parts), expected, "split at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_frame_does_not_depend_on_segment_boundaries() {
        let (one, other) = (b"WW\x01\x01\0\0\0\x02{}", b"WW\x01\x03\0\0\0\x01x");
        check_every_split(&[&one[..], other, b"WW\x01"].concat(), &[Some(one), Some(other)]);
        check_every_split(b"WW\x01\x01\0\0\0\0", &[Some(b"WW\x01\x01\0\0\0\0")]);
    }

    #[test]
    fn an_invalid_header_is_returned_at_once_and_ends_the_stream() {
        for (stream, wrong) in [
            (&b"WX\x01\x01\0\0\0\x02{}"[..], Malformed::Magic),
            (b"GET / HTTP/1.1", Malformed::Magic),
            (b"WW\x02\x01\0\0\0\x02{}", Malformed::Version(2)),
            (b"WW\x01\x7f\0\0\0\x02{}", Malformed::Kind(0x7f)),
        ] {
            for at in 0..stream.len() {
                let found = split(&[&stream[..at], &stream[at..]]);
                let [Some(frame)] = &found[..] else { panic!("{found:?}") };
                assert_eq!(parse(frame), Err(wrong), "split at {at}");
            }
        }
        assert_eq!(split(&[b"HTTP/1.1 400 Bad Request"]), [Some(b"HTTP/1.1 400 Bad".to_vec())]);
    }

    #[test]
    fn a_length_beyond_the_limit_is_reported_before_the_payload() {
        for length in [4097_u32, u32::MAX] {
            let header = [b"WW\x01\x01", &length.to_be_bytes()[..]].concat();
            check_every_split(&header, &[None]);
        }
        let frame = [b"WW\x01\x01\0\0\x10\0", &[b' '; 4096][..]].concat();
        assert_eq!(split(&[&frame]), [Some(frame.clone())]);
    }

    #[test]
    fn a_declared_length_takes_no_memory() {
        let mut frames = Frames::new(FRAME_BYTES_MAX);
        frames.next(b"WW\x01\x01\0\0\x10\0x");
        assert!(frames.buffer.capacity() <= 64, "{}", frames.buffer.capacity());
    }

    #[test]
    fn parsing_reverses_writing() {
        let mut frame = Vec::new();
        write(Kind::Solution, b"{}", &mut frame);
        assert_eq!(parse(&frame), Ok((Kind::Solution, &b"{}"[..])));
        assert_eq!(parse(b"XX"), Err(Malformed::Magic));
        assert_eq!(parse(b"WW\x07"), Err(Malformed::Version(7)));
        assert_eq!(parse(b"WW\x01\x09\0\0\0\0"), Err(Malformed::Kind(9)));
        assert_eq!(parse(b"WW\x01\x01\0\0\x10\x01"), Err(Malformed::TooLong));
        assert_eq!(parse(b"WW\x01\x01\0\0\0\x01"), Err(Malformed::Payload("the payload is incomplete")));
    }
}
