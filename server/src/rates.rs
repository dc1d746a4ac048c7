//! How often an address may come and ask: a bucket of tokens for each, which a second fills.

use std::hash::RandomState;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::MonotonicClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::limits::Limits;

type Buckets = RateLimiter<IpAddr, HashMapStateStore<IpAddr, RandomState>, MonotonicClock>;

/// The buckets of all addresses, where there is a limit.
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

    /// Whether an address may open a connection now.
    pub(crate) fn may_connect(&self, address: IpAddr) -> bool {
        self.connections.as_ref().is_none_or(|buckets| buckets.check_key(&address).is_ok())
    }

    /// Whether an address, which has asked so many times just now, may go on.
    pub(crate) fn may_go_on(&self, address: IpAddr, requests: usize) -> bool {
        let (Some(buckets), Ok(requests)) = (&self.requests, u32::try_from(requests)) else { return true };
        // More at once than a bucket holds is more than a second's worth.
        NonZeroU32::new(requests)
            .is_none_or(|requests| buckets.check_key_n(&address, requests).is_ok_and(|taken| taken.is_ok()))
    }

    /// Forgets addresses whose buckets are full again, so that memory follows who is here.
    pub(crate) fn forget_absent(&self) {
        for buckets in [&self.connections, &self.requests].into_iter().flatten() {
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
    }
}

/// What counts as one address: of IPv6 the network, since a host has as many addresses in it as it likes.
pub(crate) fn address_of(peer: IpAddr) -> IpAddr {
    const NETWORK: u128 = !(u64::MAX as u128);
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(rate: u32) -> Rates {
        let rate = NonZeroU32::new(rate);
        Rates::new(&Limits { connect_rate: rate, request_rate: rate, ..Limits::default() })
    }

    #[test]
    fn a_bucket_is_emptied_and_others_are_not() {
        let (rates, here, there) = (rates(3), [127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        assert_eq!([(); 4].map(|()| rates.may_connect(here)), [true, true, true, false]);
        assert!(rates.may_connect(there));
        assert_eq!([2, 2].map(|requests| rates.may_go_on(here, requests)), [true, false]);
        assert!(!rates.may_go_on(there, 4), "more than a bucket holds");
        assert!(rates.may_go_on(there, 0));
    }

    #[test]
    fn without_a_limit_everybody_may() {
        let rates = Rates::new(&Limits::default());
        assert!((0..1000).all(|_| rates.may_connect([127, 0, 0, 1].into())));
        assert!(rates.may_go_on([127, 0, 0, 1].into(), usize::MAX));
    }

    #[test]
    fn an_address_is_a_host_or_a_network() {
        let of = |text: &str| address_of(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
