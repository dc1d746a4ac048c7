//! The replay of one run of the gate: as much of the graph as the target has time for.

use std::io::{self, Write};
use std::time::Duration;

use protocol::Protocol;

use super::Gate;
use crate::bounds::Bounds;
use crate::drive::{Limits, OPENINGS_AT_ONCE_GENTLE};
use crate::flags::Flags;
use crate::history::Header;
use crate::kit::Turn;
use crate::report::progress::PhaseBar;
use crate::report::statistics::per_second;
use crate::report::{Item, terminal};
use crate::run::{Outcome, header, run};
use crate::targets::Target;
use crate::verdict::Verdict;
use crate::workload::Workload;
use crate::workload::replay::{self, Replay};

/// A target that answers this many requests a second replays the default graph in a few seconds, however it keeps its
/// index. A slower one replays a small part first, and then as much as it has time for.
const QUICK_PACE: u64 = 50_000;

/// How many packages that small part has.
const PILOT_PACKAGES: usize = 300;

/// How many it has where even those would take too long: below [`SLOW_PACE`] requests a second.
const SLOW_PILOT_PACKAGES: usize = 75;

/// A target that takes a tenth of a second for each reply answers a hundred clients at this pace.
const SLOW_PACE: u64 = 2_000;

/// A workload of fewer requests says little about how quick the target is.
const PACE_REQUESTS_MIN: u64 = 1000;

/// How long a slow target may take for its replay.
const REPLAY_TIME: Duration = Duration::from_secs(10);

impl Gate<'_> {
    /// Replays as much of the graph as the target has time for.
    pub(super) async fn replay(&mut self, turn: Turn<'_>) -> Item {
        let Turn { pace, target, bounds, out } = turn;
        let whole = self.options.graph.packages().len();
        let mut packages_max = self.options.flags.packages.map(|count| count as usize);
        let pilot_packages = match pace {
            _ if packages_max.is_some() => whole,
            ..SLOW_PACE => SLOW_PILOT_PACKAGES,
            SLOW_PACE..QUICK_PACE => PILOT_PACKAGES,
            _ => whole,
        };
        if pilot_packages < whole {
            let pilot = self.replay_part(Some(pilot_packages), target, bounds, &mut io::sink()).await;
            let duration = Duration::from_nanos(self.report.duration_ns);
            let fitting = packages_that_fit(pilot_packages, duration);
            if pilot.verdict != Verdict::Pass || fitting < 2 * pilot_packages {
                self.print_replay(Some(pilot_packages), out);
                return pilot;
            }
            packages_max = Some(fitting).filter(|fitting| *fitting < whole);
        }
        self.replay_part(packages_max, target, bounds, out).await
    }

    /// Names what is replayed.
    fn print_replay(&self, packages_max: Option<usize>, out: &mut dyn Write) {
        if self.options.is_matrix() {
            return;
        }
        let _ = writeln!(out);
        let _ = terminal::write_fixture(out, &self.options.fixture);
        if let (Some(count), None) = (packages_max, self.options.flags.packages) {
            let _ = writeln!(out, "pace     the target is slow: it replays a part, --packages {count}");
        }
        let _ = terminal::write_plan(out, Replay::ID, &self.report.plan_sha256);
        let _ = out.flush();
    }

    async fn replay_part(
        &mut self,
        packages_max: Option<usize>,
        target: &Target,
        bounds: &mut Bounds,
        out: &mut dyn Write,
    ) -> Item {
        let Flags { unluckiness, rounds_max, .. } = self.options.flags;
        let (seed, concurrency) = (self.seed, self.concurrency);
        let options = replay::Options { seed, concurrency, unluckiness, rounds_max };
        self.report.options.remove("packages");
        let graph = match packages_max {
            None => self.options.graph.clone(),
            Some(count) => {
                self.report.options.insert("packages".to_owned(), count.to_string());
                self.options.graph.part(count)
            }
        };
        let workload = Replay::new(graph, options);
        let header = header(&workload, self.report.options.clone());
        self.report.plan_sha256.clone_from(&header.plan_sha256);
        self.print_replay(packages_max, out);
        let outcome = self.drive(&workload, &header, target, bounds).await;
        let Outcome { verdict, findings, led, statistics, .. } = outcome;
        self.note_led(Replay::ID, led);
        self.report.duration_ns = statistics.duration_ns();
        self.report.requests = statistics.requests();
        self.report.phases = statistics.phases(Replay::PHASES);
        let flags = self.options.choice.flags();
        let again = format!("harness {flags}--only {} --seed {seed} --concurrency {concurrency}", Replay::ID);
        Item {
            verdict,
            findings,
            duration_ns: self.report.duration_ns,
            again: if verdict == Verdict::Pass { Vec::new() } else { vec![again] },
            ..self.item_of(Replay::ID)
        }
    }

    /// Runs a workload against the target.
    pub(super) async fn drive<W: Workload + 'static>(
        &mut self,
        workload: &W,
        header: &Header,
        target: &Target,
        bounds: &mut Bounds,
    ) -> Outcome
    where
        <W::Protocol as Protocol>::Framing: 'static,
    {
        self.listening.begin(header);
        let bar = PhaseBar::new(W::PHASES, !self.options.flags.reports.debug);
        // A target that has let somebody wait in vain is not waited for as long again.
        let timeout = self.results.patience(self.options.flags.timeout);
        let limits = Limits {
            reply_timeout: timeout,
            reply_timeout_after_one: timeout,
            clients_at_once_max: usize::MAX,
            openings_at_once_max: OPENINGS_AT_ONCE_GENTLE,
        };
        let outcome = run(target.addr(), workload, limits, &self.listening, bar, bounds.reached()).await;
        let (requests, duration_ns) = (outcome.statistics.requests(), outcome.statistics.duration_ns());
        if requests >= PACE_REQUESTS_MIN {
            let pace = per_second(requests, duration_ns);
            self.pace_seen = Some(self.pace_seen.map_or(pace, |seen| seen.min(pace)));
        }
        if outcome.verdict == Verdict::Unreachable {
            self.report.verdict = outcome.verdict;
            self.report.cause = outcome.findings.first().map(|finding| finding.summary.clone());
        }
        outcome
    }
}

/// How many packages a target replays in the time that there is, which took so long for the small part. Some servers
/// look at every package on each REMOVE, so that the time can grow with the square of the number.
fn packages_that_fit(pilot_packages: usize, pilot: Duration) -> usize {
    let times = REPLAY_TIME.as_secs_f64() / pilot.as_secs_f64().max(1e-3);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a root of at most ten thousand"
    )]
    let fitting = (times.sqrt() * pilot_packages as f64) as usize;
    fitting
}
