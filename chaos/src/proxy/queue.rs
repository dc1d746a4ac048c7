//! What waits in a toxic: items of a stream in their order, each with the time when it may leave.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

/// What goes through a direction of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A chunk of the stream.
    Bytes(Bytes),
    /// Its sender ended it.
    End,
    /// A toxic ended the connection, behind what came before.
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

/// Items in their order.
#[derive(Default)]
pub(super) struct Queue {
    held: VecDeque<Held>,
    bytes: usize,
}

struct Held {
    item: Item,
    /// None: not before the toxic is changed or removed.
    due: Option<Instant>,
}

impl Queue {
    /// Adds an item, which leaves when all before it have left and it is due.
    pub(super) fn push(&mut self, item: Item, due: Option<Instant>) {
        self.bytes += item.length();
        self.held.push_back(Held { item, due });
    }

    /// Takes the first item out, if it is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Item> {
        let held = self.held.pop_front_if(|held| held.is_due(now))?;
        self.bytes -= held.item.length();
        Some(held.item)
    }

    /// Takes out the items that are not due, with all behind them.
    pub(super) fn take_waiting(&mut self, now: Instant) -> Vec<Item> {
        let due = self.held.iter().take_while(|held| held.is_due(now)).count();
        let waiting: Vec<Item> = self.held.split_off(due).into_iter().map(|held| held.item).collect();
        self.bytes -= waiting.iter().map(Item::length).sum::<usize>();
        waiting
    }

    /// Gives up everything.
    pub(super) fn into_items(self) -> impl Iterator<Item = Item> {
        self.held.into_iter().map(|held| held.item)
    }

    /// When the first item leaves.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.front().and_then(|held| held.due)
    }

    /// How long the first item is, if that is a chunk.
    pub(super) fn first_chunk_bytes(&self) -> Option<usize> {
        match self.held.front() {
            Some(Held { item: Item::Bytes(bytes), .. }) => Some(bytes.len()),
            _ => None,
        }
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many items wait.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }
}

impl Held {
    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }
}
