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

/// How many clients there are at most where all of them come from one address: it may have few places, and the more it asks
/// the harder its challenges become.
const CLIENTS_OF_ONE_ADDRESS_MAX: u32 = 8;

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
        let options = Options { seed, concurrency: number("clients")?, rounds: number("rounds")? };
        plans::planned(header, &Quotations::new(options))
    },
}];

impl Gate<'_> {
    async fn give_quotations(&mut self, turn: Turn<'_>) -> Item {
        let have_addresses = turn.target.addr().ip().is_loopback();
        let clients_max = if have_addresses { u32::MAX } else { CLIENTS_OF_ONE_ADDRESS_MAX };
        let is_quick = have_addresses && turn.bounds.left() >= TIME_LEFT;
        let rounds = if is_quick { ROUNDS } else { ROUNDS_SLOW };
        let concurrency = self.concurrency.min(clients_max);
        let options = Options { seed: self.seed, concurrency, rounds };
        let more = [("rounds", rounds.to_string()), ("clients", concurrency.to_string())];
        let item = self.run_as_planned(&Quotations::new(options), &more, String::new(), turn).await;
        self.report.duration_ns = item.duration_ns;
        item
    }
}
