//! A toxic at work on one direction of one connection: what it does to each item that comes, and when that leaves.
//!
//! It is pure: it is told the time, and asked what is due. What it decides by chance depends on nothing but its own
//! draws and the stream; flips and cuts follow places in the stream, however it was cut when it came.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::draws::draws_of;
use super::fault::{Effect, Witness};
use super::queue::{Item, Queue};
use super::toxic::{Kind, Toxic};
use super::toxics::Placed;

/// How many bytes wait in a toxic whose business is waiting: enough for 40 MB a second at 100 ms.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// How many bytes wait in any other, so that one that is slow soon holds up the sender.
const PASSING_BYTES_MAX: usize = 64 << 10;

/// How many chunks wait in one, however short they are.
const CHUNKS_MAX: usize = 4096;

/// The longest chunk that is made of several.
const JOINED_BYTES_MAX: usize = 64 << 10;

/// Longer than this nothing waits, so that no sum of times overflows.
const WAIT_MAX: Duration = Duration::from_hours(24 * 365);

/// How much time's worth of bytes a limited rate lets through at once.
const BANDWIDTH_STEP_MS: u64 = 100;

/// How a toxic ends a connection, whatever still waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Close,
    Reset,
}

/// A toxic at work.
pub(super) struct Stage {
    pub(super) id: u64,
    pub(super) toxic: Toxic,
    /// It is applied if the toxicity is above this.
    lot: f64,
    random: ChaCha8Rng,
    begun: Instant,
    queue: Queue,
    /// Until then what came before takes the line.
    busy_until: Instant,
    /// How many bytes came.
    offset: u64,
    /// How many bytes are missing until the next cut.
    uncut_bytes: u64,
    /// The limit was reached.
    is_spent: bool,
}

impl Stage {
    /// Begins at `now`.
    pub(super) fn new(placed: &Placed, seed: u64, now: Instant, witness: &Witness) -> Self {
        let mut random = draws_of(seed, witness, &placed.toxic.name);
        Self {
            id: placed.id,
            toxic: placed.toxic.clone(),
            lot: random.random(),
            random,
            begun: now,
            queue: Queue::default(),
            busy_until: now,
            offset: 0,
            uncut_bytes: 0,
            is_spent: false,
        }
    }

    /// Takes other attributes. What waits begins to wait anew; what is due stays as it is.
    pub(super) fn update(&mut self, toxic: &Toxic, now: Instant, witness: &Witness) {
        self.toxic = toxic.clone();
        self.busy_until = now;
        for item in self.queue.take_waiting(now) {
            self.arrive(item, now, witness);
        }
    }

    /// Gives up all that waits.
    pub(super) fn into_items(self) -> impl Iterator<Item = Item> {
        self.queue.into_items()
    }

    /// Whether it takes more.
    pub(super) fn has_room(&self) -> bool {
        let bytes_max = match self.toxic.kind {
            Kind::Latency { .. } | Kind::Joining { .. } => WAITING_BYTES_MAX,
            _ => PASSING_BYTES_MAX,
        };
        self.queue.len() < CHUNKS_MAX && self.queue.bytes() < bytes_max
    }

    /// When the next item leaves.
    pub(super) fn due(&self) -> Option<Instant> {
        self.queue.due()
    }

    /// When it ends the connection, and how.
    pub(super) fn alarm(&self) -> Option<(Instant, Ending)> {
        match self.toxic.kind {
            _ if !self.is_applied() => None,
            Kind::Timeout { timeout_ms } if timeout_ms > 0 => {
                Some((self.begun + milliseconds(timeout_ms), Ending::Close))
            }
            Kind::ResetPeer { timeout_ms } => Some((self.begun + milliseconds(timeout_ms), Ending::Reset)),
            Kind::Down {} => Some((self.begun, Ending::Close)),
            _ => None,
        }
    }

    /// Takes an item in.
    pub(super) fn arrive(&mut self, item: Item, now: Instant, witness: &Witness) {
        match item {
            Item::Bytes(bytes) if self.is_applied() => {
                let length = bytes.len() as u64;
                self.arrive_bytes(bytes, now, witness);
                self.offset += length;
            }
            Item::End if self.is_applied() => self.arrive_end(now, witness),
            item => self.queue.push(item, Some(now)),
        }
    }

    /// Lets the next item go, if it is due.
    pub(super) fn give(&mut self, now: Instant, witness: &Witness) -> Option<Item> {
        match (&self.toxic.kind, self.queue.pop(now)?) {
            (Kind::Joining { .. }, Item::Bytes(first)) if self.is_applied() => {
                Some(Item::Bytes(self.join(first, now, witness)))
            }
            (_, item) => Some(item),
        }
    }

    fn is_applied(&self) -> bool {
        self.lot < self.toxic.toxicity
    }

