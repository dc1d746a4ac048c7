//! Faults of packets, in a network namespace of the run: rules of nftables and queueing disciplines.
//!
//! The only interface of the namespace is the loopback. The rules concern the addresses of the clients at fault alone; a queueing
//! discipline concerns all clients.

use std::time::Duration;

use driver::moves::{Act, Source};
use serde_json::Value;

use crate::namespace::{feed, output, run};

/// The condition numbers of these faults.
const CONDITIONS: u16 = 300;

/// The number of the first address of the clients at fault; all of them are in [`ADDRESSES`].
const FIRST_ADDRESS: u32 = 199 * 254 * 254;
const ADDRESSES: &str = "127.200.0.0/16";

/// What happens to packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketFault {
    /// Every tenth of the clients at fault is lost, in each direction: never the same one twice in a row, as chance would have it at times.
    Loss,
    /// All of the clients at fault are lost, in both directions.
    Partition,
    /// Those to the clients at fault are lost.
    RepliesLost,
    /// Those that begin a connection of a client at fault are lost, as where the table of a firewall is full. It ends by itself: a client
    /// that connects meanwhile waits for that.
    NewLost,
    /// All clients share a low rate.
    RateLimited,
    /// All are delayed; some overtake others, and some arrive twice.
    Disturbed,
}

use PacketFault::{Disturbed, Loss, NewLost, Partition, RateLimited, RepliesLost};

const ALL: [PacketFault; 6] = [Loss, Partition, RepliesLost, NewLost, RateLimited, Disturbed];

/// A queueing discipline of Linux: see tc-tbf(8) and tc-netem(8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Discipline {
    /// Token bucket: limits the rate.
    Tbf,
    /// Network emulator: delays, reorders and duplicates packets.
    Netem,
}

use Discipline::{Netem, Tbf};

/// The time for which packets that begin a connection are lost. A client sends them again after a second (RFC 6298, section 2).
const NEW_LOST_TIME: Duration = Duration::from_millis(700);

/// Returns the source of a crowd whose packets are affected.
pub(crate) const fn affected(first: u32) -> Source {
    Source::Each(FIRST_ADDRESS + first)
}

/// Returns the source of a client whose packets are affected.
pub(crate) const fn affected_client(number: u32) -> Source {
    Source::Exactly(FIRST_ADDRESS + number)
}

impl Discipline {
    pub(crate) const ALL: [Self; 2] = [Tbf, Netem];

    /// Returns why this discipline cannot be used here, if it cannot.
    pub(crate) fn obstacle(self) -> Option<String> {
        let (name, some_fault) = match self {
            Tbf => ("tbf", RateLimited),
            Netem => ("netem", Disturbed),
        };
        let added = run("tc", &some_fault.discipline()?.arguments("add"));
        let refused = added.and_then(|()| run("tc", &REMOVE_DISCIPLINE)).err()?;
        Some(format!("{name} cannot be used: {refused}"))
    }
}

