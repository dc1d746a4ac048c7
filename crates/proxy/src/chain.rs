//! The toxics of one direction of a connection, applied in order. Pure, like its stages.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::injected_fault::{Effect, EffectLog};
use crate::queue::Item;
use crate::stage::{Ending, Stage};
use crate::toxics::{Placed, Toxics};

/// The active toxics of a direction.
pub(crate) struct Chain {
    seed: u64,
    log: EffectLog,
    stages: Vec<Stage>,
    /// The number of round trips of the connection.
    round_trips: u64,
    /// Items that passed all toxics.
    through: VecDeque<Item>,
}

impl Chain {
    /// Returns a chain without toxics.
    pub(crate) fn new(seed: u64, log: EffectLog) -> Self {
        Self { seed, log, stages: Vec::new(), round_trips: 0, through: VecDeque::new() }
    }

    /// Changes the chain to these toxics. Items that wait in a removed toxic continue.
    pub(crate) fn follow(&mut self, toxics: &Toxics, now: Instant) {
        self.remove_all_but(toxics.placed(), now);
        for placed in toxics.placed().iter().filter(|placed| placed.toxic.stream == self.log.stream) {
            match self.stages.iter_mut().find(|stage| stage.id == placed.id) {
                Some(stage) if stage.toxic == placed.toxic => {}
                Some(stage) => stage.update(&placed.toxic, now, &self.log),
                None => self.stages.push(Stage::new(placed, self.seed, self.round_trips, now, &self.log)),
            }
        }
    }

    /// Records that the connection has made another round trip.
    pub(crate) fn note_round_trip(&mut self, now: Instant) {
        self.round_trips += 1;
        self.stages.iter_mut().for_each(|stage| stage.note_round_trips(self.round_trips, now));
    }

    /// Returns whether the chain accepts another item.
    pub(crate) fn has_room(&self) -> bool {
        self.stages.first().map_or(self.through.is_empty(), Stage::has_room)
    }

    /// Accepts an item from the sender.
    pub(crate) fn arrive(&mut self, item: Item, now: Instant) {
        self.arrive_at(0, item, now);
    }

    /// Returns how a toxic ends the connection now, regardless of waiting items.
    pub(crate) fn overdue(&self, now: Instant) -> Option<Ending> {
        let (toxic, ending) = self.stages.iter().find_map(|stage| {
            stage.alarm().filter(|(at, _)| *at <= now).map(|(_, ending)| (&stage.toxic.name, ending))
        })?;
        let effect = match ending {
            Ending::Close => Effect::Closed,
            Ending::Reset => Effect::Reset,
        };
        self.log.record(toxic, effect);
        Some(ending)
    }

