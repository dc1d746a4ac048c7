//! What happened in a run: every opening, every chunk sent and received, every end, with its time.
//!
//! A history holds all that a judge may look at. On disk it is JSON lines: for each part of the run a header, then an
//! event a line; bytes are written as text, with `\n`, `\\` and `\xff` for what is none.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::drive::Ending;
use crate::moves::{Act, Slot};

/// The version of the form on disk.
pub const VERSION: u32 = 3;

/// The first line of a history on disk: what was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`VERSION`] of the kit that wrote it.
    pub history: u32,
    /// The workload's id, such as `index/replay`.
    pub workload: String,
    /// What the plan was made from, by the names of the flags.
    pub options: BTreeMap<String, String>,
    /// The hash of the plan, in hex digits.
    pub plan_sha256: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event<'a> {
    /// Nanoseconds since the run began: of a sending taken before the write, of all else after it happened.
    pub at_ns: u64,
    /// Which client, from 0.
    pub client: u32,
    /// Which connection, from 1 in the order of the openings; 0 where there is none.
    pub connection: u32,
    /// What happened.
    pub event: What<'a>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What<'a> {
    /// The client met the others, and began this phase.
    Phase(u32),
    /// A connection was opened, in this slot of the client.
    Opened(Slot),
    /// A connection could not be opened.
    NotOpened(Failure),
    /// Bytes were handed to the system.
    #[serde(with = "escaped")]
    Sent(Cow<'a, [u8]>),
    /// Bytes came.
    #[serde(with = "escaped")]
    Received(Cow<'a, [u8]>),
    /// The target ended its sending half.
    Ended,
    /// The connection broke.
    Lost(Failure),
    /// A reply did not come in time.
    TimedOut {
        /// How long it was awaited.
        waited_ns: u64,
        /// How much later than planned the harness noticed: much means that it was itself held up.
        late_ns: u64,
    },
    /// Requests were sent over and over; their replies are not looked at.
    Flooded {
        /// How much the target took.
        bytes: u64,
        /// Whether it took no more at the end, though there was more.
        has_stalled: bool,
    },
    /// The connection was to end, and did not.
    StayedOpen {
        /// How long that was awaited.
        waited_ns: u64,
    },
    /// The client closed the connection.
    Closed,
    /// The client reset the connection.
    Reset,
    /// A part of the client's plan begins.
    Marked(u32),
    /// What the target's process took of its machine.
    Sampled(Sample),
    /// Something was done to the target's process.
    Acted {
        /// What.
        act: Act,
        /// Whether it could be done.
        is_done: bool,
    },
    /// The client made its last move.
    ClientDone,
    /// The run ended; the last event of a history that is whole.
    RunEnded(Ending),
}

/// What a process takes of its machine, its children included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Open descriptors.
    pub descriptors: u64,
    /// Memory that is its own: neither shared with others nor backed by files.
    pub memory_bytes: u64,
    /// Threads.
    pub threads: u64,
}

/// Why an opening or a connection failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault it is, as far as the error tells.
    pub kind: FailureKind,
    /// What the system said.
    pub message: String,
}

/// The kinds of failures that are judged differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The target's machine says that nothing listens.
    Refused,
    /// No answer within the limit.
    TimedOut,
    /// This machine ran out of descriptors or ports: never the target's fault.
    OutOfResources,
    /// Anything else, most often a reset.
    Other,
}

/// Why a history on disk cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file itself.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// A line of it.
    #[error("line {line} of the history: {source}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It was written by another version.
    #[error("the history has version {0}; this kit reads version {VERSION}")]
    Version(u32),
}

/// Writes a history, an event at a time.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// A history without any part yet.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    /// Begins a part.
    ///
    /// # Errors
    /// The header cannot be written.
    pub fn begin(&mut self, header: &Header) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, header)?;
        self.out.write_all(b"\n")
    }

    /// Adds an event.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, event: &Event<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, event)?;
        self.out.write_all(b"\n")
    }

    /// Brings everything to its place.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Reads the next part of a history: its header, then its events as they are asked for, up to the one that says how
