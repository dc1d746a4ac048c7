//! The quotations against sources that answer well, badly, or not at all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use protocol::wisdom::messages::Source as From;

use super::source::{Failure, Source};
use super::*;

/// How long a condition is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

const GOOD: &str = r#"{"quote":"Q","author":"A"}"#;

/// What a source does once it has a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Body(&'static str),
    Status500,
    TenMegabytes,
    /// More of a head than anybody wants.
    LongHead,
    ToItself,
    Nothing,
    Close,
}

/// A source on a free port. It ends with its value.
struct Outside {
    addr: SocketAddr,
    /// Something for each request that has come.
    requests: Receiver<()>,
    /// What it does from now on.
    answer: Arc<Mutex<Answer>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Outside {
    fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (told, requests) = channel();
        let (answer, is_over) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicBool::new(false)));
        let (current, over) = (Arc::clone(&answer), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                read_head(&stream);
                let _ = told.send(());
                let answer = *current.lock().unwrap();
                match answer {
                    Answer::Nothing => silent.push(stream),
                    answer => reply(&stream, answer),
                }
            }
        });
        Self { addr, requests, answer, is_over, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}/random?key=secret", self.addr)
    }

    fn await_request(&self) {
        self.requests.recv_timeout(PATIENCE).unwrap();
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // It looks when somebody comes.
        let _ = TcpStream::connect(self.addr);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn read_head(stream: &TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).for_each(drop);
}

fn reply(mut stream: &TcpStream, answer: Answer) {
    let head = |status: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n")
    };
    let text = match answer {
        Answer::Body(body) => format!("{}\r\n{body}", head("200 OK", body.len())),
        Answer::Status500 => format!("{}\r\n{GOOD}", head("500 Oh", GOOD.len())),
        Answer::TenMegabytes => format!("{}\r\n{}", head("200 OK", 10 << 20), " ".repeat(10 << 20)),
        Answer::LongHead => format!("{}x: {}\r\n\r\n{GOOD}", head("200 OK", GOOD.len()), "x".repeat(1 << 20)),
        Answer::ToItself => format!("{}location: /random\r\n\r\n", head("302 Found", 0)),
        Answer::Nothing | Answer::Close => return,
    };
    // Whoever has enough closes.
    let _ = stream.write_all(text.as_bytes());
}

#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it did not become so");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A circuit that opens at the third failure, and does not close while a test runs.
fn settings(sources: &[&Outside]) -> Settings {
    Settings {
        urls: sources.iter().map(|source| source.url()).collect(),
        stock_max: 4,
        fetch_pause: Duration::ZERO,
        circuit: Circuit { open_first: Duration::from_hours(1), ..Circuit::default() },
        ..Settings::default()
    }
}

fn started(settings: Settings) -> Arc<Quotations> {
    let quotations = Quotations::new(settings);
    quotations.start().unwrap();
    quotations
}

#[test]
fn without_sources_the_collection_does_and_each_has_its_turn() {
    let quotations = started(Settings::default());
    let all = quotations.embedded.len();
    let first: Vec<Quotation> = (0..all).map(|_| quotations.take()).collect();
    let second: Vec<Quotation> = (0..all).map(|_| quotations.take()).collect();
    assert_eq!(first, second);
    assert!(first.iter().all(|quotation| quotation.source == From::Fallback));
    assert_ne!(first[0], first[1]);
    assert_eq!(quotations.counts(), []);
}

#[test]
fn what_was_fetched_is_given_first_then_given_again() {
    let outside = Outside::start(Answer::Body(GOOD));
    let quotations = started(Settings { stock_max: 2, ..settings(&[&outside]) });
    wait_until(|| !quotations.shared.lock().has_room());
    *outside.answer.lock().unwrap() = Answer::Nothing;
    let sources: Vec<From> = (0..4).map(|_| quotations.take().source).collect();
    assert_eq!(sources, [From::Api, From::Api, From::Cache, From::Cache]);
    assert_eq!(quotations.counts()[0].label, format!("http://{}", outside.addr));
    assert!(!format!("{quotations:?} {:?}", settings(&[&outside])).contains("secret"));
}

#[test]
fn nobody_waits_for_a_source_that_hangs() {
    let outside = Outside::start(Answer::Nothing);
    let quotations = started(Settings { fetch_timeout: PATIENCE, ..settings(&[&outside]) });
    outside.await_request();
    for _ in 0..100 {
        assert_eq!(quotations.take().source, From::Fallback);
    }
    // The one fetch is still under way.
    let counts = &quotations.counts()[0];
    assert_eq!((counts.fetched_total, counts.failed_total), (0, 0));
    assert!(outside.requests.try_recv().is_err());
}

