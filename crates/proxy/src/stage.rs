//! One active toxic in one direction of a connection: its effect on each item, and when the item leaves.
//!
//! Pure: the caller passes the time and asks what is due. Except for jitter and loss, random effects depend only on the draws and
//! the offsets in the stream, not on how the stream was divided into chunks.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::draws::draws_of;
use crate::injected_fault::{Effect, EffectLog};
use crate::queue::{Item, Queue};
use crate::toxic::{Kind, Toxic};
use crate::toxics::Placed;

/// The queue limit of toxics that delay data, in bytes: enough for 40 MB per second at 100 ms.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// The queue limit of other toxics, in bytes, so that a slow toxic soon blocks the sender.
const PASSING_BYTES_MAX: usize = 64 << 10;

/// The queue limit in chunks.
const CHUNKS_MAX: usize = 4096;

/// The longest joined chunk, in bytes.
const JOINED_BYTES_MAX: usize = 64 << 10;

/// The longest delay, so that sums of times do not overflow.
const WAIT_MAX: Duration = Duration::from_hours(24 * 365);

/// The length of a piece at a limited rate, in milliseconds.
const BANDWIDTH_STEP_MS: u64 = 100;

/// How a toxic ends a connection, regardless of waiting items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Close,
    Reset,
}

/// An active toxic.
pub(crate) struct Stage {
    pub(crate) id: u64,
    pub(crate) toxic: Toxic,
    /// When the toxic was added.
    added: Instant,
    /// The number of the connection.
    connection: u64,
    /// The draw of this connection: the toxic applies if its toxicity is above it.
    draw: f64,
    random: ChaCha8Rng,
    /// When it became active, and when the connection has made enough round trips.
    begun: Instant,
    reached: Option<Instant>,
    queue: Queue,
    /// The time until which earlier items occupy the path.
    busy_until: Instant,
    /// The number of bytes received.
    offset: u64,
    /// The number of bytes until the next cut.
    uncut_bytes: u64,
    /// Whether the limit is reached.
    is_spent: bool,
    /// Whether the last chunk was lost.
    has_lost: bool,
}

impl Stage {
    /// Returns a toxic that becomes active at `now`, after this number of round trips.
    pub(crate) fn new(placed: &Placed, seed: u64, round_trips: u64, now: Instant, log: &EffectLog) -> Self {
        let mut random = draws_of(seed, log, &placed.toxic.name);
        Self {
            id: placed.id,
            toxic: placed.toxic.clone(),
            added: placed.added,
            connection: log.connection,
            draw: random.random(),
            random,
            begun: now,
            reached: (round_trips >= placed.toxic.timing.round_trips).then_some(now),
            queue: Queue::default(),
            busy_until: now,
            offset: 0,
            uncut_bytes: 0,
            is_spent: false,
            has_lost: false,
        }
    }

    /// Changes the attributes. Waiting items start their wait again; items that are due stay due.
    pub(crate) fn update(&mut self, toxic: &Toxic, now: Instant, log: &EffectLog) {
        self.toxic = toxic.clone();
        self.busy_until = now;
        for item in self.queue.take_waiting(now) {
            self.arrive(item, now, log);
        }
    }

    /// Records the number of round trips of the connection.
    pub(crate) fn note_round_trips(&mut self, round_trips: u64, now: Instant) {
        if round_trips >= self.toxic.timing.round_trips {
            self.reached.get_or_insert(now);
        }
    }

    /// Returns all waiting items.
    pub(crate) fn into_items(self) -> impl Iterator<Item = Item> {
        self.queue.into_items()
    }

    /// Returns whether it accepts another item.
    pub(crate) fn has_room(&self) -> bool {
        let bytes_max = match self.toxic.kind {
            Kind::Latency { .. } | Kind::Joining { .. } => WAITING_BYTES_MAX,
            _ => PASSING_BYTES_MAX,
        };
        self.queue.len() < CHUNKS_MAX && self.queue.bytes() < bytes_max
    }

