//! Scripts that are executed against a target of the test.
#![expect(clippy::unwrap_used, reason = "a test's failure is its message")]

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use driver::drive::{Limits, NoProcess, Process, drive};
use driver::history::{Ending, Event, EventKind, Sample};
use driver::moves::{Act, Move, MoveResult, Script, Source};
use driver::work::Work;
use protocol::Protocol;
use protocol::index::Index;

const LIMITS: Limits = Limits::gentle(Duration::from_secs(10));

/// Floods the target on its only connection.
struct Flooding {
    moves_made: u8,
    bytes: usize,
}

impl Script for Flooding {
    fn next(&mut self, _: MoveResult<'_>) -> Move<'_> {
        self.moves_made += 1;
        match self.moves_made {
            1 => Move::OpenFrom(1, Source::Any),
            2 => Move::Flood(1, b"QUERY|a|\n", self.bytes),
            _ => Move::Done,
        }
    }
}

#[test]
fn a_target_that_pauses_while_it_reads_receives_the_whole_flood() {
    // Larger than the buffers of both systems; and so large that it is to fill memory.
    for bytes in [32 << 20, 128 << 20] {
        assert_received_despite_a_pause(bytes);
    }
}

/// The first pause is longer than most pauses by a busy scheduler, and shorter than the wait for a target that stalls. The second is
/// longer than that wait, but only a little longer than the first.
#[track_caller]
fn assert_received_despite_a_pause(flood_bytes: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let target = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut buffer = vec![0; 1 << 20];
        for pause_ms in [300, 700] {
            // More than the client's system keeps, so that the client waits for most of each pause.
            for _ in 0..12 {
                stream.read_exact(&mut buffer).unwrap();
            }
            thread::sleep(Duration::from_millis(pause_ms));
        }
        while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
    });
    let flooded = Rc::new(Cell::new(None));
    let seen = Rc::clone(&flooded);
    let observer = move |event: &Event<'_>| {
        if let EventKind::Flooded { bytes, has_stalled } = event.event {
            seen.set(Some((bytes, has_stalled)));
        }
        ControlFlow::Continue(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let until = std::future::pending();
    let flooding = Flooding { moves_made: 0, bytes: flood_bytes };
    let run = drive(addr, vec![flooding], Index::framing, LIMITS, Box::new(NoProcess), observer, until);
    assert_eq!(runtime.block_on(run), Ending::Finished);
    target.join().unwrap();
    let (bytes, has_stalled) = flooded.get().unwrap();
    assert!(bytes >= flood_bytes as u64 && !has_stalled, "{bytes} bytes, stalled: {has_stalled}");
}

/// Floods the target without reading, then reads all replies, or for this time.
struct Resuming(u8, Duration);

impl Script for Resuming {
    fn next(&mut self, _: MoveResult<'_>) -> Move<'_> {
        self.0 += 1;
        match self.0 {
            1 => Move::OpenNarrow(1),
            2 => Move::Flood(1, b"QUERY|a|\nQUERY|b|\n", 64 << 20),
            3 => Move::AwaitFlood(1, self.1),
            _ => Move::Done,
        }
    }
}

fn lines_in(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

/// What a client sees that reads replies after a flood.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// The requests that the target has received minus the replies that the client has.
    missing: usize,
    has_timed_out: bool,
    has_stopped: bool,
}

/// Floods a target that withholds this number of replies and waits for this time before each reply; reads for the time limit.
fn read_after_a_flood(withheld: usize, pause: Duration, limit: Duration) -> Seen {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let target = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let (mut buffer, mut due, mut lines) = (vec![0; 1 << 16], 0, 0);
        stream.write_all(b"O").unwrap();
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            let complete = lines_in(&buffer[..read]);
            (due, lines) = (due + complete, lines + complete);
            let ready = due.saturating_sub(withheld);
            let at_once = if pause.is_zero() { ready.max(1) } else { 1 };
            for _ in 0..ready / at_once {
                thread::sleep(pause);
                // The end of a reply arrives with the beginning of the next one.
                if stream.write_all(&b"K\nO".repeat(at_once)).is_err() {
                    return lines;
                }
            }
            due -= ready;
        }
        lines
    });
    let seen = Rc::new(RefCell::new((0, Seen::default())));
    let of_observer = Rc::clone(&seen);
    let observer = move |event: &Event<'_>| {
        let (replies, seen) = &mut *of_observer.borrow_mut();
        match &event.event {
            EventKind::Received(bytes) => *replies += lines_in(bytes),
            EventKind::TimedOut { .. } => seen.has_timed_out = true,
            EventKind::StoppedReading => seen.has_stopped = true,
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limits = Limits::gentle(Duration::from_secs(2));
    let until = std::future::pending();
    let scripts = vec![Resuming(0, limit)];
    let run = drive(addr, scripts, Index::framing, limits, Box::new(NoProcess), observer, until);
    assert_eq!(runtime.block_on(run), Ending::Finished);
    let (replies, seen) = seen.take();
    Seen { missing: target.join().unwrap().saturating_sub(replies), ..seen }
}

