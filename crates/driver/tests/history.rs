//! Tests: a history is read as it was written, as far as it is complete, and reading takes bounded memory.
#![expect(clippy::unwrap_used, reason = "a failing test panics with the message")]

use std::borrow::Cow;
use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use driver::history::{
    Ending, Event, EventKind, Failure, FailureKind, Header, LINE_BYTES_MAX, Params, Reader, VERSION, Writer,
};

fn header(workload: &str) -> Header {
    Header {
        history: VERSION,
        workload: workload.into(),
        params: Params::default().with("seed", 7),
        plan_sha256: "ab".into(),
    }
}

/// The content of a history as it was read: header and events of each part, the error, and whether it is truncated.
#[derive(Debug, Default, PartialEq)]
struct ReadBack {
    parts: Vec<(Header, Vec<Event<'static>>)>,
    error: Option<String>,
    is_truncated: bool,
}

impl ReadBack {
    fn event_count(&self) -> usize {
        self.parts.iter().map(|(_, events)| events.len()).sum()
    }
}

fn read_back(bytes: impl Read) -> ReadBack {
    let mut read = ReadBack::default();
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return ReadBack { error: Some(error.to_string()), ..read },
    };
    loop {
        match reader.next_part() {
            Ok(Some(header)) => read.parts.push((header, Vec::new())),
            Ok(None) => break,
            Err(error) => {
                read.error = Some(error.to_string());
                break;
            }
        }
        let (_, events) = read.parts.last_mut().unwrap();
        for event in reader.events() {
            match event {
                Ok(event) => events.push(event),
                Err(error) => read.error = Some(error.to_string()),
            }
        }
    }
    read.is_truncated = reader.is_truncated();
    read
}

