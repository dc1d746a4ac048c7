//! Runs of the harness, and servers for single tests.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use assert_cmd::Command;

use conformance::workload::{Judgement, Workload};
use driver::exchanges::ExchangeReader;
use driver::history::{Event, EventKind, Header, Reader};
use protocol::index::model::Model;
use protocol::index::wire::Reply;

/// The tiny fixture, whose replay takes little time.
pub(crate) const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/data/tiny.deps");

/// The output of a run and its exit status.
#[derive(Debug)]
pub(crate) struct HarnessOutput {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: i32,
}

pub(crate) fn harness(arguments: &[&str]) -> HarnessOutput {
    let output = Command::cargo_bin("harness").unwrap().args(arguments).output().unwrap();
    HarnessOutput {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code().unwrap(),
    }
}

/// Judges recorded events with the judge of a workload.
pub(crate) fn rejudge(workload: &dyn Workload, header: &Header, events: &[Event<'_>]) -> Judgement {
    let mut plan = workload.plan(&header.params).unwrap();
    assert_eq!(plan.sha256, header.plan_sha256);
    let mut exchanges = ExchangeReader::new(plan.framing);
    let mut ending = None;
    for event in events {
        if let EventKind::RunEnded(how) = event.event {
            ending = Some(how);
        }
        plan.judge.observe_event(event);
        exchanges.observe(event, |observation| plan.judge.observe(&observation));
    }
    plan.judge.finish(ending, &|| false)
}

/// Starts a server of the zoo with this mutation, or a correct one.
pub(crate) fn zoo(bug: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let zoo = mutants::index::spawn(mutants::index::find(bug), listener).unwrap();
    let addr = zoo.addr();
    // The server lives as long as the test process.
    std::mem::forget(zoo);
    addr
}

/// The name under which [`zoo`] starts a correct server.
pub(crate) const CORRECT: &str = "none";

/// The flags of a complete replay without the other workloads. With a number of packages, the pace is not measured.
pub(crate) const REPLAY: [&str; 4] = ["--only", "index/replay", "--packages", "10000"];

/// Replays a fixture with these flags.
pub(crate) fn replay(flags: &[&str]) -> HarnessOutput {
    harness(&[&REPLAY[..], flags].concat())
}

/// Replays the tiny fixture against an address, with seed 1 and these flags.
pub(crate) fn replay_tiny(addr: SocketAddr, flags: &[&str]) -> HarnessOutput {
    let addr = addr.to_string();
    replay(&[&["--addr", &addr, "--fixture", TINY, "--seed", "1"], flags].concat())
}

impl HarnessOutput {
    /// Returns the output without the parts that differ between runs. Counts remain.
    pub(crate) fn redacted(&self) -> String {
        redact(&format!("{}{}exit status {}\n", self.stdout, self.stderr, self.status))
    }

    /// Returns the same without the numbers of requests, which depend on the timing of the clients.
    pub(crate) fn redacted_with_counts(&self) -> String {
        let counts = [(r" +[\d,]+ \[rate\]", " [count] [rate]"), (r"[\d,]+ requests", "[count] requests")];
        replace_all(&self.redacted(), &counts)
    }
}

/// Replaces times, rates, ports and paths, but never a verdict.
fn redact(text: &str) -> String {
    let figures = [
        (r"127\.0\.0\.1:\d+", "[addr]"),
        (r"127\.0\.0\.1 \d+", "[host and port]"),
        (r" +[\d.]+ (µs|ms|s)\b", " [time]"),
        (r"\([\d,]+ per second\)", "([rate] per second)"),
        (r"( [\d,]+) +[\d,]+( \[time\]){4}", "$1 [rate] [time] [time] [time] [time]"),
        (concat!(env!("CARGO_MANIFEST_DIR"), "/.."), "[project]"),
    ];
    replace_all(text, &figures)
}

fn replace_all(text: &str, patterns: &[(&str, &str)]) -> String {
    patterns.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex_lite::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

/// Returns the header and the events of the first part of a history.
pub(crate) fn first_part(path: &Path) -> (Header, Vec<Event<'static>>) {
    let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
    let header = reader.next_part().unwrap().unwrap();
    let events = reader.events().map(Result::unwrap).collect();
    (header, events)
}

/// The reaction of a server to a line.
pub(crate) enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one by one.
    SendByteByByte(Vec<u8>),
    /// Sends nothing and reads the next line.
    Ignore,
    /// Closes the connection.
    Close,
}

/// A received line, with everything on which the reaction of a server can depend.
pub(crate) struct ReceivedLine<'a> {
    /// The line, without its line end.
    pub(crate) line: &'a str,
    /// The reply of the model, which has already applied the request.
    pub(crate) correct_reply: Reply,
    /// The number of earlier connections.
    pub(crate) connection: usize,
    /// The number of earlier lines on this connection.
    pub(crate) number: usize,
    /// The number of earlier occurrences of this line, on all connections.
    pub(crate) repeated: usize,
}

