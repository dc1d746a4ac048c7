//! The byte budget of all connections, for incomplete requests and unread replies.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes that each connection may hold outside the budget. Almost all requests are shorter, so that they cost no
/// accounting.
const FREE_BYTES: usize = 4096;

/// The sum of all shares.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    bytes: AtomicUsize,
    /// The part of the sum that connections will release because they are being closed.
    reclaimed: AtomicUsize,
    /// The number of times that a share became more than zero.
    begun_total: AtomicU64,
}

/// The bytes that one connection takes from the budget.
#[derive(Debug, Default)]
pub(crate) struct Share {
    bytes: AtomicUsize,
    /// The part of the share that the connection will release because it is being closed.
    reclaimed: AtomicUsize,
    /// The position of this share in the order in which shares became more than zero.
    begun: AtomicU64,
}

/// A changed share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The share before the change, in bytes.
    pub(crate) before: usize,
    /// The share after the change, in bytes.
    pub(crate) after: usize,
}

impl Budget {
    /// Notes that a connection holds this number of bytes. Returns the change of its share, if there is one.
    pub(crate) fn hold(&self, share: &Share, bytes: usize) -> Option<Change> {
        let after = if bytes > FREE_BYTES { bytes } else { 0 };
        let before = share.bytes();
        if after == before && share.reclaimed.load(Ordering::Relaxed) == 0 {
            return None;
        }
        if before == 0 {
            share.begun.store(self.begun_total.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        }
        share.bytes.store(after, Ordering::Relaxed);
        // The sum wraps, so that a decrease is an addition too.
        self.bytes.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
        self.reclaimed.fetch_sub(share.reclaimed.swap(0, Ordering::Relaxed), Ordering::Relaxed);
        Some(Change { before, after })
    }

    /// Notes that a connection will release its share because it is being closed.
    pub(crate) fn reclaim(&self, share: &Share) {
        let bytes = share.bytes();
        let before = share.reclaimed.swap(bytes, Ordering::Relaxed);
        self.reclaimed.fetch_add(bytes.wrapping_sub(before), Ordering::Relaxed);
    }

    /// The sum of all shares in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The sum in bytes, without the shares that connections will release because they are being closed.
    pub(crate) fn lasting_bytes(&self) -> usize {
        self.bytes().saturating_sub(self.reclaimed.load(Ordering::Relaxed))
    }
}

impl Share {
    /// The share in bytes. Only the task of the connection changes it.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The part of the share in bytes that no closing of the connection will release.
    pub(crate) fn lasting_bytes(&self) -> usize {
        self.bytes().saturating_sub(self.reclaimed.load(Ordering::Relaxed))
    }

    /// A number that is smaller the longer the connection has had a share.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
}