/// it ended. Lines are counted from the header.
///
/// # Errors
/// The header cannot be read, or is of another version.
pub fn read(
    input: impl BufRead,
) -> Result<(Header, impl Iterator<Item = Result<Event<'static>, ReadError>>), ReadError> {
    let mut lines = input.lines().zip(1..);
    let parse = |(text, line): (io::Result<String>, usize)| Ok::<_, ReadError>((text?, line));
    let (first, line) = parse(lines.next().unwrap_or((Ok(String::new()), 1)))?;
    let header: Header = serde_json::from_str(&first).map_err(|source| ReadError::Line { line, source })?;
    if header.history != VERSION {
        return Err(ReadError::Version(header.history));
    }
    let mut has_ended = false;
    let events = std::iter::from_fn(move || {
        if has_ended {
            return None;
        }
        let event = parse(lines.next()?).and_then(|(text, line)| {
            serde_json::from_str::<Event<'static>>(&text).map_err(|source| ReadError::Line { line, source })
        });
        has_ended = matches!(&event, Ok(Event { event: What::RunEnded(_), .. }));
        Some(event)
    });
    Ok((header, events))
}

pub(crate) use escaped::unescape;

/// Bytes as text that says every byte.
mod escaped {
    use std::borrow::Cow;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&bytes.escape_ascii())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Cow<'static, [u8]>, D::Error> {
        let text = String::deserialize(deserializer)?;
        unescape(text.as_bytes()).map(Cow::Owned).ok_or_else(|| D::Error::custom("an escape that is none"))
    }

    /// The way back from [`slice::escape_ascii`].
    pub(crate) fn unescape(mut text: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(text.len());
        loop {
            text = match text {
                [] => return Some(bytes),
                [b'\\', b'x', high, low, rest @ ..] => {
                    let digit = |byte: &u8| char::from(*byte).to_digit(16);
                    bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                    rest
                }
                [b'\\', escape, rest @ ..] => {
                    bytes.push(match escape {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        b'\\' | b'\'' | b'"' => *escape,
                        _ => return None,
                    });
                    rest
                }
                [b'\\'] => return None,
                [byte, rest @ ..] => {
                    bytes.push(*byte);
                    rest
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            history: VERSION,
            workload: "index/replay".into(),
            options: BTreeMap::from([("seed".into(), "7".into())]),
            plan_sha256: "ab".into(),
        }
    }

    #[test]
    fn a_history_is_read_as_it_was_written() {
        let all_bytes: Vec<u8> = (0..=255).collect();
        let failure = Failure { kind: FailureKind::Refused, message: "connection \"refused\"".into() };
        let events: Vec<Event<'_>> = [
            What::Phase(1),
            What::Opened(0),
            What::NotOpened(failure.clone()),
            What::Sent(Cow::Borrowed(&all_bytes)),
            What::Received(Cow::Borrowed(b"OK\n")),
            What::Ended,
            What::Lost(failure),
            What::TimedOut { waited_ns: 10, late_ns: 1 },
            What::Closed,
            What::RunEnded(Ending::TimeOver),
        ]
        .into_iter()
        .zip(1..)
        .map(|(event, at_ns)| Event { at_ns, client: 3, connection: 9, event })
        .collect();

        let mut writer = Writer::new(Vec::new());
        writer.begin(&header()).unwrap();
        for event in &events {
            writer.write(event).unwrap();
        }
        let text = writer.finish().unwrap();
        let (read_header, read_events) = read(&text[..]).unwrap();
        assert_eq!(read_header, header());
        assert_eq!(read_events.map(Result::unwrap).collect::<Vec<_>>(), events);
    }

    #[test]
    fn what_is_no_history_is_a_clear_error() {
        let error = |text: &str| read(text.as_bytes()).map(|_| ()).unwrap_err().to_string();
        assert!(error("").starts_with("line 1 of the history:"));
        assert!(error("a: b\n").starts_with("line 1 of the history:"));
        let newer = serde_json::to_string(&Header { history: VERSION + 1, ..header() }).unwrap();
        assert_eq!(error(&newer), "the history has version 4; this kit reads version 3");
        let bad_event = format!("{}\n{{}}\n", serde_json::to_string(&header()).unwrap());
        let first = read(bad_event.as_bytes()).unwrap().1.next().unwrap().unwrap_err().to_string();
        assert!(first.starts_with("line 2 of the history:"), "{first}");
    }
}
