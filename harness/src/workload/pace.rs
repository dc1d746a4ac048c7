//! How quick a target is: its clients each ask a few times, all at once. Nothing of it is judged; it decides only how
//! much is asked of the target afterwards.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use driver::drive::{Limits, NoProcess, OPENINGS_AT_ONCE_GENTLE, drive};
use driver::exchanges::{ExchangeReader, Observation};
use driver::history::{Ending, Event, EventKind};
use driver::moves::{Move, MoveResult, Script};
use driver::run_limits::RunLimits;
use protocol::Protocol;
use protocol::index::Index;

/// How often each client asks while the time is taken.
const ASKED_BY_EACH: u32 = 5;

/// How long this may take.
const TIME_MAX: Duration = Duration::from_secs(3);

/// What is asked: a name that nobody indexes.
const REQUEST: &[u8] = b"QUERY|gauntlet.pace|\n";

/// The requests a second that a target answers when so many clients ask at once; 0 if it answers none.
pub async fn measure(
    target: SocketAddr,
    clients: u32,
    reply_timeout: Duration,
    bounds: &mut RunLimits,
) -> u64 {
    let scripts = (0..clients).map(|_| PaceScript { made: 0 }).collect();
    let watch = Rc::new(RefCell::new(Watch::new()));
    let observer = {
        let watch = Rc::clone(&watch);
        move |event: &Event<'_>| {
            watch.borrow_mut().observe(event);
            ControlFlow::Continue(())
        }
    };
    let limits = Limits {
        reply_timeout,
        reply_timeout_after_one: reply_timeout,
        clients_at_once_max: clients as usize,
        openings_at_once_max: OPENINGS_AT_ONCE_GENTLE,
    };
    let until = async {
        tokio::select! {
            ending = bounds.reached() => ending,
            () = sleep(TIME_MAX) => Ending::TimeOver,
        }
    };
    let framing = Index::framing;
    drive(target, scripts, framing, limits, Box::new(NoProcess), observer, until).await;
    watch.borrow().per_second()
}

/// Opens, asks once, meets the others, asks a few times more, and leaves.
struct PaceScript {
    made: u32,
}

impl Script for PaceScript {
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        const MEETING: u32 = 4;
        const END: u32 = MEETING + 2 * ASKED_BY_EACH;
        if came == MoveResult::Failed && self.made > MEETING {
            return Move::Done;
        }
        self.made += 1;
        match self.made {
            1 => Move::Open(0),
            // One that cannot be served leaves the others no worse off: it meets them and goes.
            MEETING => Move::BeginPhase(1),
            made if made > END => Move::Done,
            2 => Move::Send(0, REQUEST),
            3 => Move::Await(0, 1),
            made if (made - MEETING) % 2 == 1 => Move::Send(0, REQUEST),
            _ => Move::Await(0, 1),
        }
    }
}

/// Counts the replies since the clients met.
struct Watch {
    pairing: ExchangeReader<<Index as Protocol>::Framing>,
    begun_ns: Option<u64>,
    last_ns: u64,
    replies: u64,
}

impl Watch {
    fn new() -> Self {
        Self { pairing: ExchangeReader::new(Index::framing), begun_ns: None, last_ns: 0, replies: 0 }
    }

    fn observe(&mut self, event: &Event<'_>) {
        if let EventKind::Phase(_) = event.event {
            self.begun_ns.get_or_insert(event.at_ns);
        }
        let Self { pairing, begun_ns, last_ns, replies } = self;
        pairing.observe(event, |seen| {
            if let (Observation::Exchange(replied), true) = (seen, begun_ns.is_some()) {
                *last_ns = replied.replied_ns;
                *replies += 1;
            }
        });
    }

    fn per_second(&self) -> u64 {
        let duration_ns = self.last_ns.saturating_sub(self.begun_ns.unwrap_or(0)).max(1);
        if self.replies == 0 {
            return 0;
        }
        u64::try_from(u128::from(self.replies) * 1_000_000_000 / u128::from(duration_ns)).unwrap_or(u64::MAX)
    }
}
