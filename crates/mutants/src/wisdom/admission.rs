//! Limits the number of connections, in total and for each address prefix.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) struct Admission {
    connections_max: usize,
    connections_per_address_max: usize,
    /// The number of connections for each prefix with at least one.
    counts: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Admission {
    pub(super) fn new(connections_max: usize, connections_per_address_max: usize) -> Self {
        Self { connections_max, connections_per_address_max, counts: Mutex::default() }
    }

    /// Admits a client and counts it, unless a limit is reached.
    pub(super) fn enter(&self, client: IpAddr) -> bool {
        let mut counts = self.lock();
        let prefix = prefix(client);
        let own_count = counts.get(&prefix).copied().unwrap_or(0);
        let has_room = counts.values().sum::<usize>() < self.connections_max
            && own_count < self.connections_per_address_max;
        if has_room {
            counts.insert(prefix, own_count + 1);
        }
        has_room
    }

    /// Removes an admitted client from the counts.
    pub(super) fn leave(&self, client: IpAddr) {
        let mut counts = self.lock();
        let prefix = prefix(client);
        match counts.get_mut(&prefix) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&prefix)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the prefix that counts as one client: an IPv4 address, or an IPv6 network of 64 bits.
fn prefix(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_in_total_and_for_each_prefix() {
        let admission = Admission::new(3, 2);
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(admission.enter(at("127.0.0.1")) && admission.enter(at("::ffff:127.0.0.1")));
        assert!(!admission.enter(at("127.0.0.1")), "limit of an address");
        assert!(admission.enter(at("2001:db8::1")));
        assert!(!admission.enter(at("127.0.0.2")), "limit in total");
        admission.leave(at("127.0.0.1"));
        assert!(admission.enter(at("2001:db8::2")));
        assert!(!admission.enter(at("2001:db8::3")), "one network");
    }
}
