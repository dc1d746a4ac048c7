//! The state of the replay's judge.

use std::cell::OnceCell;
use std::rc::Rc;

use conformance::collect::Operations;
use fixtures::PackageNumber;

use crate::workload::replay::plan::ReplayPlan;
use crate::workload::replay::steps::ReplayStep;
use crate::workload::replay::walk::Walk;
use conformance::exchange_checks::ExchangeChecks;

/// The judge of one replay.
#[derive(Debug)]
pub(in crate::workload::replay) struct ReplayJudge {
    pub(super) plan: Rc<ReplayPlan>,
    pub(super) clients: Vec<Client>,
    pub(super) step: Option<ReplayStep>,
    /// By package: whether it received `OK` in this step. Each first `OK` is a change of the index.
    pub(super) is_done: Vec<bool>,
    pub(super) done_count: u32,
    /// By package: whether its last request in this step was answered `FAIL`.
    pub(super) is_refused: Vec<bool>,
    /// The number of clients that have not completed this step.
    pub(super) unfinished_count: u32,
    /// The number of unfinished clients that have completed a pass through their packages since the last change.
    pub(super) settled_count: u32,
    pub(super) checks: ExchangeChecks,
    /// By package: the packages that list it. Computed for the first finding that needs it.
    pub(super) dependents: OnceCell<Vec<Vec<PackageNumber>>>,
    /// All requests for packages with their replies, for the linearizability check of the gradual form.
    pub(super) operations: Operations,
    /// The index of the first operation of each step.
    pub(super) step_starts: Vec<usize>,
    /// The index of the operation with an incorrect reply.
    pub(super) violation: Option<usize>,
}

/// The progress of one client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) walk: Walk,
    /// The number of completed packages of all clients when the current pass began.
    pub(super) done_at_pass_begin: u32,
    /// The number of completed packages when this client last completed a pass without a change.
    pub(super) settled_at: Option<u32>,
}

impl ReplayJudge {
    pub(in crate::workload::replay) fn new(plan: Rc<ReplayPlan>) -> Self {
        let clients = (0..plan.options.concurrency)
            .map(|client| Client { walk: Walk::new(client), done_at_pass_begin: 0, settled_at: None })
            .collect();
        Self {
            is_done: vec![false; plan.graph.packages().len()],
            is_refused: vec![false; plan.graph.packages().len()],
            plan,
            clients,
            step: None,
            done_count: 0,
            unfinished_count: 0,
            settled_count: 0,
            checks: ExchangeChecks::default(),
            dependents: OnceCell::new(),
            operations: Operations::default(),
            step_starts: Vec::new(),
            violation: None,
        }
    }
}