/// A queueing discipline with its parameters.
struct Queue(&'static str);

impl Queue {
    fn arguments(&self, action: &'static str) -> Vec<&'static str> {
        ["qdisc", action, "dev", "lo", "root"].into_iter().chain(self.0.split(' ')).collect()
    }
}

const REMOVE_DISCIPLINE: [&str; 5] = ["qdisc", "del", "dev", "lo", "root"];

impl PacketFault {
    /// Returns the act that begins this fault.
    pub(crate) const fn begin(self) -> Act {
        Act::BeginCondition(CONDITIONS + self as u16)
    }

    /// Returns the fault that [`Act::BeginCondition`] begins with this number.
    pub(crate) fn from_condition(number: u16) -> Option<Self> {
        ALL.get(usize::from(number.checked_sub(CONDITIONS)?)).copied()
    }

    /// Returns the time after which the fault ends by itself, if it does.
    pub(crate) const fn time(self) -> Option<Duration> {
        match self {
            NewLost => Some(NEW_LOST_TIME),
            _ => None,
        }
    }

    /// Begins the fault. Returns whether it is in force.
    pub(crate) fn make(self) -> bool {
        match self.discipline() {
            Some(queue) => run("tc", &queue.arguments("add")).is_ok(),
            None => feed("nft", &["-f", "-"], &self.rules()).is_ok(),
        }
    }

    /// Ends the fault. Returns whether it has affected a packet.
    pub(crate) fn end(self) -> bool {
        if self.discipline().is_some() {
            let listed = output("tc", &["-s", "-j", "qdisc", "show", "dev", "lo"]);
            // A token bucket counts the packets that had to wait; the other discipline changes all that it sends, or some.
            let field = if self == RateLimited { "overlimits" } else { "packets" };
            let affected = listed.ok().and_then(|listed| of_discipline(&listed.stdout, field)).unwrap_or(0);
            return run("tc", &REMOVE_DISCIPLINE).is_ok() && affected > 0;
        }
        let listed = output("nft", &["-j", "list", "counter", "inet", "gauntlet", "affected"]);
        let packets = listed.ok().and_then(|listed| packets(&listed.stdout)).unwrap_or(0);
        let is_removed = run("nft", &["delete", "table", "inet", "gauntlet"]).is_ok();
        is_removed && packets > 0
    }

    const fn discipline(self) -> Option<Queue> {
        Some(Queue(match self {
            Loss | Partition | RepliesLost | NewLost => return None,
            RateLimited => "tbf rate 512kbit burst 16kb latency 500ms",
            Disturbed => "netem delay 20ms 10ms reorder 25% 50% duplicate 5%",
        }))
    }

    fn rules(self) -> String {
        let drop = "counter name affected drop";
        let rule = match self {
            Loss => format!("numgen inc mod 10 == 0 {drop}"),
            NewLost => format!("tcp flags & (syn | ack) == syn {drop}"),
            _ => drop.to_owned(),
        };
        let from_clients =
            if self == RepliesLost { String::new() } else { format!("ip saddr {ADDRESSES} {rule};") };
        format!(
            "table inet gauntlet {{
  counter affected {{ }}
  chain input {{ type filter hook input priority 0; {from_clients} ip daddr {ADDRESSES} {rule}; }}
}}"
        )
    }
}

/// Returns the number of packets in the list of a counter.
fn packets(json: &[u8]) -> Option<u64> {
    let list: Value = serde_json::from_slice(json).ok()?;
    list["nftables"].as_array()?.iter().find_map(|entry| entry["counter"]["packets"].as_u64())
}

/// Returns a figure in the list of a queueing discipline.
fn of_discipline(json: &[u8], field: &str) -> Option<u64> {
    let list: Value = serde_json::from_slice(json).ok()?;
    list.as_array()?.iter().find_map(|entry| entry[field].as_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_a_condition_number() {
        for fault in ALL {
            let Act::BeginCondition(number) = fault.begin() else { panic!("{fault:?}") };
            assert_eq!(PacketFault::from_condition(number), Some(fault));
        }
        assert_eq!(PacketFault::from_condition(CONDITIONS + 6), None);
    }

    #[test]
    fn the_addresses_of_the_clients_at_fault_are_affected() {
        let octets = |source: Source| source.address().unwrap().octets();
        assert_eq!(octets(affected_client(0)), [127, 200, 1, 1]);
        assert_eq!(octets(affected(100).of_slot(1100)), [127, 200, 5, 185]);
    }

    #[test]
    fn the_packets_of_a_counter_are_read() {
        let json = br#"{"nftables": [{"metainfo": {}}, {"counter": {"name": "affected", "packets": 7, "bytes": 9}}]}"#;
        assert_eq!(packets(json), Some(7));
        assert_eq!(packets(b"{}"), None);
        let json = br#"[{"kind": "tbf", "packets": 7, "overlimits": 2}]"#;
        assert_eq!(of_discipline(json, "overlimits"), Some(2));
    }
}
