//! The execution of all scripts of a plan.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::panic;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinSet, LocalSet};

use protocol::Framing;

use crate::drive::acknowledgement::Unacknowledged;
use crate::drive::barrier::Barrier;
use crate::drive::client::client;
use crate::drive::limits::{Limits, Process};
use crate::drive::run::Run;
use crate::history::{Ending, Event};
use crate::moves::Script;

/// Executes `scripts`, one client for each, and calls `observer` with every event as it happens.
///
/// The run ends when all scripts are done, when `observer` returns `Break`, or when `until` completes. Returns the
/// reason.
pub async fn drive<S, F, O>(
    target: SocketAddr,
    scripts: Vec<S>,
    framing: fn(usize) -> F,
    limits: Limits,
    process: Box<dyn Process>,
    observer: O,
    until: impl Future<Output = Ending>,
) -> Ending
where
    S: Script + 'static,
    F: Framing + 'static,
    O: FnMut(&Event<'_>) -> ControlFlow<()> + 'static,
{
    let run = Rc::new(Run {
        target,
        limits,
        reply_timeout: Cell::new(limits.reply_timeout),
        begun: Instant::now(),
        client_permits: Semaphore::new(limits.clients_at_once_max.min(Semaphore::MAX_PERMITS)),
        opening_permits: Arc::new(Semaphore::new(limits.openings_at_once_max as usize)),
        work_permits: Semaphore::new(thread::available_parallelism().map_or(1, NonZero::get)),
        has_connected: Cell::new(false),
        barrier: Barrier::new(scripts.len()),
        connection_count: Cell::new(0),
        observer: RefCell::new(observer),
        process,
        unacknowledged: Unacknowledged::default(),
        late_ends: Cell::new(0),
        stop: Notify::new(),
    });
    let all_clients = async {
        let mut clients = JoinSet::new();
        for (script, number) in scripts.into_iter().zip(0..) {
            clients.spawn_local(client(Rc::clone(&run), number, script, framing));
        }
        while let Some(ended) = clients.join_next().await {
            if let Err(error) = ended
                && error.is_panic()
            {
                panic::resume_unwind(error.into_panic());
            }
        }
    };
    LocalSet::new()
        .run_until(async {
            tokio::select! {
                biased;
                () = run.stop.notified() => Ending::Stopped,
                () = all_clients => Ending::Finished,
                ending = until => ending,
            }
        })
        .await
}
