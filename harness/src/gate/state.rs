//! The state of a run.

use std::collections::BTreeMap;

use conformance::request_script::LeadingRequests;
use conformance::results::Results;
use driver::recorder::Recorder;
use report::RunReport;
use report::reproduction::ByHand;
use verdict::Verdict;

use crate::gate::skip_reasons::skip_reasons;
use crate::options::Options;
use crate::protocols::ProtocolEntry;

/// One run of the gate.
pub(crate) struct Gate<'o> {
    pub(super) options: &'o Options,
    pub(super) protocol: &'static ProtocolEntry,
    pub(super) seed: u64,
    pub(super) concurrency: u32,
    pub(super) recorder: Recorder,
    pub(super) results: Results,
    /// By id: the reason for which a case or workload is not run, as far as it is known before the run.
    pub(super) skipped: BTreeMap<&'static str, String>,
    pub(super) report: RunReport,
    /// The lowest number of requests per second that the target answered in a workload.
    pub(super) slowest_pace_per_second: Option<u64>,
    /// The workload with the first reply that is not linearizable, and the requests that led to it.
    pub(super) leading: Option<(&'static str, LeadingRequests)>,
    /// By case: a command that may reproduce its violation by hand.
    pub(super) by_hand: BTreeMap<&'static str, ByHand>,
    /// Whether the target was lost during a workload and has not been restored since.
    pub(super) is_lost: bool,
}

impl<'o> Gate<'o> {
    /// Returns a run that has not started.
    #[must_use]
    pub(crate) fn new(options: &'o Options, seed: u64, concurrency: u32) -> Self {
        let report = RunReport {
            addr: String::new(),
            seed,
            concurrency,
            options: options.of_run(seed, concurrency),
            verdict: Verdict::Unknown,
            hint: None,
            cause: None,
            items: Vec::new(),
            workloads: Vec::new(),
            case_requests: 0,
            target_ended: None,
        };
        Self {
            options,
            protocol: options.protocol,
            seed,
            concurrency,
            recorder: Recorder::default(),
            results: Results::default(),
            skipped: skip_reasons(options),
            report,
            slowest_pace_per_second: None,
            leading: None,
            by_hand: BTreeMap::new(),
            is_lost: false,
        }
    }

    /// Applies `--strict` to a verdict.
    pub(super) fn apply_strict(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Warn if self.options.flags.strict => Verdict::Fail,
            verdict => verdict,
        }
    }
}