    /// Returns the next item that is due at the end of the chain.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Item> {
        for index in 1..self.stages.len() {
            while self.stages[index].has_room()
                && let Some(item) = self.stages[index - 1].give(now, &self.log)
            {
                self.stages[index].arrive(item, now, &self.log);
            }
        }
        self.through.pop_front().or_else(|| self.stages.last_mut()?.give(now, &self.log))
    }

    /// Returns when the next item will be due. An item that is already due waits for room, not for a time.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        let alarms = self.stages.iter().filter_map(|stage| stage.alarm().map(|(at, _)| at));
        self.stages.iter().filter_map(Stage::due).chain(alarms).filter(|due| *due > now).min()
    }

    fn arrive_at(&mut self, index: usize, item: Item, now: Instant) {
        match self.stages.get_mut(index) {
            Some(stage) => stage.arrive(item, now, &self.log),
            None => self.through.push_back(item),
        }
    }

    fn remove_all_but(&mut self, placed: &[Placed], now: Instant) {
        // From the end of the chain, so that the items keep their order.
        for index in (0..self.stages.len()).rev() {
            if placed.iter().all(|placed| placed.id != self.stages[index].id) {
                for item in self.stages.remove(index).into_items() {
                    self.arrive_at(index, item, now);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::injected_fault::InjectedFault;
    use crate::timing::Timing;
    use crate::toxic::{Kind, Stream, Toxic};

    fn chain(connection: u64) -> Chain {
        let observer = Arc::new(|_: &InjectedFault| ());
        let (begun, stream) = (Instant::now(), Stream::Upstream);
        Chain::new(7, EffectLog { observer, begun, proxy: "p".into(), connection, stream })
    }

    fn toxics(kinds: &[Kind]) -> Toxics {
        let mut toxics = Toxics::default();
        for (number, kind) in kinds.iter().enumerate() {
            let toxic = Toxic::new(Stream::Upstream, kind.clone());
            toxics.add(Toxic { name: number.to_string(), ..toxic }, Instant::now()).unwrap();
        }
        toxics
    }

    fn chunk(bytes: &'static [u8]) -> Item {
        Item::Bytes(Bytes::from_static(bytes))
    }

    fn all(chain: &mut Chain, now: Instant) -> Vec<Item> {
        std::iter::from_fn(|| chain.next(now)).collect()
    }

    const LATENCY: Kind = Kind::Latency { latency_ms: 100, jitter_ms: 0 };

    #[test]
    fn latencies_add_up_and_an_item_leaves_exactly_when_it_is_due() {
        let (mut chain, now) = (chain(1), Instant::now());
        chain.follow(&toxics(&[LATENCY, LATENCY]), now);
        chain.arrive(chunk(b"x"), now);
        let (first, second) = (now + Duration::from_millis(100), now + Duration::from_millis(200));
        assert_eq!((all(&mut chain, now), chain.due(now)), (vec![], Some(first)));
        assert_eq!((all(&mut chain, first), chain.due(first)), (vec![], Some(second)));
        assert_eq!(all(&mut chain, second - Duration::from_nanos(1)), []);
        assert_eq!((all(&mut chain, second), chain.due(second)), (vec![chunk(b"x")], None));
    }

    #[test]
    fn items_keep_their_order_when_toxics_are_removed() {
        let (mut chain, now) = (chain(1), Instant::now());
        let mut list = toxics(&[LATENCY, LATENCY, LATENCY]);
        chain.follow(&list, now);
        // One item waits in each toxic.
        for (step, bytes) in (0..).zip([b"1", b"2", b"3"]) {
            let then = now + Duration::from_millis(100 * step);
            chain.arrive(chunk(bytes), then);
            assert_eq!(all(&mut chain, then), []);
        }
        chain.arrive(Item::End, now + Duration::from_millis(200));
        list.remove("0").unwrap();
        list.remove("2").unwrap();
        let then = now + Duration::from_millis(201);
        chain.follow(&list, then);
        assert_eq!(all(&mut chain, then), [chunk(b"1")]);
        let then = then + Duration::from_millis(100);
        assert_eq!(all(&mut chain, then), [chunk(b"2"), chunk(b"3"), Item::End]);
    }

    #[test]
    fn joined_chunks_leave_when_the_first_is_due() {
        let (mut chain, now) = (chain(1), Instant::now());
        chain.follow(&toxics(&[Kind::Joining { delay_ms: 50 }]), now);
        let (later, due) = (now + Duration::from_millis(30), now + Duration::from_millis(50));
        chain.arrive(chunk(b"ab"), now);
        chain.arrive(chunk(b"c"), later);
        assert_eq!(all(&mut chain, later), []);
        assert_eq!(all(&mut chain, due), [chunk(b"abc")]);
        chain.arrive(chunk(b"d"), due);
        assert_eq!((all(&mut chain, due), chain.due(due)), (vec![], Some(due + Duration::from_millis(50))));
    }

    #[test]
    fn the_size_of_waiting_items_is_bounded() {
        let piecewise = Kind::Slicer { average_size_bytes: 1, size_variation_bytes: 0, delay_us: 1_000_000 };
        for (kind, chunk, bytes_max) in [
            (LATENCY, &[0; 16 << 10][..], 5 << 20),
            (LATENCY, &[0; 1], 5000),
            (piecewise, &[0; 16 << 10], 32 << 10),
        ] {
            let (mut chain, now) = (chain(1), Instant::now());
            chain.follow(&toxics(&[kind]), now);
            let mut bytes = 0;
            while chain.has_room() {
                bytes += chunk.len();
                chain.arrive(Item::Bytes(Bytes::copy_from_slice(chunk)), now);
            }
            assert!(bytes < bytes_max, "{bytes}");
        }
    }

    #[test]
    fn toxicity_is_the_fraction_of_connections_and_drawn_once() {
        let now = Instant::now();
        let list = |toxicity| {
            let mut list = Toxics::default();
            list.add(Toxic { toxicity, ..Toxic::new(Stream::Upstream, Kind::Down {}) }, now).unwrap();
            list
        };
        let ended = |toxicity| -> Vec<u64> {
            let is_ended = |connection: &u64| {
                let mut chain = chain(*connection);
                chain.follow(&list(toxicity), now);
                chain.overdue(now) == Some(Ending::Close)
            };
            (1..=1000).filter(is_ended).collect()
        };
        let (some, more) = (ended(0.3), ended(0.5));
        assert!((250..350).contains(&some.len()), "{}", some.len());
        assert_eq!((&some, ended(0.0).len(), ended(1.0).len()), (&ended(0.3), 0, 1000));
        assert!(some.iter().all(|connection| more.contains(connection)));
    }

    fn scheduled(kind: Kind, timing: Timing, now: Instant) -> Toxics {
        let mut toxics = Toxics::default();
        toxics.add(Toxic { timing, ..Toxic::new(Stream::Upstream, kind) }, now).unwrap();
        toxics
    }

    #[test]
    fn a_scheduled_toxic_applies_only_during_its_time() {
        let (mut chain, now) = (chain(1), Instant::now());
        let at = |milliseconds| now + Duration::from_millis(milliseconds);
        let timing = Timing { from_ms: 100, to_ms: 200, every_ms: 1000, ..Timing::default() };
        chain.follow(&scheduled(Kind::Bandwidth { rate_kb_per_second: 0 }, timing, now), now);
        chain.arrive(chunk(b"1"), at(50));
        assert_eq!(all(&mut chain, at(50)), [chunk(b"1")]);
        // What is held back leaves at the end.
        chain.arrive(chunk(b"2"), at(150));
        assert_eq!((all(&mut chain, at(199)), chain.due(at(199))), (vec![], Some(at(200))));
        assert_eq!(all(&mut chain, at(200)), [chunk(b"2")]);
        chain.arrive(chunk(b"3"), at(1100));
        assert_eq!((all(&mut chain, at(1100)), chain.due(at(1100))), (vec![], Some(at(1200))));
    }

    #[test]
    fn a_scheduled_end_affects_only_the_first_connections() {
        let now = Instant::now();
        let at = |milliseconds| now + Duration::from_millis(milliseconds);
        let timing = Timing { from_ms: 100, connections_max: 1, ..Timing::default() };
        let toxics = scheduled(Kind::Down {}, timing, now);
        let [mut first, mut second] = [1, 2].map(chain);
        first.follow(&toxics, now);
        second.follow(&toxics, now);
        assert_eq!((first.overdue(at(99)), first.due(now)), (None, Some(at(100))));
        assert_eq!(first.overdue(at(100)), Some(Ending::Close));
        assert_eq!((second.overdue(at(100)), second.due(now)), (None, None));
    }

    #[test]
    fn a_toxic_begins_after_its_round_trips() {
        let (mut chain, now) = (chain(1), Instant::now());
        let timing = Timing { round_trips: 2, ..Timing::default() };
        chain.follow(&scheduled(Kind::ResetPeer { timeout_ms: 10 }, timing, now), now);
        chain.note_round_trip(now);
        assert_eq!((chain.overdue(now + Duration::from_secs(9)), chain.due(now)), (None, None));
        let later = now + Duration::from_secs(10);
        chain.note_round_trip(later);
        assert_eq!(chain.due(later), Some(later + Duration::from_millis(10)));
        assert_eq!(chain.overdue(later + Duration::from_millis(10)), Some(Ending::Reset));
    }
}
