//! Values that several command lines share: durations, addresses of listeners, ranges of seeds, a random seed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// A range of seeds that includes both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedRange {
    /// The first seed.
    pub first: u64,
    /// The last seed.
    pub last: u64,
}

/// The largest number of seeds of one range.
const SEEDS_MAX: u64 = 100_000;

/// Parses a range of seeds such as `1..5`, which includes both ends.
///
/// # Errors
/// The text is not a range, or the range has more than 100,000 seeds.
pub fn seeds(text: &str) -> Result<SeedRange, String> {
    let malformed = || "expected a range such as 1..5, which includes the first and the last seed".to_owned();
    let (first, last) = text.split_once("..").ok_or_else(malformed)?;
    let first = first.parse().map_err(|_| malformed())?;
    let last = last.parse().map_err(|_| malformed())?;
    match last {
        last if last < first => Err("the last seed is smaller than the first".to_owned()),
        last if last - first >= SEEDS_MAX => Err(format!("at most {SEEDS_MAX} seeds can be run")),
        last => Ok(SeedRange { first, last }),
    }
}

/// Parses a positive duration of at most one day; see [`duration_up_to`].
///
/// # Errors
/// The text is not such a duration.
pub fn seconds(text: &str) -> Result<Duration, String> {
    duration_up_to(text, SECONDS_MAX)
}

const SECONDS_MAX: Duration = Duration::from_hours(24);

/// Parses a positive duration up to a limit: a number of seconds, such as `30` or `0.5`, or numbers with units, such as
/// `30s`, `500ms` or `1h30m`.
///
/// # Errors
/// The text is not such a duration.
pub fn duration_up_to(text: &str, max: Duration) -> Result<Duration, String> {
    let seconds = text.parse().ok().or_else(|| with_units(text));
    let seconds: f64 = seconds
        .ok_or("expected a number of seconds, such as 30 or 0.5, or a duration, such as 500ms or 1m30s")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && duration <= max => Ok(duration),
        _ => Err(format!("expected more than 0 and at most {} seconds", max.as_secs())),
    }
}

/// The units of durations, in seconds. The micro sign has two code points.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("\u{b5}s", 1e-6),
    ("\u{3bc}s", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

/// The seconds of a sequence of numbers, each followed by its unit.
fn with_units(text: &str) -> Option<f64> {
    let is_of_number = |character: char| character.is_ascii_digit() || character == '.';
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|character| !is_of_number(character))?);
        let (unit, behind) = behind.split_at(behind.find(is_of_number).unwrap_or(behind.len()));
        let (_, unit_seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        seconds += number.parse::<f64>().ok()? * unit_seconds;
        rest = behind;
    }
    (!text.is_empty()).then_some(seconds)
}

/// Resolves the address of a listener. Without a host, as in `:8080`, it stands for all interfaces: first those of IPv6,
/// which include IPv4 on most systems, then those of IPv4, for hosts without IPv6.
///
/// # Errors
/// The address is malformed or its host is unknown.
pub fn listener_addresses(text: &str) -> io::Result<Vec<SocketAddr>> {
    match text.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()) {
        Some(port) => Ok(vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()]),
        None => Ok(text.to_socket_addrs()?.collect()),
    }
}

/// Draws a seed that is short enough to be typed. This is the only draw that no seed decides.
#[must_use]
pub fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_of_seconds_or_has_units() {
        for (text, expected_ms) in [
            ("30", 30_000),
            ("0.5", 500),
            ("30s", 30_000),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("1m30s", 90_000),
            ("1h0m0.25s", 3_600_250),
            ("24h", 86_400_000),
            ("2000us", 2),
            ("2000\u{b5}s", 2),
            ("3000000ns", 3),
        ] {
            assert_eq!(seconds(text), Ok(Duration::from_millis(expected_ms)), "{text}");
        }
        for text in ["", "s", "30 s", "30x", "1m30", "-1s", "ms5", "1..5s", "30S", "soon"] {
            let message = seconds(text).unwrap_err();
            assert!(message.contains("a number of seconds"), "{text}: {message}");
        }
        for text in ["0", "0s", "-1", "25h", "1e9", "inf", "nan", "99999999999999999999h"] {
            let message = seconds(text).unwrap_err();
            assert!(message.contains("at most 86400"), "{text}: {message}");
        }
    }

    #[test]
    fn an_address_without_a_host_stands_for_all_interfaces() {
        let addresses = |text| listener_addresses(text).map(|addresses| format!("{addresses:?}")).ok();
        assert_eq!(addresses(":8080").as_deref(), Some("[[::]:8080, 0.0.0.0:8080]"));
        assert_eq!(addresses("127.0.0.1:0").as_deref(), Some("[127.0.0.1:0]"));
        for text in ["", ":", ":http", ":65536", "127.0.0.1", "8080"] {
            assert_eq!(addresses(text), None, "{text}");
        }
    }
}
