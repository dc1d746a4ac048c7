//! Floods: requests without reading the replies, until the target is blocked, and the replies afterwards.

use std::borrow::Cow;
use std::mem;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use protocol::{Framing, Next};

use super::{Closed, Connection};
use crate::drive::run::{Observer, Run, as_ns};
use crate::history::EventKind;

/// When a flood ends before all its bytes are sent.
struct FloodLimits {
    /// The target has not read for this time, and for [`PAUSE_FACTOR`] times longer than ever before.
    stall: Duration,
    /// The flood lasts for this time; a slow target need not be filled completely.
    duration: Duration,
}

/// The limits of a flood that fills the buffers of a connection.
const FLOOD: FloodLimits =
    FloodLimits { stall: Duration::from_millis(500), duration: Duration::from_secs(5) };

/// The limits of a flood that fills the memory of the target. A busy machine pauses a target that reads for some hundred
/// milliseconds, and a flood that ends too early shows nothing.
const LARGE_FLOOD: FloodLimits =
    FloodLimits { stall: Duration::from_secs(1), duration: Duration::from_secs(15) };

/// A target that is not blocked may pause too, on a busy machine repeatedly. Only a pause that is this many times longer than those
/// before it ends a flood.
const PAUSE_FACTOR: u32 = 4;

/// The number of bytes from which a flood is to fill memory.
const LARGE_FLOOD_BYTES: usize = 100 << 20;

/// The number of bytes of a flood that are passed to the operating system at once.
const FLOOD_CHUNK_BYTES: usize = 64 * 1024;

/// The number of replies to a flood that are kept at once, and the time after which the duration of reading all is estimated.
const FLOOD_REPLIES_AT_ONCE: usize = 50;
const FLOOD_ESTIMATED_AFTER: Duration = Duration::from_secs(1);

/// A target that has written this many times while nothing was left to read, or for which the client has waited that long, no longer
/// empties a buffer: it has continued to write.
const FLOOD_WAITS_MIN: u32 = 20;
const FLOOD_WAITED_MIN: Duration = Duration::from_secs(3);

impl<F: Framing> Connection<F> {
    /// Sends `bytes` repeatedly until the target stops reading; reads no replies.
    pub(in crate::drive) async fn flood<O: Observer>(
        &mut self,
        run: &Run<O>,
        bytes: &[u8],
        bytes_max: usize,
    ) -> Result<(), Closed> {
        let at_ns = run.now_ns();
        let mut chunk = bytes.repeat((FLOOD_CHUNK_BYTES / bytes.len().max(1)).max(1));
        chunk.truncate(bytes_max);
        let begun = Instant::now();
        let limits = if bytes_max >= LARGE_FLOOD_BYTES { LARGE_FLOOD } else { FLOOD };
        let (mut sent, mut has_stalled, mut pause_max) = (0, false, Duration::ZERO);
        while sent < bytes_max && begun.elapsed() < limits.duration {
            // A write can end within a line; the next one continues there.
            let rest = &chunk[sent % chunk.len()..];
            let stall = limits.stall.max(pause_max * PAUSE_FACTOR).min(limits.duration);
            let waiting_since = Instant::now();
            match timeout(stall, self.stream.write(rest)).await {
                Ok(Ok(written @ 1..)) => {
                    sent += written;
                    pause_max = pause_max.max(waiting_since.elapsed());
                }
                Ok(Ok(0)) | Err(_) => {
                    has_stalled = true;
                    break;
                }
                Ok(Err(error)) => return Err(self.lost(run, &error)),
            }
        }
        run.emit(at_ns, self.client, self.number, EventKind::Flooded { bytes: sent as u64, has_stalled });
        self.flooded = (bytes.to_vec(), sent);
        Ok(())
    }

    /// Completes the last request of the last flood and reads all replies; `framing` cuts the requests. Stops early if the target
    /// would need longer than `limit`, once it has continued to write; if it has not done so within `limit`, that is an event.
    pub(in crate::drive) async fn await_flood<O: Observer>(
        &mut self,
        run: &Run<O>,
        mut framing: F,
        limit: Duration,
    ) -> Result<(), Closed> {
        let (bytes, sent) = mem::take(&mut self.flooded);
        let length = bytes.len().max(1);
        let mut missing = if sent % length == 0 { &[][..] } else { &bytes[sent % length..] };
        // A flood repeats complete requests.
        let count = sent.div_ceil(length) * frames(&mut framing, &bytes);
        let begun = Instant::now();
        self.due_since = begun;
        let (mut read, mut waits, mut waited) = (0, 0, Duration::ZERO);
        while read < count {
            let next = FLOOD_REPLIES_AT_ONCE.min(count - read);
            let waiting_since = (!self.may_have_received(next)).then(Instant::now);
            self.read_replies(run, next).await?;
            read += next;
            waits += u32::from(waiting_since.is_some());
            waited += waiting_since.map_or(Duration::ZERO, |since| since.elapsed());
            // The target has read enough by now, or will have when the next replies have arrived.
            if !missing.is_empty()
                && let Ok(written) = self.stream.try_write(missing)
            {
                let bytes = Cow::Borrowed(&missing[..written]);
                run.emit(run.now_ns(), self.client, self.number, EventKind::Sent(bytes));
                missing = &missing[written..];
            }
            let elapsed = begun.elapsed();
            let is_too_long =
                elapsed > FLOOD_ESTIMATED_AFTER && as_ns(elapsed) / read as u64 * count as u64 > as_ns(limit);
            if is_too_long && (waits >= FLOOD_WAITS_MIN || waited >= FLOOD_WAITED_MIN) {
                break;
            }
            if elapsed > limit {
                run.emit(run.now_ns(), self.client, self.number, EventKind::StoppedReading);
                break;
            }
        }
        Ok(())
    }

    /// Returns whether this number of replies may be complete, or bytes can be read now. The beginning of a reply is not enough.
    fn may_have_received(&self, replies: usize) -> bool {
        // Nobody is woken, because the next read asks again. A reply has at least one byte.
        let mut context = Context::from_waker(Waker::noop());
        self.unread.len() >= replies || self.stream.poll_read_ready(&mut context).is_ready()
    }
}

/// Returns the number of complete frames in `bytes`, which end with one.
fn frames(framing: &mut impl Framing, mut bytes: &[u8]) -> usize {
    let mut count = 0;
    loop {
        let (taken, next) = framing.next(bytes);
        bytes = &bytes[taken..];
        if matches!(next, Next::Incomplete) {
            return count;
        }
        count += 1;
    }
}
