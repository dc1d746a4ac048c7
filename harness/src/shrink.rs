//! Reduces what failed where clients contend to the fewest clients, requests and names that still fail, and runs that again.

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use crate::bounds::Bounds;
use crate::drive::{Ending, Limits, OPENINGS_AT_ONCE_GENTLE};
use crate::listening::Listening;
use crate::reduce::reduce;
use crate::report::progress::PhaseBar;
use crate::run::{Outcome, run};
use crate::targets::Target;
use crate::verdict::Verdict;
use crate::workload::Workload;
use crate::workload::literal::{Led, Literal, Literally};

/// What is left has to fail so often …
const FAILS_MIN: u32 = 2;

/// … of so many times: a race does not show each time.
const TRIES: u32 = 10;

/// Runs requests of a file, under names that no other run uses, and judges them.
pub async fn run_literal(
    literal: &Literal,
    number: u32,
    target: &Target,
    reply_timeout: Duration,
    listening: &Listening,
    until: impl Future<Output = Ending>,
) -> Outcome {
    let workload =
        Literally(Rc::new(literal.renamed(|name| [name, format!(".{number}").as_bytes()].concat())));
    let limits = Limits {
        reply_timeout,
        reply_timeout_after_one: reply_timeout,
        clients_at_once_max: usize::MAX,
        openings_at_once_max: OPENINGS_AT_ONCE_GENTLE,
    };
    let bar = PhaseBar::new(Literally::PHASES, false);
    run(target.addr(), &workload, limits, listening, bar, until).await
}

/// What is tried, and how often so far.
pub struct Shrink<'s, W: ?Sized> {
    target: &'s Target,
    reply_timeout: Duration,
    bounds: &'s mut Bounds,
    out: &'s mut W,
    runs: u32,
}

impl<'s, W: Write + ?Sized> Shrink<'s, W> {
    /// Nothing is tried yet. The bounds say how long it may take.
    pub fn new(target: &'s Target, reply_timeout: Duration, bounds: &'s mut Bounds, out: &'s mut W) -> Self {
        Self { target, reply_timeout, bounds, out, runs: 0 }
    }

    /// Reduces requests that have failed; nothing if they do not fail again. What is best when the time is over or the
    /// user breaks it off stands.
    pub async fn shrink(&mut self, led: &Led) -> Option<Literal> {
        let failed = if self.fails(&led.in_order).await? {
            &led.in_order
        } else if self.fails(&led.at_once).await? {
            &led.at_once
        } else {
            return None;
        };
        let by_client = failed.clients.clone();
        let clients =
            reduce(by_client, async |clients| self.fails(&Literal { clients: clients.to_vec() }).await).await;
        let fewer_clients = Literal { clients };
        let requests =
            reduce(fewer_clients.places(), async |places| self.fails(&fewer_clients.only(places)).await);
        let fewer_requests = fewer_clients.only(&requests.await);
        Some(self.without_names(fewer_requests).await.with_short_names())
    }

    /// Leaves names out of lists, as far as it fails without them.
    async fn without_names(&mut self, mut best: Literal) -> Literal {
        let names: Vec<Vec<u8>> = best.names().into_iter().map(<[u8]>::to_vec).collect();
        for name in names {
            let candidate = best.without(&name);
            if candidate == best {
                continue;
            }
            match self.fails(&candidate).await {
                None => break,
                Some(true) => best = candidate,
                Some(false) => {}
            }
        }
        best
    }

    /// Whether requests fail often enough; nothing if there is no time to find out.
    async fn fails(&mut self, literal: &Literal) -> Option<bool> {
        let mut fails = 0;
        for tried in 0..TRIES {
            if fails + (TRIES - tried) < FAILS_MIN {
                break;
            }
            if self.bounds.came().is_some() || !self.target.is_reachable().await {
                return None;
            }
            self.runs += 1;
            let listening = Listening::default();
            let until = self.bounds.reached();
            let outcome =
                run_literal(literal, self.runs, self.target, self.reply_timeout, &listening, until).await;
            fails += u32::from(outcome.verdict == Verdict::Fail);
            if fails == FAILS_MIN {
                let (clients, requests) = (literal.clients.len(), literal.request_count());
                let of = tried + 1;
                // Whoever reads the output may stop reading.
                let _ = writeln!(
                    self.out,
                    "shrink   {requests} requests of {clients} clients fail {fails} of {of} times"
                );
                let _ = self.out.flush();
                return Some(true);
            }
        }
        Some(false)
    }
}
