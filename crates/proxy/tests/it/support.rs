//! A client, a service, and a proxy between them.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use proxy::{Effect, InjectedFault, Kind, Proxy, ProxyOptions, Stream, Toxic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Both directions, for tests that apply to each.
pub(crate) const STREAMS: [Stream; 2] = [Stream::Upstream, Stream::Downstream];

/// The longest wait, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for a future that must complete.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("timeout while waiting for {what}"))
}

/// The faults that the observer received.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Vec<InjectedFault>>>);

impl Faults {
    pub(crate) fn all(&self) -> Vec<InjectedFault> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.all().into_iter().map(|fault| fault.effect).collect()
    }

    /// Waits until a condition on the effects holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&[Effect]) -> bool) {
        within(what, async {
            while !holds(&self.effects()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

/// A proxy before a service that the test itself controls.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) service: TcpListener,
    pub(crate) faults: Faults,
}

impl Scene {
    pub(crate) async fn new(seed: u64) -> Self {
        let service = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = service.local_addr().unwrap().to_string();
        let faults = Faults::default();
        let list = Arc::clone(&faults.0);
        let observer = Arc::new(move |fault: &InjectedFault| list.lock().unwrap().push(fault.clone()));
        let options = ProxyOptions { name: "scene".to_owned(), upstream, seed };
        Self { proxy: Proxy::start(listener, options, observer).unwrap(), service, faults }
    }

    pub(crate) fn add(&self, stream: Stream, kind: Kind) {
        self.add_with(1.0, stream, kind);
    }

    /// Adds a toxic for a fraction of all connections.
    pub(crate) fn add_with(&self, toxicity: f64, stream: Stream, kind: Kind) {
        self.proxy.add_toxic(Toxic { toxicity, ..Toxic::new(stream, kind) }).unwrap();
    }

    pub(crate) async fn client(&self) -> TcpStream {
        let client = within("a connection", TcpStream::connect(self.proxy.listen())).await.unwrap();
        client.set_nodelay(true).unwrap();
        client
    }

    /// Connects through the proxy and accepts the connection at the service.
    pub(crate) async fn connect(&self) -> Ends {
        let client = self.client().await;
        let (server, _) = within("a connection at the service", self.service.accept()).await.unwrap();
        server.set_nodelay(true).unwrap();
        Ends { client, server }
    }
}

/// The two ends of a connection through the proxy.
pub(crate) struct Ends {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
}

impl Ends {
    /// Returns the end that sends in this direction and the end that receives.
    pub(crate) fn split(self, stream: Stream) -> (End, End) {
        match stream {
            Stream::Upstream => (End(self.client), End(self.server)),
            Stream::Downstream => (End(self.server), End(self.client)),
        }
    }
}

/// One end of a connection; all its operations have a deadline.
pub(crate) struct End(pub(crate) TcpStream);

impl End {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        within("the send to complete", self.0.write_all(bytes)).await.unwrap();
    }

    pub(crate) async fn end(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    pub(crate) async fn receive(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        within("bytes", self.0.read_exact(&mut bytes)).await.unwrap();
        bytes
    }

    /// Receives the next chunk; an empty one is the end of the stream.
    pub(crate) async fn next(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 1 << 16];
        let length = within("a chunk", self.0.read(&mut bytes)).await?;
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Receives all bytes until the end of the stream.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        within("the end", self.0.read_to_end(&mut bytes)).await.unwrap();
        bytes
    }
}

/// Starts an echo service that runs until the process ends; returns its address.
pub(crate) fn echo() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    addr
}

/// Returns bytes in which neighbouring bytes differ.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|offset| u8::try_from(offset % 251).unwrap()).collect()
}

/// Asserts a minimum time; timers may be one millisecond early.
pub(crate) fn assert_took(begun: Instant, at_least: Duration) {
    let took = begun.elapsed();
    assert!(took + Duration::from_millis(1) >= at_least, "took {took:?}, less than {at_least:?}");
}
