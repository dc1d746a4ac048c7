//! Reduces a failed contention run to the fewest clients, requests and names that still fail.

use std::io::Write;
use std::time::Duration;

use conformance::reduce::reduce;
use conformance::request_script::{LeadingRequests, RequestScript};
use driver::drive::Limits;
use driver::recorder::Recorder;
use driver::run_limits::RunLimits;
use report::progress::PhaseBar;
use target::Target;
use verdict::Verdict;

use crate::run::{RunOutcome, run};
use crate::workload::request_script::plan;

/// The number of failures that confirm a candidate.
const FAILS_MIN: u32 = 2;

/// The number of runs of a candidate. A race does not occur in every run.
const TRIES: u32 = 10;

/// Runs a request script with package names that no other run uses, and judges it.
pub(crate) async fn run_requests(
    requests: &RequestScript,
    number: u32,
    target: &Target,
    reply_timeout: Duration,
    recorder: &Recorder,
    run_limits: &mut RunLimits,
) -> RunOutcome {
    let plan = plan(requests.renamed(|name| [name, format!("n{number}").as_bytes()].concat()));
    let limits = Limits::gentle(reply_timeout);
    let bar = PhaseBar::new(plan.phases, false);
    run(target.addr(), plan, limits, recorder, bar, run_limits).await
}

/// The reduction of a request script.
pub(crate) struct Shrink<'s, W: ?Sized> {
    target: &'s Target,
    reply_timeout: Duration,
    limits: &'s mut RunLimits,
    out: &'s mut W,
    runs: u32,
}

impl<'s, W: Write + ?Sized> Shrink<'s, W> {
    /// Returns a reduction that has not started. The limits bound its duration.
    pub(crate) fn new(
        target: &'s Target,
        reply_timeout: Duration,
        limits: &'s mut RunLimits,
        out: &'s mut W,
    ) -> Self {
        Self { target, reply_timeout, limits, out, runs: 0 }
    }

    /// Reduces failed requests. Returns `None` if they do not fail again. At the deadline or after an interruption, returns
    /// the best script so far.
    pub(crate) async fn shrink(&mut self, leading: &LeadingRequests) -> Option<RequestScript> {
        let failed = if self.fails(&leading.sequential).await? {
            &leading.sequential
        } else if self.fails(&leading.concurrent).await? {
            &leading.concurrent
        } else {
            return None;
        };
        let by_client = failed.clients.clone();
        let clients =
            reduce(by_client, async |clients| self.fails(&RequestScript { clients: clients.to_vec() }).await)
                .await;
        let fewer_clients = RequestScript { clients };
        let requests =
            reduce(fewer_clients.places(), async |places| self.fails(&fewer_clients.only(places)).await);
        let fewer_requests = fewer_clients.only(&requests.await);
        Some(self.without_names(fewer_requests).await.with_short_names())
    }

    /// Removes names that the failure does not need.
    async fn without_names(&mut self, mut best: RequestScript) -> RequestScript {
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

    /// Whether requests fail at least [`FAILS_MIN`] times. Returns `None` if the time is over or the target is unreachable.
    async fn fails(&mut self, requests: &RequestScript) -> Option<bool> {
        let mut fails = 0;
        for tried in 0..TRIES {
            if fails + (TRIES - tried) < FAILS_MIN {
                break;
            }
            if self.limits.reached_limit().is_some() || !self.target.is_reachable().await {
                return None;
            }
            self.runs += 1;
            let recorder = Recorder::default();
            let outcome =
                run_requests(requests, self.runs, self.target, self.reply_timeout, &recorder, self.limits)
                    .await;
            fails += u32::from(outcome.judgement.verdict == Verdict::Fail);
            if fails == FAILS_MIN {
                let (clients, count) = (requests.clients.len(), requests.request_count());
                let of = tried + 1;
                // The reader of standard output may stop reading.
                let _ = writeln!(
                    self.out,
                    "shrink   {count} requests of {clients} clients fail {fails} of {of} times"
                );
                let _ = self.out.flush();
                return Some(true);
            }
        }
        Some(false)
    }
}
