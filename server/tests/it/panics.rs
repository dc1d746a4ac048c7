//! Panics: of one connection, which releases what it holds, and of a part of the server, which ends the process.

use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clap::Parser;
use prometheus_client::registry::Registry;
use server::admin::Build;
use server::admin::metrics::Measured;
use server::clock::{Clock, MonotonicClock};
use server::command_line::{self, Error, ServerFlags};
use server::limits::{Limits, Refusal};
use server::listener::{Ending, Parts, serve};
use server::service::index::{Capacity, IndexService};
use server::service::{Answered, Awaited, CloseReason, Linger, Service};
use server::telemetry::{NoTelemetry, Telemetry};
use smol::channel::{Sender, bounded};
use smol::{Async, Executor};

use crate::binary::connect;
use crate::support::{LINE_BYTES_MAX, WAIT_MAX};

/// The package index with a request that panics, and background work that may panic.
struct Fragile {
    index: IndexService,
    panics_in_background: bool,
}

impl Fragile {
    fn new(panics_in_background: bool) -> Self {
        Self { index: IndexService::new(LINE_BYTES_MAX, Capacity::default()), panics_in_background }
    }
}

impl Service for Fragile {
    type Session = <IndexService as Service>::Session;
    const REPLY_BYTES_PER_BYTE_MAX: usize = IndexService::REPLY_BYTES_PER_BYTE_MAX;
    const LINGER: Linger = IndexService::LINGER;

    fn open_session(&self, peer: IpAddr) -> Self::Session {
        self.index.open_session(peer)
    }

    fn answer(&self, session: &mut Self::Session, input: &[u8], replies: &mut Vec<u8>) -> Answered {
        assert!(!input.ends_with(b"PANIC\n"), "injected");
        self.index.answer(session, input, replies)
    }

    fn awaits(&self, session: &Self::Session) -> Awaited {
        self.index.awaits(session)
    }

    fn buffered_bytes(&self, session: &Self::Session) -> usize {
        self.index.buffered_bytes(session)
    }

    fn append_close_reason(&self, reason: CloseReason, replies: &mut Vec<u8>) {
        self.index.append_close_reason(reason, replies);
    }

    async fn run(self: Arc<Self>, _: impl Clock) {
        assert!(!self.panics_in_background, "injected");
        std::future::pending::<()>().await;
    }
}

impl Measured for Fragile {
    const PREFIX: &'static str = "fragile";
    fn register(self: Arc<Self>, _: &mut Registry) {}
}

/// Counts what connections hold, and panics when a client is refused.
#[derive(Default)]
struct Held {
    connections: AtomicI64,
    bytes: AtomicI64,
    panics: AtomicI64,
}

impl Telemetry for Held {
    fn opened(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }
    fn closed(&self) {
        self.connections.fetch_sub(1, Ordering::SeqCst);
    }
    fn refused(&self, _: Refusal) {
        panic!("injected");
    }
    fn accept_failed(&self) {}
    fn begin(&self) -> Option<Instant> {
        None
    }
    fn answered(&self, _: Option<Instant>) {}
    fn blocked(&self) {}
    fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::SeqCst);
    }
    fn buffered(&self, before: usize, after: usize) {
        let change = i64::try_from(after).expect("small") - i64::try_from(before).expect("small");
        self.bytes.fetch_add(change, Ordering::SeqCst);
    }
}

/// The monotonic clock, which panics when a test says so.
#[derive(Clone, Default)]
struct FragileClock(Arc<AtomicBool>);

impl Clock for FragileClock {
    fn now(&self) -> Instant {
        assert!(!self.0.load(Ordering::SeqCst), "injected");
        Instant::now()
    }

    async fn sleep(&self, duration: Duration) {
        MonotonicClock.sleep(duration.min(Duration::from_millis(10))).await;
    }
}

/// Starts a server. Returns its address, the sender of the stop signal, and the thread.
fn start(
    service: Fragile,
    limits: Limits,
    telemetry: Arc<dyn Telemetry>,
    clock: FragileClock,
) -> (String, Sender<()>, JoinHandle<Ending>) {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).expect("a port is free");
    let addr = listener.get_ref().local_addr().expect("the listener is bound").to_string();
    let (stop, stopped) = bounded(1);
    let serving = std::thread::spawn(move || {
        let executor = Arc::new(Executor::new());
        let parts =
            Parts { executor: Arc::clone(&executor), service: Arc::new(service), limits, telemetry, clock };
        smol::block_on(executor.run(serve(parts, listener, stopped)))
    });
    (addr, stop, serving)
}

/// Waits until a value is `expected`, because connections end in the background.
#[track_caller]
fn await_value(value: &AtomicI64, expected: i64) {
    let begun = Instant::now();
    while value.load(Ordering::SeqCst) != expected {
        assert!(begun.elapsed() < WAIT_MAX, "{value:?} is not {expected}");
    }
}

#[test]
fn a_panic_in_one_connection_releases_everything_that_it_holds() {
    let held = Arc::new(Held::default());
    let limits = Limits { connections_per_address_max: 2.try_into().ok(), ..Limits::default() };
    let (addr, stop, serving) = start(Fragile::new(false), limits, held.clone(), FragileClock::default());
    let mut other = connect(&addr);
    other.ask(b"INDEX|a|\n", b"OK\n");
    for round in 1..=20 {
        let mut client = connect(&addr);
        // The connection takes a part of the budget before it panics.
        client.send(&b"x".repeat(20_000));
        let begun = Instant::now();
        while held.bytes.load(Ordering::SeqCst) < 20_000 {
            assert!(begun.elapsed() < WAIT_MAX, "the line is not read");
        }
        client.send(b"PANIC\n");
        client.expect_to_end(b"");
        await_value(&held.bytes, 0);
        // The share of the address is free again: the next connection is not refused.
        await_value(&held.connections, 1);
        await_value(&held.panics, round);
    }
    other.ask(b"QUERY|a|\n", b"OK\n");
    drop(other);
    await_value(&held.connections, 0);
    stop.try_send(()).unwrap();
    assert_eq!(serving.join().unwrap(), Ending::Drained);
}

#[test]
fn a_panic_in_the_accept_loop_ends_the_server() {
    let limits = Limits { connections_max: 0, ..Limits::default() };
    let clock = FragileClock::default();
    let (addr, _stop, serving) = start(Fragile::new(false), limits, Arc::new(Held::default()), clock);
    let _refused = connect(&addr);
    assert_eq!(serving.join().unwrap(), Ending::Panicked("accept loop"));
}

#[test]
fn a_panic_in_the_deadline_sweep_ends_the_server() {
    let clock = FragileClock::default();
    let (addr, _stop, serving) =
        start(Fragile::new(false), Limits::default(), Arc::new(NoTelemetry), clock.clone());
    connect(&addr).ask(b"QUERY|a|\n", b"FAIL\n");
    clock.0.store(true, Ordering::SeqCst);
    assert_eq!(serving.join().unwrap(), Ending::Panicked("deadline sweep"));
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    server: ServerFlags,
}

#[test]
fn a_panic_in_the_background_ends_the_process_with_its_own_exit_status() {
    for threads in ["1", "2"] {
        let arguments = ["test", "--addr", "127.0.0.1:0", "--quiet", "--threads", threads];
        let Flags { server } = Flags::parse_from(arguments);
        let build = Build { name: "test", version: "0" };
        let ended = command_line::serve(&server, server.limits(), build, || Ok(Fragile::new(true)));
        let error = ended.unwrap_err();
        assert!(matches!(error, Error::Panicked("background work of the service")), "{error}");
        assert_eq!(error.exit_code(), 101);
    }
}
