//! Faults of packets, in a network namespace of the run: loss and partitions, made by nftables.
//!
//! The whole run moves into a namespace whose only interface is the loopback: chaos replaces its process by one that `unshare` starts
//! there. The rules concern the addresses of the clients at fault alone, and end with the namespace.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use driver::moves::{Act, Source};
use serde_json::Value;

/// The variable that tells a process that it runs in a namespace of its own.
const INSIDE: &str = "GAUNTLET_NETWORK_NAMESPACE";

/// The condition numbers of these faults.
const CONDITIONS: u16 = 300;

/// The number of the first address of the clients at fault; all of them are in [`ADDRESSES`].
const FIRST_ADDRESS: u32 = 199 * 254 * 254;
const ADDRESSES: &str = "127.200.0.0/16";

/// What happens to the packets of the clients at fault, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketFault {
    /// One in ten is lost.
    Loss,
    /// All are lost.
    Partition,
    /// Those to the clients are lost.
    RepliesLost,
}

use PacketFault::{Loss, Partition, RepliesLost};

const ALL: [PacketFault; 3] = [Loss, Partition, RepliesLost];

/// Returns the source of a crowd whose packets are affected.
pub(crate) const fn affected(first: u32) -> Source {
    Source::Each(FIRST_ADDRESS + first)
}

/// Returns the source of a client whose packets are affected.
pub(crate) const fn affected_client(number: u32) -> Source {
    Source::Exactly(FIRST_ADDRESS + number)
}

/// Moves the run into a network namespace: replaces this process, with the same arguments. Returns only if that is done already, or
/// with the reason why it is impossible.
pub(crate) fn enter(arguments: &[OsString]) -> Result<(), String> {
    if std::env::var_os(INSIDE).is_some() {
        return run("ip", &["link", "set", "lo", "up"]);
    }
    let is_root = rustix::process::geteuid().is_root();
    // Without privileges, only a user namespace of one's own may contain others.
    let flags: &[&str] = if is_root { &["--net"] } else { &["--net", "--user", "--map-root-user"] };
    let tools = [("ip", &["-Version"][..]), ("nft", &["--version"])];
    let missing = tools.into_iter().find_map(|(tool, arguments)| run(tool, arguments).err());
    if let Some(cause) = missing.or_else(|| run("unshare", &[flags, &["true"]].concat()).err()) {
        return Err(cause);
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("unshare");
    let error = command.args(flags).arg("--").arg(own).args(&arguments[1..]).env(INSIDE, "1").exec();
    Err(format!("unshare: {error}"))
}

impl PacketFault {
    /// Returns the act that begins this fault.
    pub(crate) const fn begin(self) -> Act {
        Act::BeginCondition(CONDITIONS + self as u16)
    }

    /// Returns the fault that [`Act::BeginCondition`] begins with this number.
    pub(crate) fn from_condition(number: u16) -> Option<Self> {
        ALL.get(usize::from(number.checked_sub(CONDITIONS)?)).copied()
    }

    /// Makes the rules. Returns whether they are in force.
    pub(crate) fn make(self) -> bool {
        let rule = match self {
            Loss => "numgen random mod 100 < 10 counter name affected drop",
            Partition | RepliesLost => "counter name affected drop",
        };
        let from_clients =
            if self == RepliesLost { String::new() } else { format!("ip saddr {ADDRESSES} {rule};") };
        let rules = format!(
            "table inet gauntlet {{
  counter affected {{ }}
  chain input {{ type filter hook input priority 0; {from_clients} ip daddr {ADDRESSES} {rule}; }}
}}"
        );
        feed("nft", &["-f", "-"], &rules).is_ok()
    }

    /// Removes the rules. Returns whether they have affected a packet.
    pub(crate) fn end() -> bool {
        let listed = output("nft", &["-j", "list", "counter", "inet", "gauntlet", "affected"]);
        let packets = listed.ok().and_then(|listed| packets(&listed.stdout)).unwrap_or(0);
        let is_removed = run("nft", &["delete", "table", "inet", "gauntlet"]).is_ok();
        is_removed && packets > 0
    }
}

/// Returns the number of packets in the list of a counter.
fn packets(json: &[u8]) -> Option<u64> {
    let list: Value = serde_json::from_slice(json).ok()?;
    list["nftables"].as_array()?.iter().find_map(|entry| entry["counter"]["packets"].as_u64())
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    output(program, arguments).map(drop)
}

fn output(program: &str, arguments: &[&str]) -> Result<Output, String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    succeeded(program, output)
}

/// Runs a program with this input.
fn feed(program: &str, arguments: &[&str], input: &str) -> Result<(), String> {
    let run = || {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        child.wait_with_output()
    };
    succeeded(program, run()).map(drop)
}

fn succeeded(program: &str, output: std::io::Result<Output>) -> Result<Output, String> {
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().next().unwrap_or_default().trim();
    Err(format!("{program} ended with {}: {line}", output.status))
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
        assert_eq!(PacketFault::from_condition(CONDITIONS + 3), None);
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
    }
}
