//! Where a report comes from: the program, its machine, and the time of the run.

use std::fmt;
use std::thread::available_parallelism;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

/// The program that made a report, its machine, and the time.
#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    /// The name of the program: `harness` or `chaos`.
    pub program: &'static str,
    /// The version of the kit.
    pub version: &'static str,
    /// The machine of the program. A started target runs there too.
    pub host: Host,
    /// The time when the first run began, in UTC.
    #[serde(serialize_with = "serialize_time")]
    pub began_at: DateTime<Utc>,
    /// The time when the last run ended, in UTC.
    #[serde(serialize_with = "serialize_time")]
    pub ended_at: DateTime<Utc>,
}

/// A machine.
#[derive(Clone, Debug, Serialize)]
pub struct Host {
    /// Its name in the network.
    pub name: String,
    /// The operating system, its release and the kind of processor.
    pub system: String,
    /// The number of processors that the program may use.
    pub processors: usize,
}

impl Origin {
    /// Returns the origin of a report whose runs took place on this machine in this period.
    #[must_use]
    pub fn new(program: &'static str, began: SystemTime, ended: SystemTime) -> Self {
        let host = Host::this();
        Self {
            program,
            version: env!("CARGO_PKG_VERSION"),
            host,
            began_at: began.into(),
            ended_at: ended.into(),
        }
    }

    /// Returns the time when the first run began, as RFC 3339 with seconds.
    #[must_use]
    pub fn began(&self) -> String {
        self.began_at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }
}

impl Host {
    fn this() -> Self {
        let of_system = rustix::system::uname();
        let [name, system, release, machine] =
            [of_system.nodename(), of_system.sysname(), of_system.release(), of_system.machine()]
                .map(|text| text.to_string_lossy().into_owned());
        Self {
            name,
            system: format!("{system} {release} {machine}"),
            processors: available_parallelism().map_or(1, usize::from),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, system, processors } = self;
        let plural = if *processors == 1 { "" } else { "s" };
        write!(formatter, "{name}, {system}, {processors} processor{plural}")
    }
}

fn serialize_time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let began = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_599_500);
        let origin = Origin::new("harness", began, began + Duration::from_secs(1));
        assert_eq!(origin.began(), "2025-12-31T23:59:59Z");
        let written = serde_json::to_value(&origin).unwrap();
        assert_eq!(written["ended_at"], "2026-01-01T00:00:00.500Z");
    }

    #[test]
    fn a_host_is_described_in_one_line() {
        let host = Host { name: "a".to_owned(), system: "Linux 6.1 x86_64".to_owned(), processors: 1 };
        assert_eq!(host.to_string(), "a, Linux 6.1 x86_64, 1 processor");
    }
}
