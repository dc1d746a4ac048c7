//! The protocol registry: the protocols whose servers can be tested under faults.

use crate::chaos_protocol::ChaosProtocol;
use crate::index::INDEX;
use crate::wisdom::WISDOM;

/// All protocols, the default one first.
pub static PROTOCOLS: [&ChaosProtocol; 2] = [&INDEX, &WISDOM];

/// Returns the protocol with this name.
///
/// # Errors
/// No protocol has this name; the error lists the names.
pub fn by_name(name: &str) -> Result<&'static ChaosProtocol, String> {
    let found = PROTOCOLS.into_iter().find(|protocol| protocol.name == name);
    let names = || PROTOCOLS.map(|protocol| protocol.name).join(", ");
    found.ok_or_else(|| format!("the protocols are: {}", names()))
}

/// Parses the name of a protocol.
///
/// # Errors
/// No protocol has this name; the error lists the names.
pub(crate) fn parse_name(name: &str) -> Result<&'static str, String> {
    by_name(name).map(|protocol| protocol.name)
}

/// Returns the protocol with a name that was parsed, or the default one.
#[must_use]
pub(crate) fn named(name: &str) -> &'static ChaosProtocol {
    by_name(name).unwrap_or(PROTOCOLS[0])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::fault::State;

    #[test]
    fn each_protocol_is_found_by_its_name() {
        for protocol in PROTOCOLS {
            assert_eq!(by_name(protocol.name), Ok(protocol));
            assert!(protocol.workload.starts_with(protocol.name));
        }
        assert_eq!(by_name("gopher"), Err("the protocols are: index, wisdom".to_owned()));
    }

    #[test]
    fn each_fault_is_complete_and_has_a_unique_id() {
        for protocol in PROTOCOLS {
            let mut seen = BTreeSet::new();
            for fault in protocol.faults() {
                assert!(seen.insert(fault.id), "duplicate id {}", fault.id);
                assert!(fault.summary.ends_with('.') && !fault.parameters.is_empty(), "{}", fault.id);
                assert!(fault.sequel.is_empty() || fault.ends_target, "{}", fault.id);
                let is_known = |state: &State| protocol.states.iter().any(|known| known.name == state.name);
                assert!(!fault.states.is_empty() && fault.states.iter().all(is_known), "{}", fault.id);
            }
        }
    }
}
