//! A barrier for all clients that have not finished their scripts.

use std::cell::Cell;

use tokio::sync::Notify;

/// A barrier that opens when every client that has not left has arrived.
#[derive(Debug)]
pub(super) struct Barrier {
    present: Cell<usize>,
    arrived: Cell<usize>,
    generation: Cell<u64>,
    opened: Notify,
}

impl Barrier {
    pub(super) fn new(present: usize) -> Self {
        Self {
            present: Cell::new(present),
            arrived: Cell::new(0),
            generation: Cell::new(0),
            opened: Notify::new(),
        }
    }

    /// Arrives and waits until all other clients have arrived.
    pub(super) async fn wait(&self) {
        let generation = self.generation.get();
        self.arrived.set(self.arrived.get() + 1);
        self.open_if_complete();
        while self.generation.get() == generation {
            self.opened.notified().await;
        }
    }

    /// Leaves permanently; other clients no longer wait for this one.
    pub(super) fn leave(&self) {
        self.present.set(self.present.get() - 1);
        self.open_if_complete();
    }

    fn open_if_complete(&self) {
        if self.arrived.get() >= self.present.get() && self.arrived.get() > 0 {
            self.arrived.set(0);
            self.generation.set(self.generation.get() + 1);
            self.opened.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn it_opens_when_the_last_client_arrives_or_leaves() {
        let barrier = Barrier::new(3);
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second) = (pin!(barrier.wait()), pin!(barrier.wait()));
        assert_eq!(first.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(second.as_mut().poll(&mut context), Poll::Pending);
        barrier.leave();
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(()));

        let (mut first, mut second) = (pin!(barrier.wait()), pin!(barrier.wait()));
        assert_eq!(first.as_mut().poll(&mut context), Poll::Pending, "each round needs all clients again");
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(()));
    }
}
