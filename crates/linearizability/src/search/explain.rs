//! Explains a violation: finds a small part of the history, the window, that has no linearization by itself.
//!
//! A window begins with a send and ends with the incorrect reply. Changes that were pending at its beginning may take
//! effect within it or not, and the state before it is any of the recent states of the component. A window therefore
//! contains more than the incorrect request if more is needed to determine the state. The search uses the latest
//! beginning that suffices and removes operations that are not needed.

use std::collections::BTreeSet;

use protocol::index::wire::Reply;

use crate::search::component::{Call, Component};
use crate::search::meter::Meter;
use crate::search::result::Reason;
use crate::search::states::ABSENT;
use crate::search::walk::{Stop, Walk};

/// The explanation of a violation, with the operation numbers of the component.
#[derive(Debug)]
pub(super) struct Explanation {
    /// The replies that would have been possible.
    pub(super) possible: Vec<Reply>,
    /// The operations of the window, in the order in which they were sent.
    pub(super) window: Vec<u32>,
    /// The possible states at the beginning: values of the packages that the window names.
    pub(super) states: BTreeSet<Vec<(u32, u32)>>,
    /// Whether another change that conflicts was pending at the same time.
    pub(super) is_contended: bool,
    /// Whether its package was certainly indexed, or certainly not, when the request was sent.
    pub(super) was_indexed: Option<bool>,
}

/// The data for choosing a window.
struct WindowSearch<'a, 'b> {
    component: &'a Component<'b>,
    violating: u32,
    sent_at: u32,
    returns_at: u32,
    /// For each operation, the event of its send.
    sendings: Vec<u32>,
    /// All recent states.
    recent_states: BTreeSet<Vec<u32>>,
}

/// Explains the operation whose reply is this event.
pub(super) fn explain(
    component: &mut Component<'_>,
    returns_at: u32,
    meter: &mut Meter<'_>,
) -> Result<Explanation, Reason> {
    /// The number of events before the reply at which a window may begin.
    const EVENTS_MAX: u32 = 512;
    let violating = component.events[returns_at as usize].of;
    let mut sendings = vec![0; component.calls.len()];
    for (at, event) in (0..).zip(&component.events).filter(|(_, event)| !event.is_reply) {
        sendings[event.of as usize] = at;
    }
    let sent_at = sendings[violating as usize];
    let first = returns_at.saturating_sub(EVENTS_MAX).min(sent_at);
    let mut walk = walk_to(component, first, meter)?;
    let recent_states = states_until(&mut walk, component, first..sent_at, meter)?;
    let when_sent = walk.clone();
    let rest = states_until(&mut walk, component, sent_at..returns_at, meter)?;
    let recent_states =
        recent_states.zip(rest).map(|(recent_states, rest)| recent_states.into_iter().chain(rest).collect());
    let package = component.package(component.calls[violating as usize].step) as usize;
    let mut was_indexed = when_sent.states().into_iter().map(|state| state[package] != ABSENT);
    let first_was_indexed = was_indexed.next();
    let was_indexed = first_was_indexed.filter(|&is_in| was_indexed.all(|other| other == is_in));
    let possible = possible_replies(component, &when_sent, violating, sent_at..=returns_at, meter);
    let search = WindowSearch {
        component,
        violating,
        sent_at,
        returns_at,
        sendings,
        recent_states: recent_states.unwrap_or_default(),
    };
    let (begin, window) = search.window(first, meter);
    let states = search.states_at(begin, &window, meter)?;
    let is_contended = search.is_contended(&window);
    Ok(Explanation { possible, window, states, is_contended, was_indexed })
}

/// Returns the operations that overlap the incorrect one, for use when the budget is exhausted.
pub(super) fn overlapping(component: &Component<'_>, returns_at: u32) -> Vec<u32> {
    /// The number of operations that is still readable.
    const SHOWN_MAX: usize = 64;
    let violating = component.events[returns_at as usize].of;
    let before = component.events[..=returns_at as usize].iter().rev();
    let window = before.take_while(|event| event.is_reply || event.of != violating);
    let overlaps: BTreeSet<u32> = window.map(|event| event.of).take(SHOWN_MAX).chain([violating]).collect();
    overlaps.into_iter().collect()
}

fn walk_to(component: &Component<'_>, event: u32, meter: &mut Meter<'_>) -> Result<Walk, Reason> {
    let mut walk = Walk::from_empty_index(component);
    for event in 0..event {
        advance(&mut walk, component, event, meter)?;
    }
    Ok(walk)
}

/// Advances past an event that has a linearization, as the search found before.
fn advance(
    walk: &mut Walk,
    component: &Component<'_>,
    event: u32,
    meter: &mut Meter<'_>,
) -> Result<(), Reason> {
    match walk.advance(component, event, meter) {
        Ok(()) | Err(Stop::NoLinearization) => Ok(()),
        Err(Stop::Unknown(reason)) => Err(reason),
    }
}

/// Advances past the events and collects the states reached; returns `None` if there are too many.
fn states_until(
    walk: &mut Walk,
    component: &Component<'_>,
    events: std::ops::Range<u32>,
    meter: &mut Meter<'_>,
) -> Result<Option<BTreeSet<Vec<u32>>>, Reason> {
    const STATES_MAX: usize = 256;
    const VALUES_MAX: usize = 1 << 18;
    let states_max = STATES_MAX.min(VALUES_MAX / component.packages.len());
    let mut states = Some(BTreeSet::new());
    for event in events {
        if let Some(known) = &mut states {
            known.extend(walk.states().into_iter().take(states_max + 1).map(<[u32]>::to_vec));
        }
        states = states.filter(|known| known.len() <= states_max);
        advance(walk, component, event, meter)?;
    }
    Ok(states)
}

