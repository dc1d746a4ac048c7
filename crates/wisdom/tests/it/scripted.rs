//! A server of WOW/1 that runs one scripted step for each connection.
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

use crate::support::WAIT_MAX;

/// The script of one connection.
pub(crate) type Step = Box<dyn FnOnce(&mut Peer) + Send>;

/// A server that runs one step for each connection, in order. It expects exactly as many connections.
pub(crate) struct Scripted {
    addr: SocketAddr,
    is_finished: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// A connected client.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    frames: Frames,
}

impl Scripted {
    pub(crate) fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, is_finished) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let finished = Arc::clone(&is_finished);
        let thread = thread::spawn(move || {
            for (number, step) in steps.into_iter().enumerate() {
                let (stream, _) = listener.accept().unwrap();
                assert!(!finished.load(Ordering::SeqCst), "the client connected only {number} times");
                stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
                let mut peer = Peer { stream, frames: Frames::new(FRAME_BYTES_MAX) };
                step(&mut peer);
            }
            // The next connection must be the one that ends this thread.
            let _ = listener.accept().unwrap();
            assert!(finished.load(Ordering::SeqCst), "the client connected too often");
        });
        Self { addr, is_finished, thread }
    }

    /// Runs a client against the server, and checks that all steps were run.
    pub(crate) fn run(self, client: impl FnOnce(SocketAddr) -> Output) -> Output {
        let output = client(self.addr);
        self.is_finished.store(true, Ordering::SeqCst);
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
            assert!(read > 0, "the client closed the connection");
            if let (taken, Next::Frame(frame)) = self.frames.next(&chunk[..read]) {
                assert_eq!(taken, read, "the client sends one message at a time");
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

    pub(crate) fn send(&mut self, response: &Response) {
        let mut frame = Vec::new();
        response.encode(&mut frame);
        self.stream.write_all(&frame).unwrap();
    }

    /// Answers a request with a challenge, and returns the solution.
    pub(crate) fn expect_solution_of(&mut self, token: &Token) -> Solution {
        assert_eq!(self.request(), Request::Challenge);
        self.send(&Response::Challenge(Challenge::of(token)));
        let solution = self.solution();
        assert_eq!(solution.token, token.bytes());
        assert!(zero_bits(&solution.token, solution.counter) >= token.difficulty.into());
        solution
    }

    pub(crate) fn refuse(&mut self, code: Code) {
        self.send(&Response::Error(code.into()));
    }

    pub(crate) fn send_quotation(&mut self) {
        let quotation = Quotation {
            quote: "It \u{1b}is.".to_owned(),
            author: "Nobody".to_owned(),
            source: Source::Cache,
        };
        self.send(&Response::Quote(quotation));
    }
}

/// Returns the token of a challenge with a low difficulty.
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

/// Returns a step.
pub(crate) fn step(step: impl FnOnce(&mut Peer) + Send + 'static) -> Step {
    Box::new(step)
}
