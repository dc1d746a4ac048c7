//! Quotations with outside sources that answer correctly, incorrectly, or not at all.
#![cfg(feature = "sources")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use protocol::wisdom::messages::Source as From;

use super::failure::Failure;
use super::source::Source;
use super::*;

/// Time limit of each wait.
const WAIT_MAX: Duration = Duration::from_secs(30);

const GOOD: &str = r#"{"quote":"Q","author":"A"}"#;

/// The reaction of a source to a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Body(&'static str),
    Status500,
    TenMegabytes,
    /// A head longer than the limit.
    LongHead,
    ToItself,
    Nothing,
    Close,
}

/// A source on a free port; dropping it ends it.
struct Outside {
    addr: SocketAddr,
    /// One item for each received request.
    requests: Receiver<()>,
    /// The reaction to further requests.
    answer: Arc<Mutex<Answer>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Outside {
    fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        let (answer, is_over) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicBool::new(false)));
        let (current, over) = (Arc::clone(&answer), Arc::clone(&is_over));
        let thread = thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                read_head(&stream);
                let _ = sender.send(());
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
        self.requests.recv_timeout(WAIT_MAX).unwrap();
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // The thread checks the flag after each connection.
        let _ = TcpStream::connect(self.addr);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn read_head(stream: &TcpStream) {
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    stream.set_write_timeout(Some(WAIT_MAX)).unwrap();
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
    // The client may close the connection before the end.
    let _ = stream.write_all(text.as_bytes());
}

#[track_caller]
fn wait_until(mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < WAIT_MAX, "the condition did not become true");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Settings whose circuits open at the third failure and stay open during a test.
fn settings(sources: &[&Outside]) -> Settings {
    Settings {
        urls: sources.iter().map(|source| source.url()).collect(),
        prefetch_max: 4,
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
fn without_sources_the_collection_is_used_in_turn() {
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
fn fetched_quotations_are_returned_first_and_then_cached() {
    let outside = Outside::start(Answer::Body(GOOD));
    let quotations = started(Settings { prefetch_max: 2, ..settings(&[&outside]) });
    wait_until(|| !quotations.shared.lock().has_room());
    *outside.answer.lock().unwrap() = Answer::Nothing;
    let sources: Vec<From> = (0..4).map(|_| quotations.take().source).collect();
    assert_eq!(sources, [From::Api, From::Api, From::Cache, From::Cache]);
    assert_eq!(quotations.counts()[0].label, format!("http://{}", outside.addr));
    assert!(!format!("{quotations:?} {:?}", settings(&[&outside])).contains("secret"));
}

#[test]
fn taking_a_quotation_does_not_wait_for_a_hanging_source() {
    let outside = Outside::start(Answer::Nothing);
    let quotations = started(Settings { fetch_timeout: WAIT_MAX, ..settings(&[&outside]) });
    outside.await_request();
    for _ in 0..100 {
        assert_eq!(quotations.take().source, From::Fallback);
    }
    // The single fetch is still running.
    let counts = &quotations.counts()[0];
    assert_eq!((counts.fetched_total, counts.failed_total), (0, 0));
    assert!(outside.requests.try_recv().is_err());
}

#[test]
fn each_failure_has_its_error() {
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
        // Only the hanging source may fail by a timeout.
        let is_silent = matches!(answer, Answer::Nothing);
        let timeout = if is_silent { Duration::from_millis(50) } else { WAIT_MAX };
        let failure = Source::new(outside.url(), timeout).fetch().unwrap_err();
        assert!(is_expected(&failure), "{answer:?}: {failure:?}");
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let failure = Source::new(format!("http://{nobody}/"), WAIT_MAX).fetch().unwrap_err();
    assert!(matches!(failure, Failure::Io(_)), "{failure:?}");
}

#[test]
fn an_https_source_does_not_accept_plain_http() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let plain = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        reply(&stream, Answer::Body(GOOD));
        let _ = (&stream).read_to_end(&mut Vec::new());
    });
    let failure = Source::new(url, WAIT_MAX).fetch().unwrap_err();
    assert!(matches!(failure, Failure::Io(_) | Failure::Protocol), "{failure:?}");
    plain.join().unwrap();
}

#[test]
fn a_failing_source_is_skipped_for_the_next_one() {
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
fn a_recovered_source_is_used_again() {
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
fn the_thread_ends_when_the_quotations_are_dropped() {
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

/// A panic of the thread does not remain unnoticed.
#[test]
fn a_panic_of_the_thread_is_reported() {
    let outside = Outside::start(Answer::Body(GOOD));
    // A pause whose end no clock can represent.
    let quotations = started(Settings { fetch_pause: Duration::MAX, ..settings(&[&outside]) });
    let is_reported = async {
        quotations.await_panic().await;
        true
    };
    let is_late = async {
        smol::Timer::after(WAIT_MAX).await;
        false
    };
    assert!(smol::block_on(smol::future::or(is_reported, is_late)));
    assert_eq!(quotations.take().source, From::Api, "the stock stays usable");
}
