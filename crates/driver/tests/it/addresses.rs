//! The source addresses of connections.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use driver::moves::Source;

#[test]
fn each_number_maps_to_a_distinct_loopback_address() {
    let addresses: BTreeSet<Ipv4Addr> =
        (0..100_000).filter_map(|number| Source::Own(number).address()).collect();
    assert_eq!(addresses.len(), 100_000);
    let is_plain = |address: &Ipv4Addr| {
        let [first, second, .., last] = address.octets();
        first == 127 && second > 0 && ![0, 255].contains(&last)
    };
    assert!(addresses.iter().all(is_plain));
    assert_eq!(Source::Each(7).of_slot(3), Source::Own(10));
    assert_eq!(Source::Any.address(), None);
}
