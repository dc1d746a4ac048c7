//! The frame: `WW`, a version, a type, the payload's length as four bytes, and the payload.

use crate::{Framing, Next};

/// What every frame begins with.
pub const MAGIC: [u8; 2] = *b"WW";

/// The version that this module speaks.
pub const VERSION: u8 = 1;

/// The bytes before the payload.
pub const HEADER_BYTES: usize = 8;

/// The longest payload.
pub const PAYLOAD_BYTES_MAX: usize = 4096;

/// The longest frame.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX;

/// What a frame is, as the number in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A client wants a challenge.
    ChallengeRequest = 1,
    /// A server gives one.
    Challenge = 2,
    /// A client has solved one.
    Solution = 3,
    /// A server gives a quotation for it.
    Quote = 4,
    /// A server says what is wrong.
    Error = 5,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::ChallengeRequest, Self::Challenge, Self::Solution, Self::Quote, Self::Error];

    fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// Why a frame could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It does not begin as a frame.
    #[error("it does not begin with WW")]
    Magic,
    /// It is of a version that this module does not speak.
    #[error("version {0} is not spoken")]
    Version(u8),
    /// Its type is none.
    #[error("type {0:#04x} is none")]
    Kind(u8),
    /// Its payload is too long.
    #[error("its payload is longer than {PAYLOAD_BYTES_MAX} bytes")]
    TooLong,
    /// It is of a type that the other side may not send.
    #[error("type {} does not go this way", *.0 as u8)]
    Direction(Kind),
    /// Its payload is not as it has to be.
    #[error("{0}")]
    Payload(&'static str),
}

/// Splits a frame into its kind and its payload.
///
/// # Errors
/// Its header is wrong, or the payload is not whole.
pub fn parse(frame: &[u8]) -> Result<(Kind, &[u8]), Malformed> {
    let header = frame.get(..HEADER_BYTES).unwrap_or(frame);
    check_begin(header)?;
    let [_, _, _, number, a, b, c, d] = *header else { return Err(Malformed::Magic) };
    let kind = Kind::of(number).ok_or(Malformed::Kind(number))?;
    let payload = &frame[HEADER_BYTES..];
    match u32::from_be_bytes([a, b, c, d]) as usize {
        PAYLOAD_BYTES_MAX.. if payload.len() != PAYLOAD_BYTES_MAX => Err(Malformed::TooLong),
        length if length != payload.len() => Err(Malformed::Payload("the payload is not whole")),
        _ => Ok((kind, payload)),
    }
}

/// Appends a frame. A payload beyond [`PAYLOAD_BYTES_MAX`] makes a frame that nobody takes.
pub fn write(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, kind as u8]);
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(payload);
}

/// Whether what has come of a header can become one.
fn check_begin(header: &[u8]) -> Result<(), Malformed> {
    if !header.iter().zip(&MAGIC).all(|(one, other)| one == other) {
        return Err(Malformed::Magic);
    }
    match header.get(2) {
        Some(&version) if version != VERSION => Err(Malformed::Version(version)),
        _ => Ok(()),
    }
}

/// Frames, header and payload together.
///
/// After a header that is wrong nobody knows where the next one begins: it is handed out as soon as it is seen to be
/// wrong, with a little of what came with it, and all that follows is thrown away.
#[derive(Debug)]
pub struct Frames {
    frame_bytes_max: usize,
    /// What has come of a frame that is not whole; its memory grows with what comes, never with what is announced.
    begun: Vec<u8>,
    /// `begun` was handed out and is to be emptied.
    is_taken: bool,
    /// A header was wrong.
    is_lost: bool,
}

/// How much is handed out of what comes with a wrong header.
const SHOWN_BYTES: usize = 16;

/// What is known of a frame by its first bytes.
enum Outlook {
    /// It has so many bytes in all.
    Long(usize),
    /// So few bytes do not say.
    Open,
    /// The header is wrong.
    Wrong,
    /// It is longer than allowed.
    TooLong,
}

impl Frames {
    /// Frames of at most so many bytes, the header counted.
    #[must_use]
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max, begun: Vec::new(), is_taken: false, is_lost: false }
    }

    fn outlook(&self, begun: &[u8]) -> Outlook {
        let header = begun.get(..HEADER_BYTES).unwrap_or(begun);
        if check_begin(header).is_err() {
            return Outlook::Wrong;
        }
        let [_, _, _, number, a, b, c, d] = *header else { return Outlook::Open };
        if Kind::of(number).is_none() {
            return Outlook::Wrong;
        }
        match (u32::from_be_bytes([a, b, c, d]) as usize).checked_add(HEADER_BYTES) {
            Some(bytes) if bytes <= self.frame_bytes_max => Outlook::Long(bytes),
            _ => Outlook::TooLong,
        }
    }
}

