//! Services that a target uses, such as a database, each behind a relay that makes it slow or unreachable.

use std::collections::BTreeMap;
use std::io;

use driver::moves::Act;
use proxy::{Kind, Stream, Toxic};
use target::Choice;

use crate::error::Error;
use crate::relay::Relay;

/// A service that the target uses: a value of `--through`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    name: String,
    addr: String,
}

impl Dependency {
    /// Parses `NAME=HOST:PORT`.
    ///
    /// # Errors
    /// The text has another form, or the name is one of the placeholders that every command has.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, addr) =
            text.split_once('=').ok_or("expected NAME=HOST:PORT, such as redis=127.0.0.1:6379")?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err("a name consists of letters, digits, - and _");
        }
        if ["addr", "port"].contains(&name) {
            return Err("{addr} and {port} represent the target; choose another name");
        }
        let has_port = addr
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
        if !has_port {
            return Err("expected a host and a port after the name, such as redis=127.0.0.1:6379");
        }
        Ok(Self { name: name.to_owned(), addr: addr.to_owned() })
    }

    /// Returns the flag that names this service.
    fn flag(&self) -> String {
        format!("--through {}={}", self.name, self.addr)
    }

    fn placeholder(&self) -> String {
        format!("{{{}}}", self.name)
    }
}

/// Returns the flags that name these services, each with a space after it.
pub(crate) fn flags(dependencies: &[Dependency]) -> String {
    dependencies.iter().map(|dependency| dependency.flag() + " ").collect()
}

/// Verifies that the target can be told the address of each relay.
///
/// # Errors
/// The target is not a command with a placeholder for each service.
pub(crate) fn verify(dependencies: &[Dependency], choice: &Choice) -> Result<(), Error> {
    let is_missing = |dependency: &&Dependency| match choice {
        Choice::Exec { command, .. } => !command.contains(&dependency.placeholder()),
        _ => true,
    };
    match dependencies.iter().find(is_missing) {
        None => Ok(()),
        Some(Dependency { name, .. }) => Err(Error::Through { name: name.clone() }),
    }
}

/// What happens to all services that the target uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DependencyFault {
    /// Requests and replies are delayed.
    Delayed,
    /// Connections are closed, also new ones.
    Cut,
    /// No data passes; what was sent meanwhile arrives later, as when a partition heals.
    Stalled,
}

use DependencyFault::{Cut, Delayed, Stalled};

/// The condition numbers of these faults; those of network faults are lower.
const CONDITIONS: u16 = 100;
const ALL: [DependencyFault; 3] = [Delayed, Cut, Stalled];

impl DependencyFault {
    /// Returns the act that begins this fault.
    pub(crate) const fn begin(self) -> Act {
        Act::BeginCondition(CONDITIONS + self as u16)
    }

    /// Returns the fault that [`Act::BeginCondition`] begins with this number.
    pub(crate) fn from_condition(number: u16) -> Option<Self> {
        ALL.get(usize::from(number.checked_sub(CONDITIONS)?)).copied()
    }

    fn toxics(self) -> impl Iterator<Item = Toxic> {
        let (first, second) = match self {
            Delayed => (
                Kind::Latency { latency_ms: 250, jitter_ms: 50 },
                Kind::Latency { latency_ms: 250, jitter_ms: 50 },
            ),
            Cut => (Kind::Down {}, Kind::Noop {}),
            Stalled => (Kind::Bandwidth { rate_kb_per_second: 0 }, Kind::Bandwidth { rate_kb_per_second: 0 }),
        };
        [Toxic::new(Stream::Upstream, first), Toxic::new(Stream::Downstream, second)].into_iter()
    }
}

/// The relays before the services that the target uses.
#[derive(Default)]
pub(crate) struct Dependencies {
    /// By placeholder. They exist as long as the run, because a target that is started again uses the same addresses.
    relays: BTreeMap<String, Relay>,
}

impl Dependencies {
    /// Starts a relay before each service.
    ///
    /// # Errors
    /// No port is free.
    pub(crate) async fn start(dependencies: &[Dependency], seed: u64) -> io::Result<Self> {
        let mut relays = BTreeMap::new();
        for dependency in dependencies {
            let relay = Relay::start(&dependency.name, dependency.addr.clone(), seed).await?;
            relays.insert(dependency.placeholder(), relay);
        }
        Ok(Self { relays })
    }

    /// Returns the choice with the address of each relay in its command.
    pub(crate) fn fill(&self, choice: &Choice) -> Choice {
        match choice {
            Choice::Exec { command, addr } => {
                let fill = |command: String, (placeholder, relay): (&String, &Relay)| {
                    command.replace(placeholder, &relay.addr().to_string())
                };
                Choice::Exec { command: self.relays.iter().fold(command.clone(), fill), addr: addr.clone() }
            }
            other => other.clone(),
        }
    }

    /// Returns whether the target uses no service.
    pub(crate) fn is_empty(&self) -> bool {
        self.relays.is_empty()
    }

    /// Begins a fault of all services; returns false if that fails.
    pub(crate) fn begin(&self, fault: DependencyFault) -> bool {
        !self.relays.is_empty() && self.relays.values().all(|relay| relay.begin(fault.toxics()))
    }

    /// Ends the fault; returns false if it had no effect on any service.
    pub(crate) fn end(&self) -> bool {
        let effective: Vec<bool> = self.relays.values().map(Relay::end).collect();
        effective.contains(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_name_a_host_and_a_port() {
        let redis = Dependency::parse("redis=127.0.0.1:6379").unwrap();
        assert_eq!(flags(&[redis]), "--through redis=127.0.0.1:6379 ");
        for invalid in
            ["redis", "=127.0.0.1:1", "redis=localhost", "redis=:1", "redis=a:0", "addr=a:1", "a b=c:1"]
        {
            Dependency::parse(invalid).unwrap_err();
        }
    }

    #[test]
    fn a_command_needs_a_placeholder_for_each_service() {
        let redis = [Dependency::parse("redis=127.0.0.1:6379").unwrap()];
        let exec = |command: &str| Choice::Exec { command: command.to_owned(), addr: None };
        verify(&redis, &exec("serve {addr} {redis}")).unwrap();
        verify(&[], &Choice::BuiltIn).unwrap();
        let error = verify(&redis, &exec("serve {addr}")).unwrap_err().to_string();
        assert!(error.contains("{redis}"), "{error}");
        verify(&redis, &Choice::BuiltIn).unwrap_err();
    }

    #[test]
    fn each_fault_has_a_condition_number() {
        for fault in ALL {
            let Act::BeginCondition(number) = fault.begin() else { panic!("{fault:?}") };
            assert_eq!(DependencyFault::from_condition(number), Some(fault));
            assert_eq!(crate::network_fault::NetworkFault::from_condition(number), None);
        }
        assert_eq!(DependencyFault::from_condition(0), None);
    }
}
