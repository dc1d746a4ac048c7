//! Why a reply fits nowhere: the smallest part of the history, found so far, that has no order by itself.
//!
//! A window begins with a sending and ends with the reply. What was under way at its beginning may have happened in it or
//! not, and what was in before is one of all states that the component was in lately; so a window is longer than the
//! wrong request alone if it takes more to know what must have been. It is the latest beginning that will do, without
//! the requests that are not needed.

use std::collections::BTreeSet;

use protocol::index::wire::Reply;

use super::Reason;
use super::component::{Component, Move};
use super::meter::Meter;
use super::states::OUT;
use super::walk::{End, Walk};

/// What is told of a reply that fits nowhere, in numbers of the component.
#[derive(Debug)]
pub(super) struct Explanation {
    /// The replies that would have fitted.
    pub(super) possible: Vec<Reply>,
    /// The operations of the window, in the order of their sending.
    pub(super) window: Vec<u32>,
    /// What may have been in at its beginning: values of the packages that the window names.
    pub(super) states: BTreeSet<Vec<(u32, u32)>>,
    /// Whether another change that matters was under way at the same time.
    pub(super) is_contended: bool,
    /// Whether its package was certainly in, or certainly out, when it was sent.
    pub(super) was_in: Option<bool>,
}

/// What is looked at.
struct Scene<'a, 'b> {
    component: &'a Component<'b>,
    offender: u32,
    sent_at: u32,
    returns_at: u32,
    /// By operation, the event of its sending.
    sendings: Vec<u32>,
    /// All states of lately.
    wide: BTreeSet<Vec<u32>>,
}

/// Explains the operation whose reply is this event.
pub(super) fn explain(
    component: &mut Component<'_>,
    returns_at: u32,
    meter: &mut Meter<'_>,
) -> Result<Explanation, Reason> {
    /// How far before the reply a window may begin.
    const EVENTS_MAX: u32 = 512;
    let offender = component.events[returns_at as usize].of;
    let mut sendings = vec![0; component.moves.len()];
    for (at, event) in (0..).zip(&component.events).filter(|(_, event)| !event.is_reply) {
        sendings[event.of as usize] = at;
    }
    let sent_at = sendings[offender as usize];
    let first = returns_at.saturating_sub(EVENTS_MAX).min(sent_at);
    let mut walk = walk_to(component, first, meter)?;
    let wide = states_until(&mut walk, component, first..sent_at, meter)?;
    let when_sent = walk.clone();
    let rest = states_until(&mut walk, component, sent_at..returns_at, meter)?;
    let wide = wide.zip(rest).map(|(wide, rest)| wide.into_iter().chain(rest).collect());
    let package = component.package(component.moves[offender as usize].step) as usize;
    let mut was_in = when_sent.states().into_iter().map(|state| state[package] != OUT);
    let first_was_in = was_in.next();
    let was_in = first_was_in.filter(|&is_in| was_in.all(|other| other == is_in));
    let possible = possible_replies(component, &when_sent, offender, sent_at..=returns_at, meter);
    let scene = Scene { component, offender, sent_at, returns_at, sendings, wide: wide.unwrap_or_default() };
    let (begin, window) = scene.window(first, meter);
    let states = scene.states_at(begin, &window, meter)?;
    let is_contended = scene.is_contended(&window);
    Ok(Explanation { possible, window, states, is_contended, was_in })
}

/// What is shown if there is no budget for more: the operations that overlap it.
pub(super) fn overlapping(component: &Component<'_>, returns_at: u32) -> Vec<u32> {
    /// More nobody looks at.
    const SHOWN_MAX: usize = 64;
    let offender = component.events[returns_at as usize].of;
    let before = component.events[..=returns_at as usize].iter().rev();
    let window = before.take_while(|event| event.is_reply || event.of != offender);
    let overlaps: BTreeSet<u32> = window.map(|event| event.of).take(SHOWN_MAX).chain([offender]).collect();
    overlaps.into_iter().collect()
}

fn walk_to(component: &Component<'_>, event: u32, meter: &mut Meter<'_>) -> Result<Walk, Reason> {
    let mut walk = Walk::from_nothing(component);
    for event in 0..event {
        go(&mut walk, component, event, meter)?;
    }
    Ok(walk)
}

/// Goes past an event that has an order, as the search found.
fn go(walk: &mut Walk, component: &Component<'_>, event: u32, meter: &mut Meter<'_>) -> Result<(), Reason> {
    match walk.advance(component, event, meter) {
        Ok(()) | Err(End::NoOrder) => Ok(()),
        Err(End::Unknown(reason)) => Err(reason),
    }
}

/// Goes on, and says which states there were; nothing if there were too many.
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
        go(walk, component, event, meter)?;
    }
    Ok(states)
}

/// The replies with which the operation would have had a place.
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
        let has_order = events.clone().all(|event| walk.advance(component, event, meter).is_ok());
        component.replace_reply(of, had);
        possible.extend((reply != had && has_order).then_some(reply));
    }
    possible
}

