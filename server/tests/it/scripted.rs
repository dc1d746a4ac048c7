//! A server of WOW/1 that does what a test tells it to, a step for each connection.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use protocol::wisdom::frames::{FRAME_BYTES_MAX, Frames};
use protocol::wisdom::messages::{Challenge, Code, Quotation, Request, Response, Solution, Source};
use protocol::wisdom::proof::zero_bits;
use protocol::wisdom::token::{ALGORITHM, Token, VERSION};
use protocol::{Framing, Next};

use crate::support::PATIENCE;

/// What is done on one connection.
pub(crate) type Step = Box<dyn FnOnce(&mut Peer) + Send>;

/// A server that does one step for each connection, in order, and takes no more and no fewer.
pub(crate) struct Scripted {
    addr: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// A client that has connected.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    frames: Frames,
}

impl Scripted {
    pub(crate) fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, is_over) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            for (number, step) in steps.into_iter().enumerate() {
                let (stream, _) = listener.accept().unwrap();
                assert!(!over.load(Ordering::SeqCst), "the client connected {number} times only");
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                let mut peer = Peer { stream, frames: Frames::new(FRAME_BYTES_MAX) };
                step(&mut peer);
            }
            // Whoever comes now comes once too often, but for the one that says that it is over.
            let _ = listener.accept().unwrap();
            assert!(over.load(Ordering::SeqCst), "the client connected once more");
        });
        Self { addr, is_over, thread }
    }

    /// Runs a client against its address, and holds that all steps were done.
    pub(crate) fn run(self, client: impl FnOnce(SocketAddr) -> Output) -> Output {
        let output = client(self.addr);
        self.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        if let Err(panic) = self.thread.join() {
            panic!("{panic:?}; the client: {output:?}");
        }
        output
    }
}

impl Peer {
    pub(crate) fn request(&mut self) -> Request {
        let mut chunk = [0; 4096];
        loop {
            let read = self.stream.read(&mut chunk).unwrap();
            assert!(read > 0, "it ended");
            if let (taken, Next::Frame(frame)) = self.frames.next(&chunk[..read]) {
                assert_eq!(taken, read, "it says one thing at a time");
                return Request::decode(frame).unwrap();
            }
        }
    }

    pub(crate) fn solution(&mut self) -> Solution {
        match self.request() {
            Request::Solution(solution) => solution,
            request @ Request::Challenge => panic!("{request:?}"),
        }
    }

    pub(crate) fn say(&mut self, response: &Response) {
        let mut frame = Vec::new();
        response.encode(&mut frame);
        self.stream.write_all(&frame).unwrap();
    }

    /// Gives a challenge for a request, and brings the solution.
    pub(crate) fn sell(&mut self, token: &Token) -> Solution {
        assert_eq!(self.request(), Request::Challenge);
        self.say(&Response::Challenge(Challenge::of(token)));
        let solution = self.solution();
        assert_eq!(solution.token, token.bytes());
        assert!(zero_bits(&solution.token, solution.counter) >= token.difficulty.into());
        solution
    }

    pub(crate) fn refuse(&mut self, code: Code) {
        self.say(&Response::Error(code.into()));
    }

    pub(crate) fn give(&mut self) {
        let quotation = Quotation {
            quote: "It \u{1b}is.".to_owned(),
            author: "Nobody".to_owned(),
            source: Source::Cache,
        };
        self.say(&Response::Quote(quotation));
    }
}

/// What an easy challenge says.
pub(crate) fn token(seed: u8) -> Token {
    Token {
        version: VERSION,
        algorithm: ALGORITHM,
        difficulty: 6,
        key_id: 0,
        issued_ms: 1_000,
        ttl_ms: 600_000,
        nonce: [seed; 16],
        tag: [seed; 32],
    }
}

/// A step of whatever is to be done.
pub(crate) fn step(step: impl FnOnce(&mut Peer) + Send + 'static) -> Step {
    Box::new(step)
}