impl ReceivedLine<'_> {
    pub(crate) fn correct_act(&self) -> Act {
        Act::Send(self.correct_reply.line().to_vec())
    }
}

pub(crate) fn send(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

type Deciding = dyn Fn(&ReceivedLine<'_>) -> Act + Send + Sync;
type Greeting = dyn Fn(&TcpStream, usize) -> bool + Send + Sync;
type AtEnd = dyn Fn(&TcpStream) + Send + Sync;

/// A simple server with one thread per connection. It lives as long as the test process.
pub(crate) struct Server {
    act: Box<Deciding>,
    /// Called first on each connection, with the number of the connection. `false` closes the connection.
    pub(crate) greet: Box<Greeting>,
    /// Called when the client has ended its sending half.
    pub(crate) at_end: Box<AtEnd>,
}

impl Server {
    pub(crate) fn new(act: impl Fn(&ReceivedLine<'_>) -> Act + Send + Sync + 'static) -> Self {
        Self { act: Box::new(act), greet: Box::new(|_, _| true), at_end: Box::new(|_| ()) }
    }

    pub(crate) fn correct() -> Self {
        let decide = |received: &ReceivedLine<'_>| Act::Send(received.correct_reply.line().to_vec());
        Self::new(decide)
    }

    pub(crate) fn start(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        self.start_on(listener);
        addr
    }

    pub(crate) fn start_on(self, listener: TcpListener) {
        let server = Arc::new((self, Mutex::new(State::default())));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let server = Arc::clone(&server);
                let Ok(stream) = stream else { return };
                thread::spawn(move || {
                    let (behaviour, state) = &*server;
                    if (behaviour.greet)(&stream, connection) {
                        behaviour.serve(&stream, connection, state);
                    }
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
    }

    fn serve(&self, mut stream: &TcpStream, connection: usize, state: &Mutex<State>) {
        stream.set_nodelay(true).unwrap();
        let mut lines = BufReader::new(stream);
        for number in 0.. {
            let mut line = Vec::new();
            match lines.read_until(b'\n', &mut line) {
                // Bytes without a line end are not a request.
                Ok(_) if line.pop() != Some(b'\n') => break,
                Ok(_) => {}
                Err(_) => return,
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            let received = {
                let mut state = state.lock().unwrap();
                let correct_reply = state.model.answer(line.as_bytes());
                let seen = state.seen.entry(line.clone()).or_default();
                *seen += 1;
                ReceivedLine { line: &line, correct_reply, connection, number, repeated: *seen - 1 }
            };
            let is_sent = match (self.act)(&received) {
                Act::Send(bytes) => stream.write_all(&bytes).is_ok(),
                Act::SendByteByByte(bytes) => bytes.iter().all(|&byte| stream.write_all(&[byte]).is_ok()),
                Act::Ignore => true,
                Act::Close => false,
            };
            if !is_sent {
                return;
            }
        }
        (self.at_end)(stream);
    }
}

#[derive(Default)]
struct State {
    model: Model,
    seen: BTreeMap<String, usize>,
}

/// Returns how often a test repeats its runs: once or a few times for a pull request, more often in `cargo ci full`.
pub(crate) fn repetitions(of_pull_request: u32, of_full: u32) -> u32 {
    if is_full() { of_full } else { of_pull_request }
}

/// Whether `cargo ci full` runs the test.
pub(crate) fn is_full() -> bool {
    std::env::var_os("GAUNTLET_REPETITIONS").is_some_and(|value| value == "all")
}