impl Scene<'_, '_> {
    /// The latest beginning, and what it takes from there on.
    fn window(&self, first: u32, meter: &mut Meter<'_>) -> (u32, Vec<u32>) {
        /// How many beginnings are tried.
        const TRIED_MAX: usize = 64;
        let beginnings = (first..=self.sent_at).rev().filter(|&event| !self.event_is_reply(event));
        for begin in beginnings.take(TRIED_MAX) {
            let window = self.all_since(begin);
            if self.has_no_order(begin, &window, meter) {
                return (begin, self.without_the_needless(begin, window, meter));
            }
        }
        (self.sent_at, self.all_since(self.sent_at))
    }

    fn event_is_reply(&self, event: u32) -> bool {
        self.component.events[event as usize].is_reply
    }

    /// All operations that were under way at an event or later, until the reply.
    fn all_since(&self, begin: u32) -> Vec<u32> {
        let events = &self.component.events[..=self.returns_at as usize];
        let sent = events.iter().filter(|event| !event.is_reply).map(|event| event.of);
        sent.filter(|&of| {
            let is_change = self.component.change(self.component.moves[of as usize].step).is_some();
            // Of what was sent before the beginning only changes may matter.
            let returns_at = self.component.moves[of as usize].returns_at;
            self.sendings[of as usize] >= begin || (is_change && returns_at >= begin)
        })
        .collect()
    }

    /// Whether these operations have no order, whichever of the states of lately was at the beginning.
    fn has_no_order(&self, begin: u32, window: &[u32], meter: &mut Meter<'_>) -> bool {
        let nothing = vec![OUT; self.component.packages.len()];
        if self.wide.is_empty() {
            return false;
        }
        let from = self.wide.iter().chain([&nothing]).map(Vec::as_slice);
        let mut walk = Walk::new(nothing.len(), from);
        for &of in window.iter().filter(|&&of| self.sendings[of as usize] < begin) {
            let optional = Move { returns_at: Move::LOST, ..self.component.moves[of as usize] };
            if walk.begin(self.component, &optional, meter).is_err() {
                return false;
            }
        }
        let chosen: BTreeSet<u32> = window.iter().copied().collect();
        let of = |event: u32| self.component.events[event as usize].of;
        let mut ends = (begin..=self.returns_at)
            .filter(|&event| chosen.contains(&of(event)))
            .filter_map(|event| walk.advance(self.component, event, meter).err());
        ends.next() == Some(End::NoOrder)
    }

    /// Leaves out what it does not take: the reads that are not needed, and what has nothing to do with the rest.
    fn without_the_needless(&self, begin: u32, window: Vec<u32>, meter: &mut Meter<'_>) -> Vec<u32> {
        let mut window = self.connected(begin, window, meter);
        let mut at = 0;
        while at < window.len() {
            let of = window[at];
            let is_read = self.component.change(self.component.moves[of as usize].step).is_none();
            if is_read && of != self.offender {
                let mut fewer = window.clone();
                fewer.remove(at);
                if self.has_no_order(begin, &fewer, meter) {
                    window = fewer;
                    continue;
                }
            }
            at += 1;
        }
        self.connected(begin, window, meter)
    }

    /// Those that the wrong reply may depend on.
    fn connected(&self, begin: u32, window: Vec<u32>, meter: &mut Meter<'_>) -> Vec<u32> {
        let step = |of: u32| self.component.moves[of as usize].step;
        let mut reached = BTreeSet::from([self.offender]);
        let mut todo = vec![self.offender];
        while let Some(next) = todo.pop() {
            for &of in &window {
                if self.component.conflict(step(of), step(next)) && reached.insert(of) {
                    todo.push(of);
                }
            }
        }
        let fewer: Vec<u32> = window.iter().copied().filter(|of| reached.contains(of)).collect();
        if fewer.len() < window.len() && self.has_no_order(begin, &fewer, meter) { fewer } else { window }
    }

    /// What may have been in at the beginning, as far as the window names it.
    fn states_at(
        &self,
        begin: u32,
        window: &[u32],
        meter: &mut Meter<'_>,
    ) -> Result<BTreeSet<Vec<(u32, u32)>>, Reason> {
        let steps = window.iter().map(|&of| self.component.moves[of as usize].step);
        let named: BTreeSet<u32> = steps.flat_map(|step| self.component.named(step)).collect();
        let walk = walk_to(self.component, begin, meter)?;
        let project =
            |state: &[u32]| named.iter().map(|&package| (package, state[package as usize])).collect();
        Ok(walk.states().into_iter().map(project).collect())
    }

    fn is_contended(&self, window: &[u32]) -> bool {
        window.iter().any(|&of| {
            let Move { step, returns_at, .. } = self.component.moves[of as usize];
            of != self.offender && self.component.change(step).is_some() && returns_at >= self.sent_at
        })
    }
}
