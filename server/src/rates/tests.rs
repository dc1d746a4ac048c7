//! Tests of the rate limits.

use super::*;

fn rates(rate: u32) -> Rates {
    let rate = NonZeroU32::new(rate);
    Rates::new(&Limits { connect_rate: rate, request_rate: rate, ..Limits::default() })
}

#[test]
fn each_address_has_its_own_bucket() {
    let (rates, here, there) = (rates(3), [127, 0, 0, 1].into(), [127, 0, 0, 2].into());
    assert_eq!([(); 4].map(|()| rates.allows_connection(here)), [true, true, true, false]);
    assert!(rates.allows_connection(there));
    assert_eq!([2, 2].map(|requests| rates.allows_requests(here, requests)), [true, false]);
    assert!(!rates.allows_requests(there, 4), "the batch is larger than the bucket");
    assert!(rates.allows_requests(there, 0));
}

#[test]
fn without_a_limit_everything_is_allowed() {
    let rates = Rates::new(&Limits::default());
    assert!((0..1000).all(|_| rates.allows_connection([127, 0, 0, 1].into())));
    assert!(rates.allows_requests([127, 0, 0, 1].into(), usize::MAX));
}

#[test]
fn limits_apply_to_an_ipv4_address_or_an_ipv6_network() {
    let limited = |text: &str| limited_address(text.parse().unwrap()).to_string();
    assert_eq!(limited("192.0.2.7"), "192.0.2.7");
    assert_eq!(limited("::ffff:192.0.2.7"), "192.0.2.7");
    assert_eq!(limited("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
}