    fn arrive_bytes(&mut self, bytes: Bytes, now: Instant, witness: &Witness) {
        match self.toxic.kind {
            Kind::Latency { latency_ms, jitter_ms } => {
                let delay = self.delay(latency_ms, jitter_ms, now);
                self.tell(witness, Effect::Delayed { bytes: bytes.len(), delay });
                self.queue.push(Item::Bytes(bytes), Some(now + delay));
            }
            Kind::Bandwidth { rate_kb_per_second: 0 } => {
                self.tell(witness, Effect::Kept { bytes: bytes.len() });
                self.queue.push(Item::Bytes(bytes), None);
            }
            Kind::Bandwidth { rate_kb_per_second } => self.pace(bytes, rate_kb_per_second, now, witness),
            Kind::Slicer { average_size_bytes, size_variation_bytes, delay_us } => {
                let pause = Duration::from_micros(delay_us).min(WAIT_MAX);
                self.slice(bytes, (average_size_bytes, size_variation_bytes), pause, now, witness);
            }
            Kind::LimitData { bytes_max } => self.limit(bytes, bytes_max, now, witness),
            Kind::Joining { delay_ms } => {
                if self.busy_until <= now {
                    self.busy_until = now + milliseconds(delay_ms);
                }
                self.queue.push(Item::Bytes(bytes), Some(self.busy_until));
            }
            Kind::Corruption { probability } => {
                let bytes = self.corrupt(&bytes, probability, witness);
                self.queue.push(Item::Bytes(bytes), Some(now));
            }
            Kind::Timeout { .. } | Kind::BlackHole {} => {
                self.tell(witness, Effect::Swallowed { bytes: bytes.len() });
            }
            Kind::SlowClose { .. } | Kind::ResetPeer { .. } | Kind::Down {} => {
                self.queue.push(Item::Bytes(bytes), Some(now));
            }
        }
    }

    fn arrive_end(&mut self, now: Instant, witness: &Witness) {
        let delay = match self.toxic.kind {
            Kind::Latency { latency_ms, jitter_ms } => self.delay(latency_ms, jitter_ms, now),
            Kind::SlowClose { delay_ms } => milliseconds(delay_ms),
            Kind::BlackHole {} => {
                self.tell(witness, Effect::EndKept);
                return self.queue.push(Item::End, None);
            }
            _ => return self.queue.push(Item::End, Some(now)),
        };
        self.tell(witness, Effect::EndDelayed { delay });
        self.queue.push(Item::End, Some(now + delay));
    }

    /// How long a chunk waits: until the one before it leaves at least, since a stream keeps its order.
    fn delay(&mut self, latency_ms: u64, jitter_ms: u64, now: Instant) -> Duration {
        let (latency, jitter) = (milliseconds(latency_ms), milliseconds(jitter_ms));
        let more = self.random.random_range(0..=2 * jitter.as_nanos());
        let delay = latency.as_nanos().saturating_add(more).saturating_sub(jitter.as_nanos());
        self.busy_until = self.busy_until.max(now + Duration::from_nanos_u128(delay));
        self.busy_until - now
    }

    fn pace(&mut self, mut bytes: Bytes, rate_kb_per_second: u64, now: Instant, witness: &Witness) {
        let length = bytes.len();
        let step_bytes = rate_kb_per_second.saturating_mul(BANDWIDTH_STEP_MS);
        let step_bytes = usize::try_from(step_bytes).unwrap_or(usize::MAX);
        self.busy_until = self.busy_until.max(now);
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(step_bytes));
            // A kilobyte a second is a byte a millisecond.
            self.busy_until += Duration::from_nanos(piece.len() as u64 * 1_000_000 / rate_kb_per_second);
            self.queue.push(Item::Bytes(piece), Some(self.busy_until));
        }
        self.tell(witness, Effect::Delayed { bytes: length, delay: self.busy_until - now });
    }

    fn slice(
        &mut self,
        mut bytes: Bytes,
        size: (u64, u64),
        pause: Duration,
        now: Instant,
        witness: &Witness,
    ) {
        let (average, variation) = size;
        let (shortest, longest) =
            (average.saturating_sub(variation).max(1), average.saturating_add(variation));
        let mut offset = self.offset;
        while !bytes.is_empty() {
            if self.uncut_bytes == 0 {
                if offset > 0 {
                    self.tell(witness, Effect::Cut { offset });
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

    fn limit(&mut self, mut bytes: Bytes, bytes_max: u64, now: Instant, witness: &Witness) {
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
            self.tell(witness, Effect::Limited { bytes: bytes_max });
            self.queue.push(Item::Close, Some(now));
        }
    }

    fn join(&mut self, first: Bytes, now: Instant, witness: &Witness) -> Bytes {
        let mut joined = BytesMut::from(first);
        let mut chunks = 1;
        while self.queue.first_chunk_bytes().is_some_and(|bytes| joined.len() + bytes <= JOINED_BYTES_MAX)
            && let Some(Item::Bytes(next)) = self.queue.pop(now)
        {
            joined.extend_from_slice(&next);
            chunks += 1;
        }
        if chunks > 1 {
            self.tell(witness, Effect::Joined { chunks, bytes: joined.len() });
        }
        joined.freeze()
    }

    fn corrupt(&mut self, bytes: &Bytes, probability: f64, witness: &Witness) -> Bytes {
        let mut bytes = BytesMut::from(&bytes[..]);
        for (offset, byte) in (self.offset..).zip(bytes.iter_mut()) {
            if self.random.random_bool(probability) {
                let mask = 1 << self.random.random_range(0..8);
                *byte ^= mask;
                self.tell(witness, Effect::Flipped { offset, mask });
            }
        }
        bytes.freeze()
    }

    fn tell(&self, witness: &Witness, effect: Effect) {
        witness.tell(&self.toxic.name, effect);
    }
}

fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds).min(WAIT_MAX)
}
