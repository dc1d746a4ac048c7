//! The queue of a toxic: items of a stream in order, each with the time when it is due.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

/// An item that passes through a direction of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A chunk of the stream.
    Bytes(Bytes),
    /// The end of the stream.
    End,
    /// A toxic closes the connection after the items before.
    Close,
}

impl Item {
    fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::End | Self::Close => 0,
        }
    }
}

/// A queue of items.
#[derive(Default)]
pub(crate) struct Queue {
    queued: VecDeque<Queued>,
    bytes: usize,
}

struct Queued {
    item: Item,
    /// When the item is due; none means not before the toxic is changed or removed.
    due: Option<Instant>,
}

impl Queue {
    /// Adds an item. It leaves once it is due and all items before it have left.
    pub(crate) fn push(&mut self, item: Item, due: Option<Instant>) {
        self.bytes += item.length();
        self.queued.push_back(Queued { item, due });
    }

    /// Removes and returns the first item if it is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Item> {
        let queued = self.queued.pop_front_if(|queued| queued.is_due(now))?;
        self.bytes -= queued.item.length();
        Some(queued.item)
    }

    /// Removes and returns the first item that is not due and all items after it.
    pub(crate) fn take_waiting(&mut self, now: Instant) -> Vec<Item> {
        let due = self.queued.iter().take_while(|queued| queued.is_due(now)).count();
        let waiting: Vec<Item> = self.queued.split_off(due).into_iter().map(|queued| queued.item).collect();
        self.bytes -= waiting.iter().map(Item::length).sum::<usize>();
        waiting
    }

    /// Returns all items.
    pub(crate) fn into_items(self) -> impl Iterator<Item = Item> {
        self.queued.into_iter().map(|queued| queued.item)
    }

    /// Returns when the first item is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.queued.front().and_then(|queued| queued.due)
    }

    /// Returns the length of the first item if it is a chunk, in bytes.
    pub(crate) fn first_chunk_bytes(&self) -> Option<usize> {
        match self.queued.front() {
            Some(Queued { item: Item::Bytes(bytes), .. }) => Some(bytes.len()),
            _ => None,
        }
    }

    /// Returns the number of bytes in the queue.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of items in the queue.
    pub(crate) fn len(&self) -> usize {
        self.queued.len()
    }
}

impl Queued {
    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}