fn events(count: u64, bytes: &'static [u8]) -> Vec<Event<'static>> {
    let failure = Failure { kind: FailureKind::Refused, message: "connection \"refüsed\"".into() };
    let kinds = [
        EventKind::Phase(1),
        EventKind::Opened(0),
        EventKind::NotOpened(failure.clone()),
        EventKind::Sent(Cow::Borrowed(bytes)),
        EventKind::Received(Cow::Borrowed(b"OK\n")),
        EventKind::Ended,
        EventKind::Lost(failure),
        EventKind::TimedOut { waited_ns: 10, late_ns: 1 },
        EventKind::Acted { act: driver::moves::Act::BeginCondition(3), is_done: true },
        EventKind::Closed,
    ];
    let event = |at_ns| {
        let kind = usize::try_from(at_ns).unwrap() % kinds.len();
        Event { at_ns, client: 3, connection: 9, event: kinds[kind].clone() }
    };
    let last = Event { at_ns: count, client: 0, connection: 0, event: EventKind::RunEnded(Ending::TimeOver) };
    (0..count).map(event).chain([last]).collect()
}

/// One byte of every kind that is escaped differently.
const ALL_BYTES: &[u8] = b"INDEX|a|b\n\r\t\\\"'\x00\x01\x1b\x7f\x80\xc3\xbc\xff{}:,";

fn written(parts: &[(Header, Vec<Event<'_>>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (header, events) in parts {
        writer.begin(header).unwrap();
        for event in events {
            writer.write(event).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn as_lines(compressed: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    GzDecoder::new(compressed).read_to_end(&mut lines).unwrap();
    lines
}

/// A history of two parts.
fn two_parts() -> Vec<(Header, Vec<Event<'static>>)> {
    vec![(header("index/cases"), events(30, ALL_BYTES)), (header("index/replay"), events(25, b"QUERY|a|\n"))]
}

#[test]
fn a_history_is_read_as_it_was_written_compressed_or_not() {
    let parts = two_parts();
    let compressed = written(&parts);
    let whole = ReadBack { parts, error: None, is_truncated: false };
    assert_eq!(read_back(&compressed[..]), whole);
    let lines = as_lines(&compressed);
    assert_eq!(read_back(&lines[..]), whole);
    assert_eq!(read_back(lines.trim_ascii_end()), whole, "the last line may have no end");
    assert!(compressed.len() * 3 < lines.len(), "{} of {} bytes", compressed.len(), lines.len());
}

/// Truncates a history at every byte. The events read are a prefix of all events, and a later cut never yields fewer.
fn cut_everywhere(bytes: &[u8], parts: &[(Header, Vec<Event<'_>>)]) {
    let mut before = 0;
    for end in 0..=bytes.len() {
        let read = read_back(&bytes[..end]);
        let error = (end == 0).then(|| "is empty".to_owned());
        assert_eq!(read.error, error, "cut at {end}");
        for (at, ((header, events), (whole_header, whole_events))) in read.parts.iter().zip(parts).enumerate()
        {
            assert_eq!(header, whole_header);
            assert!(whole_events.starts_with(events), "cut at {end}");
            assert!(events.len() == whole_events.len() || at + 1 == read.parts.len(), "cut at {end}");
        }
        assert!(read.event_count() >= before, "cut at {end}");
        before = read.event_count();
        let is_whole = read.parts.len() == parts.len() && before == read_back(bytes).event_count();
        assert!(is_whole || read.is_truncated || end == 0 || ends_a_part(&bytes[..end]), "cut at {end}");
    }
    let whole = read_back(bytes);
    assert_eq!((whole.parts.as_slice(), whole.is_truncated), (parts, false));
}

/// Returns whether the bytes end with a complete part; such a file of lines looks complete.
fn ends_a_part(bytes: &[u8]) -> bool {
    let last = bytes.strip_suffix(b"\n").unwrap_or(bytes).rsplit(|&byte| byte == b'\n').next().unwrap();
    last.ends_with(br#""event":{"run_ended":"time_over"}}"#)
}

#[test]
fn a_truncated_history_is_read_up_to_its_last_complete_event() {
    let parts = two_parts();
    let compressed = written(&parts);
    cut_everywhere(&compressed, &parts);
    cut_everywhere(&as_lines(&compressed), &parts);
}

/// A killed run loses at most the events after the last flush.
#[test]
fn an_unfinished_history_lacks_only_its_last_events() {
    let of_part = events(5000, b"INDEX|a-package-of-some-length|its-dependency,and-another\n");
    let mut writer = Writer::new(Vec::new());
    writer.begin(&header("index/replay")).unwrap();
    for event in &of_part {
        writer.write(event).unwrap();
    }
    let finished = writer.finish().unwrap();
    let line_bytes = as_lines(&finished).len() / of_part.len();
    // Truncated within the last block: all earlier blocks are complete.
    let read = read_back(&finished[..finished.len() - 20]);
    assert!(read.is_truncated && read.error.is_none());
    let lost = of_part.len() - read.event_count();
    assert!(lost * line_bytes <= 2 * (64 << 10), "{lost} events are missing");
}

#[test]
fn a_file_that_is_not_a_history_is_a_clear_error() {
    let error = |text: &str| read_back(text.as_bytes()).error.unwrap();
    assert_eq!(error(""), "is empty");
    assert!(error("a: b\n").starts_with("is not a history: line 1 is not a header: "));
    assert!(error("\n").starts_with("is not a history: line 1 is not a header: "));
    let older = serde_json::to_string(&Header { history: VERSION - 1, ..header("a") }).unwrap();
    assert_eq!(error(&older), "has format version 4; this program reads version 5");
    let bad_event = format!("{}\n{{}}\n", serde_json::to_string(&header("a")).unwrap());
    assert!(error(&bad_event).starts_with("is damaged: line 2 is not an event: "));
    let mut other = GzEncoder::new(Vec::new(), Compression::fast());
    other.write_all(b"something else\n").unwrap();
    let other = other.finish().unwrap();
    assert!(read_back(&other[..]).error.unwrap().starts_with("is not a history: line 1 is not a header: "));
}

/// Covers endless input, uncompressed and compressed.
#[test]
fn an_endless_line_is_rejected_before_memory_is_exhausted() {
    let endless = std::io::repeat(b'x').take(1 << 40);
    assert_eq!(read_back(endless).error.unwrap(), "is not a history: line 1 is longer than 16777216 bytes");
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    let zeros = vec![b'0'; 1 << 20];
    (0..20).for_each(|_| bomb.write_all(&zeros).unwrap());
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    assert_eq!(read_back(&bomb[..]).error.unwrap(), "is not a history: line 1 is longer than 16777216 bytes");
}

#[test]
fn a_line_that_is_too_long_to_be_read_is_not_written() {
    let mut writer = Writer::new(Vec::new());
    writer.begin(&header("a")).unwrap();
    let sent = EventKind::Sent(vec![0; LINE_BYTES_MAX / 4].into());
    let event = Event { at_ns: 0, client: 0, connection: 1, event: sent };
    assert_eq!(writer.write(&event).unwrap_err().to_string(), "an event is too long for a history");
}

proptest! {
    /// Reading arbitrary bytes terminates without a panic.
    #[test]
    fn arbitrary_bytes_are_read_or_rejected(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        keep in any::<bool>(),
    ) {
        let parts = vec![(header("index/replay"), events(20, ALL_BYTES))];
        let mut history = written(&parts);
        if keep {
            history = as_lines(&history);
        }
        let at = at.index(history.len());
        history.splice(at..(at + bytes.len() / 8).min(history.len()), bytes.iter().copied());
        read_back(&history[..]);
        read_back(Cursor::new(bytes));
    }
}
