//! The reasons for which the options exclude cases and workloads.

use std::collections::BTreeMap;

use conformance::case::Runs;
use verdict::selection::{NOT_SELECTED, Subject};

use crate::options::Options;

/// The reason for which a case with clients of several addresses is not run.
const NEEDS_CLIENT_ADDRESSES: &str = "it needs clients with several addresses; start the target with --exec on 127.0.0.1, so \
     that no relay hides them";

/// Returns, by id, the reason for which a case or workload is not run, as far as the options decide it.
pub(super) fn skip_reasons(options: &Options) -> BTreeMap<&'static str, String> {
    let protocol = options.protocol;
    let missing = |runs| match runs {
        Runs::WithSettings(names) => options.choice.missing_setting(names),
        Runs::WithAddresses => (!options.choice.sees_addresses()).then(|| NEEDS_CLIENT_ADDRESSES.to_owned()),
        _ => None,
    };
    let reason = |subject: &Subject| {
        // Whatever is selected, a target that does not survive the run has failed.
        let is_always = subject.id == protocol.suite.alive;
        let not_selected = options.selection.wants(subject).err();
        let not_selected = not_selected.filter(|cause| !is_always || *cause != NOT_SELECTED);
        let runs = protocol.suite.find(subject.id).map_or(Runs::Always, |case| case.runs);
        let is_requested = match runs {
            Runs::WithStallLimit => options.flags.stall_limit.is_some(),
            Runs::WithProcess => options.flags.process,
            Runs::InEdition(edition) => options.flags.edition.number() >= edition,
            Runs::Always | Runs::WithPace(_) | Runs::WithAddresses | Runs::WithSettings(_) => true,
        };
        let on_request = runs.skip_reason().filter(|_| !is_requested);
        let cause = not_selected.or(on_request).map(str::to_owned);
        cause.or_else(|| missing(runs)).map(|cause| (subject.id, cause))
    };
    protocol.subjects().iter().filter_map(reason).collect()
}
