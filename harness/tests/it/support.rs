//! Runs the harness, and servers written for one test each.
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

/// The tiny fixture, which ends at once.
pub(crate) const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/data/tiny.deps");

/// What a run said, and its exit status.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: i32,
}

pub(crate) fn harness(arguments: &[&str]) -> Said {
    let output = Command::cargo_bin("harness").unwrap().args(arguments).output().unwrap();
    Said {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code().unwrap(),
    }
}

/// The judgement of recorded events by the judge of a workload.
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

/// A server of the zoo with this bug, or with none.
pub(crate) fn zoo(bug: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let zoo = mutants::spawn(mutants::find(bug), listener).unwrap();
    let addr = zoo.addr();
    // It lives as long as the test.
    std::mem::forget(zoo);
    addr
}

/// One that is right.
pub(crate) const RIGHT: &str = "none";

/// The replay and nothing else; all of it, so that nobody looks first how quick the target is.
pub(crate) const REPLAY: [&str; 4] = ["--only", "index/replay", "--packages", "10000"];

/// Replays a fixture with these flags.
pub(crate) fn replay(flags: &[&str]) -> Said {
    harness(&[&REPLAY[..], flags].concat())
}

/// Replays the tiny fixture against an address, with seed 1 and these flags.
pub(crate) fn replay_tiny(addr: SocketAddr, flags: &[&str]) -> Said {
    let addr = addr.to_string();
    replay(&[&["--addr", &addr, "--fixture", TINY, "--seed", "1"], flags].concat())
}

impl Said {
    /// The output with what differs from run to run taken out; counts stay.
    pub(crate) fn redacted(&self) -> String {
        redact(&format!("{}{}exit status {}\n", self.stdout, self.stderr, self.status))
    }

    /// The same, and the requests counted too, which depend on how clients meet.
    pub(crate) fn redacted_with_counts(&self) -> String {
        let counts = [(r" +[\d,]+ \[rate\]", " [count] [rate]"), (r"[\d,]+ requests", "[count] requests")];
        replace_all(&self.redacted(), &counts)
    }
}

/// Takes out times, rates, ports and paths; never a verdict.
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

/// The first part of a history, whose events can all be read.
pub(crate) fn first_part(path: &Path) -> (Header, Vec<Event<'static>>) {
    let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
    let header = reader.next_part().unwrap().unwrap();
    let events = reader.events().map(Result::unwrap).collect();
    (header, events)
}

/// What a server does about one line.
pub(crate) enum Act {
    /// Sends these bytes.
    Say(Vec<u8>),
    /// Sends these bytes one by one.
    SayByteByByte(Vec<u8>),
    /// Sends nothing, and goes on.
    Ignore,
    /// Closes the connection.
    HangUp,
}

/// What a server knows when it decides: everything that a wrong one could get wrong.
pub(crate) struct Asked<'a> {
    /// The line, without its line end.
    pub(crate) line: &'a str,
    /// What the model says, which has taken the change already.
    pub(crate) right: Reply,
    /// How many connections were opened before this one.
    pub(crate) connection: usize,
    /// How many lines came on this connection before.
    pub(crate) number: usize,
    /// How often this line came before, on all connections.
    pub(crate) repeated: usize,
}

impl Asked<'_> {
    pub(crate) fn say_right(&self) -> Act {
        Act::Say(self.right.line().to_vec())
    }
}

pub(crate) fn say(text: &str) -> Act {
    Act::Say(text.as_bytes().to_vec())
}

type Deciding = dyn Fn(&Asked<'_>) -> Act + Send + Sync;
type Greeting = dyn Fn(&TcpStream, usize) -> bool + Send + Sync;
type Farewell = dyn Fn(&TcpStream) + Send + Sync;

/// A plain server, a thread for each connection; it lives as long as the test.
pub(crate) struct Server {
    act: Box<Deciding>,
    /// Done first on each connection, whose number it is told; false closes it.
    pub(crate) greet: Box<Greeting>,
    /// Done when the client has ended its sending half.
    pub(crate) farewell: Box<Farewell>,
}

impl Server {
    pub(crate) fn new(act: impl Fn(&Asked<'_>) -> Act + Send + Sync + 'static) -> Self {
        Self { act: Box::new(act), greet: Box::new(|_, _| true), farewell: Box::new(|_| ()) }
    }

    pub(crate) fn right() -> Self {
        let decide = |asked: &Asked<'_>| Act::Say(asked.right.line().to_vec());
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
                // What has no line end is no request.
                Ok(_) if line.pop() != Some(b'\n') => break,
                Ok(_) => {}
                Err(_) => return,
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            let asked = {
                let mut state = state.lock().unwrap();
                let right = state.model.answer(line.as_bytes());
                let seen = state.seen.entry(line.clone()).or_default();
                *seen += 1;
                Asked { line: &line, right, connection, number, repeated: *seen - 1 }
            };
            let is_said = match (self.act)(&asked) {
                Act::Say(bytes) => stream.write_all(&bytes).is_ok(),
                Act::SayByteByByte(bytes) => bytes.iter().all(|&byte| stream.write_all(&[byte]).is_ok()),
                Act::Ignore => true,
                Act::HangUp => false,
            };
            if !is_said {
                return;
            }
        }
        (self.farewell)(stream);
    }
}

#[derive(Default)]
struct State {
    model: Model,
    seen: BTreeMap<String, usize>,
}
