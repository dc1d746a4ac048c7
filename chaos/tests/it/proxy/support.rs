//! A client and a service with a proxy between them.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::future::Future;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chaos::proxy::{Effect, Fault, Kind, Options, Proxy, Stream, Toxic};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Both directions, for tests that hold in each.
pub(super) const STREAMS: [Stream; 2] = [Stream::Upstream, Stream::Downstream];

/// Longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for something that has to come.
pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// The faults that were told of.
#[derive(Clone, Default)]
pub(super) struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    pub(super) fn all(&self) -> Vec<Fault> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn effects(&self) -> Vec<Effect> {
        self.all().into_iter().map(|fault| fault.effect).collect()
    }

    /// Waits until the faults are as they have to be.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&[Effect]) -> bool) {
        within(what, async {
            while !holds(&self.effects()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

/// A service that a test plays itself, behind a proxy.
pub(super) struct Scene {
    pub(super) proxy: Proxy,
    pub(super) service: TcpListener,
    pub(super) faults: Faults,
}

impl Scene {
    pub(super) async fn new(seed: u64) -> Self {
        let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = service.local_addr().unwrap().to_string();
        let faults = Faults::default();
        let list = Arc::clone(&faults.0);
        let observer = Arc::new(move |fault: &Fault| list.lock().unwrap().push(fault.clone()));
        let options = Options { name: "scene".to_owned(), upstream, seed };
        Self { proxy: Proxy::start(listener, options, observer).unwrap(), service, faults }
    }

    pub(super) fn add(&self, stream: Stream, kind: Kind) {
        self.add_with(1.0, stream, kind);
    }

    /// Adds a toxic for a part of all connections.
    pub(super) fn add_with(&self, toxicity: f64, stream: Stream, kind: Kind) {
        self.proxy.add_toxic(Toxic { toxicity, ..Toxic::new(stream, kind) }).unwrap();
    }

    pub(super) async fn client(&self) -> TcpStream {
        let client = within("a connection", TcpStream::connect(self.proxy.listen())).await.unwrap();
        client.set_nodelay(true).unwrap();
        client
    }

    /// Connects, and takes the connection on at the service's side.
    pub(super) async fn connect(&self) -> Ends {
        let client = self.client().await;
        let (server, _) = within("the service to be reached", self.service.accept()).await.unwrap();
        server.set_nodelay(true).unwrap();
        Ends { client, server }
    }
}

/// The two ends of a connection through the proxy.
pub(super) struct Ends {
    pub(super) client: TcpStream,
    pub(super) server: TcpStream,
}

impl Ends {
    /// The end that sends in this direction, and the one that receives.
    pub(super) fn split(self, stream: Stream) -> (End, End) {
        match stream {
            Stream::Upstream => (End(self.client), End(self.server)),
            Stream::Downstream => (End(self.server), End(self.client)),
        }
    }
}

/// One end of a connection; nothing it does waits for ever.
pub(super) struct End(pub(crate) TcpStream);

impl End {
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        within("to be able to send", self.0.write_all(bytes)).await.unwrap();
    }

    pub(super) async fn end(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    pub(super) async fn receive(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        within("bytes", self.0.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    /// What comes next: a chunk, nothing for the end, or an error.
    pub(super) async fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 1 << 16];
        let length = within("something", self.0.read(&mut bytes)).await?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// All that comes until the end.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        within("the end", self.0.read_to_end(&mut bytes)).await.unwrap();
        bytes
    }
}

/// A service that sends back what it gets, as long as the process lives.
pub(super) fn echo() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    addr
}

/// The binary at work; it ends with the test.
pub(super) struct Chaos {
    process: Child,
    stdout: BufReader<ChildStdout>,
}

impl Chaos {
    pub(super) fn start(arguments: &[&str]) -> Self {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_chaos"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdout }
    }

    /// The next line that it says.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The address in its next line, which begins with this word.
    pub(super) fn addr(&mut self, word: &str) -> String {
        let line = self.line();
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some(word), "{line}");
        words.next().unwrap().to_owned()
    }

    /// Asks it to end, and brings its exit status and what it logged.
    pub(super) fn stop(mut self) -> (Option<i32>, String) {
        let process = Pid::from_child(&self.process);
        kill_process(process, Signal::TERM).unwrap();
        let mut log = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.process.wait().unwrap().code(), log)
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Bytes in which each place differs from those near it.
pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from(place % 251).unwrap()).collect()
}

/// Holds that something did not happen too early, with the millisecond that timers are off.
pub(super) fn assert_took(begun: Instant, at_least: Duration) {
    let took = begun.elapsed();
    assert!(took + Duration::from_millis(1) >= at_least, "took {took:?} and not {at_least:?}");
}