#[test]
fn each_failure_has_its_cause() {
    type IsExpected = fn(&Failure) -> bool;
    let cases: [(Answer, IsExpected); 8] = [
        (Answer::Body("{\"quote\":"), |failure| matches!(failure, Failure::Answer(_))),
        (Answer::Body("{\"quote\":\"\"}"), |failure| matches!(failure, Failure::Answer(_))),
        (Answer::Status500, |failure| matches!(failure, Failure::Status(500))),
        (Answer::TenMegabytes, |failure| matches!(failure, Failure::TooLong)),
        (Answer::LongHead, |failure| matches!(failure, Failure::Protocol)),
        (Answer::ToItself, |failure| matches!(failure, Failure::Redirects)),
        (Answer::Nothing, |failure| matches!(failure, Failure::Timeout(_))),
        (Answer::Close, |failure| matches!(failure, Failure::Io(_) | Failure::Protocol)),
    ];
    for (answer, is_expected) in cases {
        let outside = Outside::start(answer);
        // The one that hangs is given up soon; no other is to be given up for that.
        let is_silent = matches!(answer, Answer::Nothing);
        let timeout = if is_silent { Duration::from_millis(50) } else { PATIENCE };
        let failure = Source::new(outside.url(), timeout).fetch().unwrap_err();
        assert!(is_expected(&failure), "{answer:?}: {failure:?}");
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = Source::new(format!("http://{nobody}/"), PATIENCE).fetch().unwrap_err();
    assert!(matches!(failure, Failure::Io(_)), "{failure:?}");
}

#[test]
fn what_was_asked_for_in_secret_is_not_taken_in_the_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let plain = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        reply(&stream, Answer::Body(GOOD));
        let _ = (&stream).read_to_end(&mut Vec::new());
    });
    let failure = Source::new(url, PATIENCE).fetch().unwrap_err();
    assert!(matches!(failure, Failure::Io(_) | Failure::Protocol), "{failure:?}");
    plain.join().unwrap();
}

#[test]
fn a_source_that_fails_is_left_alone_and_the_next_one_is_asked() {
    for answer in [
        Answer::Body("<html>"),
        Answer::Status500,
        Answer::TenMegabytes,
        Answer::ToItself,
        Answer::Nothing,
        Answer::Close,
    ] {
        let (bad, good) = (Outside::start(answer), Outside::start(Answer::Body(GOOD)));
        let fetch_timeout = Duration::from_millis(500);
        let quotations = started(Settings { fetch_timeout, ..settings(&[&bad, &good]) });
        wait_until(|| !quotations.shared.lock().has_room());
        assert_eq!(quotations.take().source, From::Api, "{answer:?}");
        let counts = quotations.counts();
        assert_eq!((counts[0].fetched_total, counts[0].failed_total), (0, 3), "{answer:?}");
        assert!(counts[1].fetched_total >= 4, "{answer:?}");
    }
}

#[test]
fn a_source_that_recovers_is_used_again() {
    let outside = Outside::start(Answer::Status500);
    let open = Duration::from_millis(1);
    let circuit = Circuit { open_first: open, open_max: open, ..Circuit::default() };
    let quotations = started(Settings { circuit, ..settings(&[&outside]) });
    wait_until(|| quotations.counts()[0].failed_total >= 5);
    assert_eq!(quotations.take().source, From::Fallback);
    *outside.answer.lock().unwrap() = Answer::Body(GOOD);
    wait_until(|| quotations.take().source == From::Api);
}

#[test]
fn the_thread_ends_when_nobody_can_ask_any_more() {
    let (full, open) = (Outside::start(Answer::Body(GOOD)), Outside::start(Answer::Status500));
    let with_full = started(settings(&[&full]));
    wait_until(|| !with_full.shared.lock().has_room());
    let with_open = started(settings(&[&open]));
    wait_until(|| with_open.counts()[0].failed_total == 3);
    let clone = Arc::clone(&with_full);
    let threads = [&with_full, &with_open].map(|quotations| Arc::downgrade(&quotations.shared));
    drop((with_full, with_open));
    wait_until(|| threads[1].upgrade().is_none());
    assert!(threads[0].upgrade().is_some());
    drop(clone);
    wait_until(|| threads[0].upgrade().is_none());
}
