//! The workloads of WOW/1, as far as the gate has to know them.

use std::time::Duration;

use protocol::Level;

use super::Gate;
use crate::judging::plans;
use crate::kit::{Turn, WorkloadRow};
use crate::report::Item;
use crate::workload::Workload;
use crate::workload::wisdom::{Options, Quotations};

/// How many challenges each client gets.
const ROUNDS: u32 = 4;

/// How many where each takes long to solve, or the target is slow: where the cases have left less than this.
const ROUNDS_SLOW: u32 = 1;

/// What a target has left that is quick.
const TIME_LEFT: Duration = Duration::from_secs(25);

/// The workloads, in the order in which they are run.
pub static ROWS: [WorkloadRow; 1] = [WorkloadRow {
    id: Quotations::ID,
    level: Level::Must,
    requirement: |clients| format!("{clients} solve challenges, and each challenge brings one quotation."),
    explained: "\
Clients with addresses of their own ask for challenges and solve them. Some bring a solution on another connection, some bring
it again, some on four connections at once, some with too little work first. Whoever brings a solution wherever, a challenge
brings at most one quotation, and one if it is solved in time (W25, W27). The usual cause of a second one is that it is looked
in one step whether a challenge is spent, and noted in another.",
    has_open_size: |_| false,
    obstacle: |_, _| None,
    run: |gate, turn| Box::pin(gate.give_quotations(turn)),
    judge_again: |header| {
        let number = |name| plans::number(&header.options, name, 1..=10_000);
        let seed = plans::number(&header.options, "seed", 0..=u64::MAX)?;
        let options = Options { seed, concurrency: number("concurrency")?, rounds: number("rounds")? };
        plans::planned(header, &Quotations::new(options))
    },
}];

impl Gate<'_> {
    async fn give_quotations(&mut self, turn: Turn<'_>) -> Item {
        let rounds = if turn.bounds.left() < TIME_LEFT { ROUNDS_SLOW } else { ROUNDS };
        let options = Options { seed: self.seed, concurrency: self.concurrency, rounds };
        let more = [("rounds", rounds.to_string())];
        let item = self.run_as_planned(&Quotations::new(options), &more, String::new(), turn).await;
        self.report.duration_ns = item.duration_ns;
        item
    }
}
