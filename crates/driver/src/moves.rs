//! What a client can do, and the rule that says what it does next.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which of its connections a client means; it numbers them as it likes.
pub type Slot = u16;

/// One move of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move<'a> {
    /// Wait until every client of the run is here; then the phase with this number begins.
    BeginPhase(u32),
    /// Wait until every client of the run is here.
    Meet,
    /// Let time pass.
    Pause(Duration),
    /// Wait until so much time has passed since the run began.
    Until(Duration),
    /// Note in the history that this part begins.
    Mark(u32),
    /// Open a connection in a slot that is free.
    Open(Slot),
    /// Open one from this address.
    OpenFrom(Slot, Source),
    /// Open one by IPv6 to the target's IPv4 address, as a program does that knows IPv6 only.
    OpenMapped(Slot),
    /// Open connections in all slots from one to another, all at once.
    OpenAll(Slot, Slot, Source),
    /// Open one, with as little room for replies as the system allows: a target that is not read is soon blocked.
    OpenNarrow(Slot),
    /// Open one by way of the relay that stands before the target.
    OpenAlternate(Slot),
    /// Send these bytes.
    Send(Slot, &'a [u8]),
    /// Send these bytes over and over, until the target has taken none for a while or this many went.
    Flood(Slot, &'a [u8], usize),
    /// Await this many replies.
    Await(Slot, usize),
    /// Take in so many bytes at the most, of what is there by now.
    Take(Slot, usize),
    /// Take in what comes until the target ends the connection, for so long.
    AwaitEnd(Slot, Duration),
    /// End the sending half; replies can still come.
    EndSending(Slot),
    /// Vanish: the connection is reset.
    Reset(Slot),
    /// End the sending half, take in what still comes, and close.
    Close(Slot),
    /// The same for all connections of the client at once.
    CloseAll,
    /// Look what the target's process takes of its machine.
    Sample,
    /// Do something to the target's process.
    Act(Act),
    /// The client is done with the run.
    Done,
}

/// The address that a client connects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The one that the system chooses.
    Any,
    /// The one of the loopback network that has this number, where the target is on loopback and the system has more than
    /// one address there; else the one that the system chooses.
    Own(u32),
    /// The same, and for each slot another one: the number of the slot is added.
    Each(u32),
    /// The one that has this number, and no other: where there is none, the connection cannot be opened.
    Exactly(u32),
}

impl Source {
    /// That of the connection in this slot.
    #[must_use]
    pub fn of_slot(self, slot: Slot) -> Self {
        match self {
            Self::Each(first) => Self::Own(first.wrapping_add(slot.into())),
            other => other,
        }
    }

    /// The address of the loopback network that is meant, if one is: never one that the system chooses by itself.
    #[must_use]
    pub fn address(self) -> Option<Ipv4Addr> {
        let (Self::Own(number) | Self::Each(number) | Self::Exactly(number)) = self else { return None };
        // 254 values each, so that none ends in 0 or 255.
        let octet = |number: u32| u8::try_from(number % 254).map_or(1, |octet| octet + 1);
        Some(Ipv4Addr::new(127, octet(number / (254 * 254)), octet(number / 254), octet(number)))
    }
}

/// An action on the target's process or on its environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Stops the process with SIGSTOP.
    Stop,
    /// Continues a stopped process.
    Continue,
    /// Kills the process.
    Kill,
    /// Sets the limit on the number of open file descriptors.
    LimitDescriptors(u32),
    /// Restores the previous limit on open file descriptors.
    RestoreDescriptors,
    /// Changes the settings file of the target to the version with this index.
    ChangeSetting(u16),
    /// Begins a condition that the environment of the run defines, such as an impaired path; the number is the
    /// environment's own. Bytes may be changed or lost from here on.
    BeginCondition(u16),
    /// Ends that condition.
    EndCondition,
}

/// The result of a client's last move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveResult<'a> {
    /// The move was made; it has no other result.
    Done,
    /// The awaited replies, without delimiters. A reply above the length limit is empty.
    Replies(&'a [Vec<u8>]),
    /// The move failed: the connection is closed, or no reply arrived in time.
    Failed,
}

/// Decides the moves of one client from the results of its earlier moves. A script is pure: equal results lead to
/// equal moves.
pub trait Script {
    /// Returns the next move, given the result of the last one.
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_>;
}

impl Script for Box<dyn Script> {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        (**self).next(result)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_number_has_an_address_of_its_own_that_is_nobody_elses() {
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
}
