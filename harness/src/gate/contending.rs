//! The workloads of one run in which clients are in each other's way: as much of them as the target has time for.

use std::io::Write;
use std::time::Duration;

use super::Gate;
use crate::bounds::Bounds;
use crate::report::{Item, terminal};
use crate::run::{Outcome, header};
use crate::targets::Target;
use crate::verdict::Verdict;
use crate::workload::Workload;
use crate::workload::contention::{self, Contention};

/// How long a target may take for it, as far as its pace tells.
const TIME: Duration = Duration::from_secs(2);

/// One that would take longer than this for the smallest plan is spared it.
const TIME_MAX: Duration = Duration::from_secs(4);

impl Gate<'_> {
    /// Lets clients contend, each with so many requests at once, if the target is quick enough for that.
    pub(super) async fn contend<const AT_ONCE: usize>(
        &mut self,
        pace: u64,
        target: &Target,
        bounds: &mut Bounds,
        out: &mut impl Write,
    ) -> Item {
        let (seed, concurrency) = (self.seed, self.concurrency);
        let of_item = self.workload_item(Contention::<AT_ONCE>::ID);
        let episodes = match self.options.flags.episodes {
            Some(episodes) => episodes,
            None if pace * TIME_MAX.as_secs() < u64::from(contention::requests_min(concurrency)) => {
                let cause = format!("the target answers {pace} requests a second, too few for it");
                return Item { cause: Some(cause), ..of_item };
            }
            None => {
                let fitting = u32::try_from(pace * TIME.as_secs()).unwrap_or(u32::MAX);
                contention::episodes(fitting.min(contention::REQUESTS_ALL), concurrency)
            }
        };
        let edition = self.options.flags.edition;
        let workload =
            Contention::<AT_ONCE>::new(contention::Options { seed, concurrency, episodes, edition });
        let mut options = self.report.options.clone();
        options.insert("episodes".to_owned(), episodes.to_string());
        let header = header(&workload, options);
        if !self.options.is_matrix() {
            let _ = terminal::write_plan(out, of_item.id, &header.plan_sha256);
            let _ = out.flush();
        }
        let outcome = self.drive(&workload, &header, target, bounds).await;
        let Outcome { verdict, findings, statistics } = outcome;
        if !self.options.is_matrix() {
            let _ = terminal::write_pace(out, statistics.requests(), statistics.duration_ns());
        }
        let (flags, id) = (self.options.choice.flags(), of_item.id);
        let again = format!(
            "harness {flags}--only {id} --seed {seed} --concurrency {concurrency} --episodes {episodes}"
        );
        Item {
            verdict: self.strictly(verdict),
            findings,
            duration_ns: statistics.duration_ns(),
            again: if verdict == Verdict::Pass { Vec::new() } else { vec![again] },
            ..of_item
        }
    }
}
