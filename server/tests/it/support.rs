//! A server in this process, on a free port, with a clock that a test can advance.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use server::clock::Clock;
use server::limits::Limits;
use server::listener::{Ending, Parts, serve};
use server::service::Service;
use server::service::index::{Capacity, IndexService};
use server::telemetry::NoTelemetry;
use smol::channel::{Receiver, Sender, bounded};
use smol::{Async, Executor, Timer};

/// Time limit of each wait: longer than a slow machine needs.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) const LINE_BYTES_MAX: usize = 64 * 1024;

/// The monotonic clock with an offset that a test can increase.
#[derive(Clone)]
pub(crate) struct TestClock {
    offset: Arc<Mutex<Duration>>,
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant::now() + *self.offset.lock().unwrap()
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.now() + duration;
        while self.now() < end {
            Timer::after(Duration::from_millis(1).min(duration)).await;
        }
    }
}

pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    pub(crate) clock: TestClock,
    stop: Sender<()>,
    thread: Option<JoinHandle<Ending>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(Limits::default())
    }

    pub(crate) fn start_with(limits: Limits) -> Self {
        Self::start_serving(limits, |_| IndexService::new(LINE_BYTES_MAX, Capacity::default()))
    }

    /// Starts a server with any service.
    pub(crate) fn start_serving<S: Service>(
        limits: Limits,
        build: impl FnOnce(TestClock) -> S + Send + 'static,
    ) -> Self {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let addr = listener.get_ref().local_addr().unwrap();
        let clock = TestClock { offset: Arc::default() };
        let (stop, stopped): (_, Receiver<()>) = bounded(2);
        let thread = std::thread::spawn({
            let clock = clock.clone();
            move || {
                let executor = Arc::new(Executor::new());
                let parts = Parts {
                    executor: executor.clone(),
                    service: Arc::new(build(clock.clone())),
                    limits,
                    telemetry: Arc::new(NoTelemetry),
                    clock,
                };
                smol::block_on(executor.run(serve(parts, listener, stopped)))
            }
        });
        Self { addr, clock, stop, thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream }
    }

    pub(crate) fn advance_clock(&self, by: Duration) {
        *self.clock.offset.lock().unwrap() += by;
    }

    /// Sends a stop signal; a second one aborts the drain. [`Server::ending`] waits for the end.
    pub(crate) fn begin_stop(&self) {
        let _ = self.stop.try_send(());
    }

    /// Reports whether the server has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    pub(crate) fn ending(mut self) -> Ending {
        self.thread.take().unwrap().join().unwrap()
    }
}

/// A client that sends and reads bytes.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
}

impl Client {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Reads as many bytes as are expected, and compares them.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &[u8]) {
        let mut got = vec![0; expected.len()];
        self.stream.read_exact(&mut got).unwrap();
        assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    /// Sends bytes, reads as many as are expected, and compares them.
    #[track_caller]
    pub(crate) fn ask(&mut self, bytes: &[u8], expected: &[u8]) {
        self.send(bytes);
        self.expect(expected);
    }

    /// Sends requests and reads no replies, until the server has stopped reading.
    pub(crate) fn send_until_blocked(&mut self) {
        self.stream.set_nonblocking(true).unwrap();
        let requests = b"nonsense\n".repeat(1000);
        let mut refused = 0;
        while refused < 100 {
            if self.stream.write(&requests).is_ok() {
                refused = 0;
            } else {
                refused += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Reports whether the server has closed a blocked connection.
    pub(crate) fn is_aborted(&mut self) -> bool {
        self.stream.write(b"x").is_err_and(|error| error.kind() != ErrorKind::WouldBlock)
    }

    pub(crate) fn end_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads to the end of the stream, and compares.
    #[track_caller]
    pub(crate) fn expect_to_end(&mut self, expected: &[u8]) {
        let mut got = Vec::new();
        self.stream.read_to_end(&mut got).unwrap();
        assert_eq!(got.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }
}
