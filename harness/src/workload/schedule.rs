//! The schedule of concurrent workloads: requests of all clients at the same time, or one request at a time.

use driver::history::Params;

/// The requests that are in flight at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RequestSchedule {
    /// One request of each client.
    #[default]
    Concurrent,
    /// One request in total; the seed determines the next client.
    Lockstep,
}

/// Whether the parameters ask for one request at a time.
pub(crate) fn is_lockstep(params: &Params) -> bool {
    params.get("schedule") == Some("lockstep")
}

/// Returns the reason for which a workload with several requests in flight is not run.
pub(crate) fn lockstep_skip_reason(params: &Params) -> Option<String> {
    is_lockstep(params).then(|| "with --schedule lockstep only one request is in flight at a time".to_owned())
}