    /// Returns when the next item is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.queue.due()
    }

    /// Returns when and how it ends the connection.
    pub(crate) fn alarm(&self) -> Option<(Instant, Ending)> {
        let (after, ending) = match self.toxic.kind {
            _ if !self.is_chosen() => return None,
            Kind::Timeout { timeout_ms } if timeout_ms > 0 => (milliseconds(timeout_ms), Ending::Close),
            Kind::ResetPeer { timeout_ms } => (milliseconds(timeout_ms), Ending::Reset),
            Kind::Down {} => (Duration::ZERO, Ending::Close),
            _ => return None,
        };
        let begun = self.begun.max(self.reached?);
        let at = self.toxic.timing.next_active(self.elapsed(begun + after))?;
        Some((self.added + at, ending))
    }

    /// Accepts an item.
    pub(crate) fn arrive(&mut self, item: Item, now: Instant, log: &EffectLog) {
        match item {
            Item::Bytes(bytes) if self.is_applied(now) => {
                let length = bytes.len() as u64;
                self.arrive_bytes(bytes, now, log);
                self.offset += length;
            }
            Item::End if self.is_applied(now) => self.arrive_end(now, log),
            item => self.queue.push(item, Some(now)),
        }
    }

    /// Returns the next item if it is due.
    pub(crate) fn give(&mut self, now: Instant, log: &EffectLog) -> Option<Item> {
        match (&self.toxic.kind, self.queue.pop(now)?) {
            (Kind::Joining { .. }, Item::Bytes(first)) if self.is_applied(now) => {
                Some(Item::Bytes(self.join(first, now, log)))
            }
            (_, item) => Some(item),
        }
    }

    fn is_applied(&self, now: Instant) -> bool {
        self.is_chosen() && self.reached.is_some() && self.toxic.timing.is_active(self.elapsed(now))
    }

    /// Returns whether the toxic applies to this connection.
    fn is_chosen(&self) -> bool {
        self.draw < self.toxic.toxicity && self.toxic.timing.includes(self.connection)
    }

    /// Returns the time since the toxic was added.
    fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.added)
    }

    /// Returns when an item leaves that is held back while the toxic applies; `None` if that has no end.
    fn released_at(&self, now: Instant) -> Option<Instant> {
        self.toxic.timing.end(self.elapsed(now)).map(|end| self.added + end)
    }

    fn arrive_bytes(&mut self, bytes: Bytes, now: Instant, log: &EffectLog) {
        match self.toxic.kind {
            Kind::Latency { latency_ms, jitter_ms } => {
                let delay = self.delay(latency_ms, jitter_ms, now);
                self.record(log, Effect::Delayed { bytes: bytes.len(), delay });
                self.queue.push(Item::Bytes(bytes), Some(now + delay));
            }
            Kind::Bandwidth { rate_kb_per_second: 0 } => {
                self.record(log, Effect::HeldBack { bytes: bytes.len() });
                self.queue.push(Item::Bytes(bytes), self.released_at(now));
            }
            Kind::Bandwidth { rate_kb_per_second } => self.pace(bytes, rate_kb_per_second, now, log),
            Kind::Slicer { average_size_bytes, size_variation_bytes, delay_us } => {
                let pause = Duration::from_micros(delay_us).min(WAIT_MAX);
                self.slice(bytes, (average_size_bytes, size_variation_bytes), pause, now, log);
            }
            Kind::LimitData { bytes_max } => self.limit(bytes, bytes_max, now, log),
            Kind::Joining { delay_ms } => {
                if self.busy_until <= now {
                    self.busy_until = now + milliseconds(delay_ms);
                }
                self.queue.push(Item::Bytes(bytes), Some(self.busy_until));
            }
            Kind::Corruption { probability } => {
                let bytes = self.corrupt(&bytes, probability, log);
                self.queue.push(Item::Bytes(bytes), Some(now));
            }
            Kind::Timeout { .. } | Kind::BlackHole {} => {
                self.record(log, Effect::Discarded { bytes: bytes.len() });
            }
            Kind::PacketLoss { loss_rate, correlation } => {
                let probability = loss_rate + if self.has_lost { correlation } else { 0.0 };
                self.has_lost = self.random.random_bool(probability.min(1.0));
                if self.has_lost {
                    self.record(log, Effect::Discarded { bytes: bytes.len() });
                } else {
                    self.queue.push(Item::Bytes(bytes), Some(now));
                }
            }
            Kind::SlowClose { .. } | Kind::ResetPeer { .. } | Kind::Down {} | Kind::Noop {} => {
                self.queue.push(Item::Bytes(bytes), Some(now));
            }
        }
    }

    fn arrive_end(&mut self, now: Instant, log: &EffectLog) {
        let delay = match self.toxic.kind {
            Kind::Latency { latency_ms, jitter_ms } => self.delay(latency_ms, jitter_ms, now),
            Kind::SlowClose { delay_ms } => milliseconds(delay_ms),
            Kind::BlackHole {} => {
                self.record(log, Effect::EndHeldBack);
                return self.queue.push(Item::End, self.released_at(now));
            }
            _ => return self.queue.push(Item::End, Some(now)),
        };
        self.record(log, Effect::EndDelayed { delay });
        self.queue.push(Item::End, Some(now + delay));
    }

    /// Returns the delay of a chunk: at least until the chunk before it leaves, because a stream keeps its order.
    fn delay(&mut self, latency_ms: u64, jitter_ms: u64, now: Instant) -> Duration {
        let (latency, jitter) = (milliseconds(latency_ms), milliseconds(jitter_ms));
        let more = self.random.random_range(0..=2 * jitter.as_nanos());
        let delay = latency.as_nanos().saturating_add(more).saturating_sub(jitter.as_nanos());
        self.busy_until = self.busy_until.max(now + Duration::from_nanos_u128(delay));
        self.busy_until - now
    }

    fn pace(&mut self, mut bytes: Bytes, rate_kb_per_second: u64, now: Instant, log: &EffectLog) {
        let length = bytes.len();
        let step_bytes = rate_kb_per_second.saturating_mul(BANDWIDTH_STEP_MS);
        let step_bytes = usize::try_from(step_bytes).unwrap_or(usize::MAX);
        self.busy_until = self.busy_until.max(now);
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(step_bytes));
            // One kilobyte per second is one byte per millisecond.
            self.busy_until += Duration::from_nanos(piece.len() as u64 * 1_000_000 / rate_kb_per_second);
            self.queue.push(Item::Bytes(piece), Some(self.busy_until));
        }
        self.record(log, Effect::Delayed { bytes: length, delay: self.busy_until - now });
    }

    fn slice(&mut self, mut bytes: Bytes, size: (u64, u64), pause: Duration, now: Instant, log: &EffectLog) {
        let (average, variation) = size;
        let (shortest, longest) =
            (average.saturating_sub(variation).max(1), average.saturating_add(variation));
        let mut offset = self.offset;
        while !bytes.is_empty() {
            if self.uncut_bytes == 0 {
                if offset > 0 {
                    self.record(log, Effect::Cut { offset });
                }
                self.uncut_bytes = self.random.random_range(shortest..=longest);
            }
            let length = bytes.len().min(usize::try_from(self.uncut_bytes).unwrap_or(usize::MAX));
            self.uncut_bytes -= length as u64;
            offset += length as u64;
            self.busy_until = self.busy_until.max(now);
            self.queue.push(Item::Bytes(bytes.split_to(length)), Some(self.busy_until));
            self.busy_until += pause;
        }
    }

    fn limit(&mut self, mut bytes: Bytes, bytes_max: u64, now: Instant, log: &EffectLog) {
        if self.is_spent {
            return;
        }
        let left = usize::try_from(bytes_max.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        self.is_spent = bytes.len() >= left;
        bytes.truncate(left);
        if !bytes.is_empty() {
            self.queue.push(Item::Bytes(bytes), Some(now));
        }
        if self.is_spent {
            self.record(log, Effect::Limited { bytes: bytes_max });
            self.queue.push(Item::Close, Some(now));
        }
    }

    fn join(&mut self, first: Bytes, now: Instant, log: &EffectLog) -> Bytes {
        let mut joined = BytesMut::from(first);
        let mut chunks = 1;
        while self.queue.first_chunk_bytes().is_some_and(|bytes| joined.len() + bytes <= JOINED_BYTES_MAX)
            && let Some(Item::Bytes(next)) = self.queue.pop(now)
        {
            joined.extend_from_slice(&next);
            chunks += 1;
        }
        if chunks > 1 {
            self.record(log, Effect::Joined { chunks, bytes: joined.len() });
        }
        joined.freeze()
    }

    fn corrupt(&mut self, bytes: &Bytes, probability: f64, log: &EffectLog) -> Bytes {
        let mut bytes = BytesMut::from(&bytes[..]);
        for (offset, byte) in (self.offset..).zip(bytes.iter_mut()) {
            if self.random.random_bool(probability) {
                let mask = 1 << self.random.random_range(0..8);
                *byte ^= mask;
                self.record(log, Effect::Flipped { offset, mask });
            }
        }
        bytes.freeze()
    }

    fn record(&self, log: &EffectLog, effect: Effect) {
        log.record(&self.toxic.name, effect);
    }
}

fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds).min(WAIT_MAX)
}
