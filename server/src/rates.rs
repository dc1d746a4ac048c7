//! Rate limits per client address: a token bucket each, refilled within a second.

#[cfg(test)]
mod tests;

use std::hash::RandomState;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::MonotonicClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::limits::Limits;

type Buckets = RateLimiter<IpAddr, HashMapStateStore<IpAddr, RandomState>, MonotonicClock>;

/// The buckets of all client addresses, for the limits that are set.
#[derive(Debug)]
pub(crate) struct Rates {
    connections: Option<Buckets>,
    requests: Option<Buckets>,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let buckets = |rate: NonZeroU32| Buckets::hashmap_with_clock(Quota::per_second(rate), MonotonicClock);
        Self { connections: limits.connect_rate.map(buckets), requests: limits.request_rate.map(buckets) }
    }

    /// Counts a new connection and reports whether the address is within its limit.
    pub(crate) fn allows_connection(&self, address: IpAddr) -> bool {
        self.connections.as_ref().is_none_or(|buckets| buckets.check_key(&address).is_ok())
    }

    /// Counts requests and reports whether the address is within its limit.
    pub(crate) fn allows_requests(&self, address: IpAddr, requests: usize) -> bool {
        let (Some(buckets), Ok(requests)) = (&self.requests, u32::try_from(requests)) else { return true };
        // A batch larger than the bucket exceeds the rate of a whole second.
        NonZeroU32::new(requests)
            .is_none_or(|requests| buckets.check_key_n(&address, requests).is_ok_and(|taken| taken.is_ok()))
    }

    /// Removes the full buckets: their addresses have been inactive for a second.
    pub(crate) fn remove_inactive(&self) {
        for buckets in [&self.connections, &self.requests].into_iter().flatten() {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
    }
}

/// The client address that limits apply to. For IPv6 this is the /64 network, because a host can use all addresses in it.
pub(crate) fn limited_address(peer: IpAddr) -> IpAddr {
    const NETWORK: u128 = !(u64::MAX as u128);
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
        address @ IpAddr::V4(_) => address,
    }
}