impl Framing for Frames {
    fn next<'a>(&'a mut self, input: &'a [u8]) -> (usize, Next<'a>) {
        if self.is_taken {
            self.is_taken = false;
            self.begun = Vec::new();
        }
        if self.is_lost {
            return (input.len(), Next::Incomplete);
        }
        // A frame that lies there whole is handed out where it lies.
        if self.begun.is_empty()
            && let Outlook::Long(bytes) = self.outlook(input)
            && bytes <= input.len()
        {
            return (bytes, Next::Frame(&input[..bytes]));
        }
        let mut taken = 0;
        loop {
            // The header byte by byte, so that what is wrong is seen in the same place however the stream was cut.
            let wanted = match self.outlook(&self.begun) {
                Outlook::Long(bytes) => bytes,
                Outlook::Open => self.begun.len() + 1,
                Outlook::Wrong => {
                    (self.is_taken, self.is_lost) = (true, true);
                    // A little of what follows tells what is spoken instead.
                    self.begun
                        .extend(input[taken..].iter().take(SHOWN_BYTES.saturating_sub(self.begun.len())));
                    return (input.len(), Next::Frame(&self.begun));
                }
                Outlook::TooLong => {
                    (self.is_taken, self.is_lost) = (true, true);
                    return (taken, Next::TooLong);
                }
            };
            if self.begun.len() == wanted {
                self.is_taken = true;
                return (taken, Next::Frame(&self.begun));
            }
            let part = &input[taken..][..(wanted - self.begun.len()).min(input.len() - taken)];
            if part.is_empty() {
                return (taken, Next::Incomplete);
            }
            self.begun.extend_from_slice(part);
            taken += part.len();
        }
    }

    fn is_mid_frame(&self) -> bool {
        !self.partial().is_empty()
    }

    fn partial(&self) -> &[u8] {
        if self.is_taken { &[] } else { &self.begun }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `chunks` one after the other and collects what comes out; `None` is a frame that was too long.
    fn cut(chunks: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
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

    fn check_every_cut(stream: &[u8], expected: &[Option<&[u8]>]) {
        let expected: Vec<Option<Vec<u8>>> = expected.iter().map(|frame| frame.map(<[u8]>::to_vec)).collect();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(cut(&parts), expected, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_frame_is_the_same_however_it_is_cut() {
        let (one, other) = (b"WW\x01\x01\0\0\0\x02{}", b"WW\x01\x03\0\0\0\x01x");
        check_every_cut(&[&one[..], other, b"WW\x01"].concat(), &[Some(one), Some(other)]);
        check_every_cut(b"WW\x01\x01\0\0\0\0", &[Some(b"WW\x01\x01\0\0\0\0")]);
    }

    #[test]
    fn a_wrong_header_is_handed_out_at_once_and_ends_all() {
        for (stream, wrong) in [
            (&b"WX\x01\x01\0\0\0\x02{}"[..], Malformed::Magic),
            (b"GET / HTTP/1.1", Malformed::Magic),
            (b"WW\x02\x01\0\0\0\x02{}", Malformed::Version(2)),
            (b"WW\x01\x7f\0\0\0\x02{}", Malformed::Kind(0x7f)),
        ] {
            for at in 0..stream.len() {
                let found = cut(&[&stream[..at], &stream[at..]]);
                let [Some(frame)] = &found[..] else { panic!("{found:?}") };
                assert_eq!(parse(frame), Err(wrong), "cut at {at}");
            }
        }
        assert_eq!(cut(&[b"HTTP/1.1 400 Bad Request"]), [Some(b"HTTP/1.1 400 Bad".to_vec())]);
    }

    #[test]
    fn a_length_beyond_the_limit_is_told_before_anything_of_the_payload() {
        for length in [4097_u32, u32::MAX] {
            let header = [b"WW\x01\x01", &length.to_be_bytes()[..]].concat();
            check_every_cut(&header, &[None]);
        }
        let frame = [b"WW\x01\x01\0\0\x10\0", &[b' '; 4096][..]].concat();
        assert_eq!(cut(&[&frame]), [Some(frame.clone())]);
    }

    #[test]
    fn what_is_announced_takes_no_memory() {
        let mut frames = Frames::new(FRAME_BYTES_MAX);
        frames.next(b"WW\x01\x01\0\0\x10\0x");
        assert!(frames.begun.capacity() <= 64, "{}", frames.begun.capacity());
    }

    #[test]
    fn what_was_written_is_parsed() {
        let mut frame = Vec::new();
        write(Kind::Solution, b"{}", &mut frame);
        assert_eq!(parse(&frame), Ok((Kind::Solution, &b"{}"[..])));
        assert_eq!(parse(b"XX"), Err(Malformed::Magic));
        assert_eq!(parse(b"WW\x07"), Err(Malformed::Version(7)));
        assert_eq!(parse(b"WW\x01\x09\0\0\0\0"), Err(Malformed::Kind(9)));
        assert_eq!(parse(b"WW\x01\x01\0\0\x10\x01"), Err(Malformed::TooLong));
        assert_eq!(parse(b"WW\x01\x01\0\0\0\x01"), Err(Malformed::Payload("the payload is not whole")));
    }
}
