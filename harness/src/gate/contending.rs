//! The workloads of one run in which clients are in each other's way: as much of them as the target has time for.

use std::time::Duration;

use protocol::Protocol;

use super::Gate;
use crate::flags::Flags;
use crate::kit::Turn;
use crate::report::{Item, terminal};
use crate::run::{Outcome, header};
use crate::verdict::Verdict;
use crate::workload::contention::{self, Lockstep, OneByOne, Pipelined, Schedule};
use crate::workload::{Workload, pace};

/// How long a target may take for it, as far as its pace tells.
const TIME: Duration = Duration::from_secs(4);

/// The time for a run has to last for so much more.
const TIME_SPARE: Duration = Duration::from_secs(5);

/// One that would take longer than this for the smallest plan is spared it.
const TIME_MAX: Duration = Duration::from_secs(4);

impl Gate<'_> {
    /// Lets clients contend, in the way that this workload does.
    pub(super) async fn contend(&mut self, id: &'static str, turn: Turn<'_>) -> Item {
        let Turn { pace, target, bounds, out } = turn;
        let (seed, concurrency) = (self.seed, self.concurrency);
        let Flags { schedule, edition, episodes, .. } = self.options.flags;
        let pace = match schedule {
            // What takes turns with others for longer is slower than what asks a few times.
            Schedule::Concurrent => self.pace_seen.map_or(pace, |seen| seen.min(pace)),
            Schedule::Lockstep => pace::measure(target.addr(), 1, self.options.flags.timeout, bounds).await,
        };
        let needed = u64::from(contention::requests_min(concurrency)) / pace.max(1);
        let episodes = match episodes {
            Some(episodes) => episodes,
            None if bounds.left() < TIME_SPARE + Duration::from_secs(needed) => {
                let cause =
                    "the time that the run has left is too little for it; --deadline allows more".to_owned();
                return Item { cause: Some(cause), ..self.item_of(id) };
            }
            None if needed > TIME_MAX.as_secs() => {
                let cause = format!("the target answers {pace} requests a second, too few for it");
                return Item { cause: Some(cause), ..self.item_of(id) };
            }
            None => {
                // The pace of the replay is that of a target at its slowest.
                let time = TIME.min(bounds.left().saturating_sub(TIME_SPARE) / 2);
                let fitting = u32::try_from(pace * time.as_secs()).unwrap_or(u32::MAX);
                contention::episodes(fitting.min(contention::REQUESTS_ALL), concurrency)
            }
        };
        let options = contention::Options { seed, concurrency, episodes, edition };
        let more = [("episodes", episodes.to_string())];
        let flags = format!(" --episodes {episodes}{}{}", edition.flag(), schedule.flag());
        let turn = Turn { pace, target, bounds, out };
        match schedule {
            Schedule::Lockstep => self.run_as_planned(&Lockstep::new(options), &more, flags, turn).await,
            Schedule::Concurrent if id == OneByOne::ID => {
                self.run_as_planned(&OneByOne::new(options), &more, flags, turn).await
            }
            Schedule::Concurrent => self.run_as_planned(&Pipelined::new(options), &more, flags, turn).await,
        }
    }

    /// Runs a workload whose size is decided. `more` decides its plan beside seed and concurrency; `flags` say that again.
    pub(super) async fn run_as_planned<W: Workload + 'static>(
        &mut self,
        workload: &W,
        more: &[(&str, String)],
        flags: String,
        turn: Turn<'_>,
    ) -> Item
    where
        <W::Protocol as Protocol>::Framing: 'static,
    {
        let Turn { target, bounds, out, .. } = turn;
        let mut options = self.report.options.clone();
        options.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let header = header(workload, options);
        if !self.options.is_matrix() {
            let _ = terminal::write_plan(out, W::ID, &header.plan_sha256);
            let _ = out.flush();
        }
        let Outcome { verdict, findings, led, observed, statistics } =
            self.drive(workload, &header, target, bounds).await;
        if !self.options.is_matrix() {
            let _ = terminal::write_pace(out, &statistics, observed.as_deref());
        }
        self.note_led(W::ID, led);
        let again = format!(
            "harness {}{}--only {} --seed {} --concurrency {}{flags}",
            self.kit.flag(),
            self.options.choice.flags(),
            W::ID,
            self.seed,
            self.concurrency,
        );
        Item {
            verdict: self.strictly(verdict),
            findings,
            observed,
            duration_ns: statistics.duration_ns(),
            again: if verdict == Verdict::Pass { Vec::new() } else { vec![again] },
            ..self.item_of(W::ID)
        }
    }
}