#[test]
fn all_replies_to_a_flood_are_awaited() {
    let read = |withheld| read_after_a_flood(withheld, Duration::ZERO, Duration::from_mins(1));
    assert_eq!(read(0), Seen::default());
    assert_eq!(read(1), Seen { missing: 1, has_timed_out: true, has_stopped: false });
}

/// The replies that were already written when the client began to read do not show that the target continues.
#[test]
fn a_client_stops_reading_early_only_once_the_target_has_continued_to_write() {
    // The second needs so long for a reply that few waits are possible.
    let pause = Duration::from_micros(100);
    for pause in [pause, Duration::from_millis(40)] {
        let seen = read_after_a_flood(0, pause, Duration::from_secs(20));
        assert_eq!((seen.missing > 0, seen.has_timed_out, seen.has_stopped), (true, false, false));
    }
    let seen = read_after_a_flood(0, pause, Duration::ZERO);
    assert_eq!((seen.missing > 0, seen.has_timed_out, seen.has_stopped), (true, false, true));
}

/// A target that releases the descriptors of its clients only when it is sampled for the fourth time.
struct LateRelease(Cell<u32>);

impl Process for LateRelease {
    fn sample(&self) -> Option<Sample> {
        let number = self.0.replace(self.0.get() + 1);
        let descriptors = if matches!(number, 1 | 2) { 60 } else { 10 };
        Some(Sample { descriptors, threads: 1, ..Sample::default() })
    }

    fn act(&self, _: Act) -> bool {
        false
    }
}

/// Samples the target twice.
struct Sampling {
    moves_made: u8,
    limit: Duration,
}

impl Script for Sampling {
    fn next(&mut self, _: MoveResult<'_>) -> Move<'_> {
        self.moves_made += 1;
        match self.moves_made {
            1 => Move::Sample,
            2 => Move::SampleSettled(25, self.limit),
            _ => Move::Done,
        }
    }
}

#[test]
fn a_sample_waits_until_the_target_has_released_its_resources_but_not_longer_than_its_limit() {
    let descriptors = |limit| {
        let samples = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&samples);
        let observer = move |event: &Event<'_>| {
            if let EventKind::Sampled(sample) = event.event {
                seen.borrow_mut().push(sample.descriptors);
            }
            ControlFlow::Continue(())
        };
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let process = Box::new(LateRelease(Cell::new(0)));
        let scripts = vec![Sampling { moves_made: 0, limit }];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let run = drive(addr, scripts, Index::framing, LIMITS, process, observer, std::future::pending());
        assert_eq!(runtime.block_on(run), Ending::Finished);
        samples.take()
    };
    assert_eq!(descriptors(Duration::from_mins(1)), [10, 10]);
    assert_eq!(descriptors(Duration::ZERO), [10, 60]);
}

/// Waits for a computation.
struct Computing(Work<()>);

impl Script for Computing {
    fn next(&mut self, _: MoveResult<'_>) -> Move<'_> {
        if self.0.result().is_some() { Move::Done } else { Move::Compute(self.0.job()) }
    }
}

/// A proof of work may take hours; Ctrl-C and deadlines end the run meanwhile.
#[test]
fn a_run_ends_while_a_computation_is_under_way() {
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let endless = Work::new(move |is_cancelled| {
        let _ = begun.send(());
        while !is_cancelled.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    });
    let until = async {
        let _ = has_begun.await;
        Ending::Interrupted
    };
    let addr = SocketAddr::from(([127, 0, 0, 1], 1));
    let observer = |_: &Event<'_>| ControlFlow::Continue(());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scripts = vec![Computing(endless)];
    let run = drive(addr, scripts, Index::framing, LIMITS, Box::new(NoProcess), observer, until);
    assert_eq!(runtime.block_on(run), Ending::Interrupted);
    // This waits for the computation, which ends only because it was cancelled.
    drop(runtime);
}