/// Returns the replies with which the operation would have had a linearization.
fn possible_replies(
    component: &mut Component<'_>,
    when_sent: &Walk,
    of: u32,
    events: std::ops::RangeInclusive<u32>,
    meter: &mut Meter<'_>,
) -> Vec<Reply> {
    let mut possible = vec![];
    for reply in [Reply::Ok, Reply::Fail] {
        let had = component.replace_reply(of, reply);
        let mut walk = when_sent.clone();
        let has_linearization = events.clone().all(|event| walk.advance(component, event, meter).is_ok());
        component.replace_reply(of, had);
        possible.extend((reply != had && has_linearization).then_some(reply));
    }
    possible
}

impl WindowSearch<'_, '_> {
    /// Returns the latest beginning that suffices, with the operations of the window.
    fn window(&self, first: u32, meter: &mut Meter<'_>) -> (u32, Vec<u32>) {
        /// The number of beginnings that are tried.
        const TRIED_MAX: usize = 64;
        let beginnings = (first..=self.sent_at).rev().filter(|&event| !self.event_is_reply(event));
        for begin in beginnings.take(TRIED_MAX) {
            let window = self.pending_or_sent_since(begin);
            if self.has_no_linearization(begin, &window, meter) {
                return (begin, self.minimized(begin, window, meter));
            }
        }
        (self.sent_at, self.pending_or_sent_since(self.sent_at))
    }

    fn event_is_reply(&self, event: u32) -> bool {
        self.component.events[event as usize].is_reply
    }

    /// Returns all operations that were pending at the beginning or were sent later.
    fn pending_or_sent_since(&self, begin: u32) -> Vec<u32> {
        let events = &self.component.events[..=self.returns_at as usize];
        let sent = events.iter().filter(|event| !event.is_reply).map(|event| event.of);
        sent.filter(|&of| {
            let is_change = self.component.change(self.component.calls[of as usize].step).is_some();
            // Of the operations sent before the beginning, only changes can matter.
            let returns_at = self.component.calls[of as usize].returns_at;
            self.sendings[of as usize] >= begin || (is_change && returns_at >= begin)
        })
        .collect()
    }

    /// Returns whether these operations have no linearization from any recent state.
    fn has_no_linearization(&self, begin: u32, window: &[u32], meter: &mut Meter<'_>) -> bool {
        let nothing = vec![ABSENT; self.component.packages.len()];
        if self.recent_states.is_empty() {
            return false;
        }
        let from = self.recent_states.iter().chain([&nothing]).map(Vec::as_slice);
        let mut walk = Walk::new(nothing.len(), from);
        for &of in window.iter().filter(|&&of| self.sendings[of as usize] < begin) {
            let optional = Call { returns_at: Call::LOST, ..self.component.calls[of as usize] };
            if walk.begin(self.component, &optional, meter).is_err() {
                return false;
            }
        }
        let chosen: BTreeSet<u32> = window.iter().copied().collect();
        let of = |event: u32| self.component.events[event as usize].of;
        let mut ends = (begin..=self.returns_at)
            .filter(|&event| chosen.contains(&of(event)))
            .filter_map(|event| walk.advance(self.component, event, meter).err());
        ends.next() == Some(Stop::NoLinearization)
    }

    /// Removes operations that are not needed: reads, and operations independent of the rest.
    fn minimized(&self, begin: u32, window: Vec<u32>, meter: &mut Meter<'_>) -> Vec<u32> {
        let mut window = self.connected(begin, window, meter);
        let mut at = 0;
        while at < window.len() {
            let of = window[at];
            let is_read = self.component.change(self.component.calls[of as usize].step).is_none();
            if is_read && of != self.violating {
                let mut fewer = window.clone();
                fewer.remove(at);
                if self.has_no_linearization(begin, &fewer, meter) {
                    window = fewer;
                    continue;
                }
            }
            at += 1;
        }
        self.connected(begin, window, meter)
    }

    /// Returns the operations on which the incorrect reply may depend.
    fn connected(&self, begin: u32, window: Vec<u32>, meter: &mut Meter<'_>) -> Vec<u32> {
        let step = |of: u32| self.component.calls[of as usize].step;
        let mut reached = BTreeSet::from([self.violating]);
        let mut todo = vec![self.violating];
        while let Some(next) = todo.pop() {
            for &of in &window {
                if self.component.conflict(step(of), step(next)) && reached.insert(of) {
                    todo.push(of);
                }
            }
        }
        let fewer: Vec<u32> = window.iter().copied().filter(|of| reached.contains(of)).collect();
        if fewer.len() < window.len() && self.has_no_linearization(begin, &fewer, meter) {
            fewer
        } else {
            window
        }
    }

    /// Returns the possible states at the beginning, restricted to the packages that the window names.
    fn states_at(
        &self,
        begin: u32,
        window: &[u32],
        meter: &mut Meter<'_>,
    ) -> Result<BTreeSet<Vec<(u32, u32)>>, Reason> {
        let steps = window.iter().map(|&of| self.component.calls[of as usize].step);
        let named: BTreeSet<u32> = steps.flat_map(|step| self.component.named(step)).collect();
        let walk = walk_to(self.component, begin, meter)?;
        let project =
            |state: &[u32]| named.iter().map(|&package| (package, state[package as usize])).collect();
        Ok(walk.states().into_iter().map(project).collect())
    }

    fn is_contended(&self, window: &[u32]) -> bool {
        window.iter().any(|&of| {
            let Call { step, returns_at, .. } = self.component.calls[of as usize];
            of != self.violating && self.component.change(step).is_some() && returns_at >= self.sent_at
        })
    }
}
