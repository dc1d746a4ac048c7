//! The workloads of the package index, as far as the gate has to know them.

use protocol::Level;
use protocol::index::clauses::F3;

use crate::flags::Flags;
use crate::judging::plans;
use crate::kit::WorkloadRow;
use crate::report::Item;
use crate::verdict::Verdict;
use crate::workload::Workload;
use crate::workload::contention::{OneByOne, Pipelined, Schedule};
use crate::workload::replay::Replay;

/// The workloads, in the order in which they are run.
pub static ROWS: [WorkloadRow; 3] = [
    WorkloadRow {
        id: Replay::ID,
        level: Level::Must,
        requirement: |clients| format!("A package graph is replayed by {clients}."),
        explained: "\
A package graph is split among clients; each removes its packages, indexes them, asks for them, removes them again and
asks again, over and over where packages of others stand in the way. docs/PROTOCOL.md says more.",
        has_open_size: |flags| flags.packages.is_none(),
        obstacle: |flags, _| takes_several_at_once(flags),
        run: |gate, turn| Box::pin(gate.replay(turn)),
        judge_again: |header| plans::planned(header, &plans::replay_of(&header.options)?),
    },
    WorkloadRow {
        id: OneByOne::ID,
        level: Level::Must,
        requirement: |clients| format!("{clients} change the same packages at once, and see one index."),
        explained: "\
Groups of five clients index, remove and ask for the same eight to ten packages at once, with lists that make them depend
on each other; pairs of clients do so with hundreds (C2). What all of them saw is held against the rules: there has to be an
order of the requests, each at a moment between its sending and its reply, in which one index gives all these replies. If
there is none, the requests are shown that have none together. The usual cause is a lock that is given back between a look
at the index and the change that follows from it. With --schedule lockstep the same requests are made one at a time: a
server that passes so, and fails otherwise, has a race. --shrink reduces what failed to a file for `harness replay`.",
        has_open_size: |flags| flags.episodes.is_none(),
        obstacle: |_, _| None,
        run: |gate, turn| Box::pin(gate.contend(OneByOne::ID, turn)),
        judge_again: plans::one_by_one,
    },
    WorkloadRow {
        id: Pipelined::ID,
        level: F3.level,
        requirement: |clients| format!("{clients} send several requests at once, and see one index."),
        explained: "\
The same, with three requests of a client in one write, in groups of two clients (F3). It is run where index/contention
and the cases of F3 are passed, so that what fails here is that several requests at once are several requests.",
        has_open_size: |flags| flags.episodes.is_none(),
        obstacle: |flags, before| takes_several_at_once(flags).or_else(|| breaks_more_than_f3(before)),
        run: |gate, turn| Box::pin(gate.contend(Pipelined::ID, turn)),
        judge_again: |header| {
            plans::planned(header, &Pipelined::new(plans::contention_of(&header.options)?))
        },
    },
];

fn takes_several_at_once(flags: &Flags) -> Option<String> {
    (flags.schedule == Schedule::Lockstep)
        .then(|| "with --schedule lockstep one request at a time is under way".to_owned())
}

/// Only where nothing else is broken it is pipelining that is.
fn breaks_more_than_f3<'a>(mut before: &mut (dyn Iterator<Item = &'a Item> + 'a)) -> Option<String> {
    let is_broken =
        |item: &&Item| item.verdict > Verdict::Expected && (item.clause == F3.id || item.id == OneByOne::ID);
    // By way of the reference, since a trait object itself has no such method.
    Iterator::find(&mut before, is_broken).map(|item| format!("{} was not passed", item.id))
}
