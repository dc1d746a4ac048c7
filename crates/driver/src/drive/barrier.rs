//! A meeting of all clients that are still under way.

use std::cell::Cell;

use tokio::sync::Notify;

/// Lets nobody pass until everybody who has not left is there.
#[derive(Debug)]
pub(super) struct Barrier {
    present: Cell<usize>,
    arrived: Cell<usize>,
    meetings: Cell<u64>,
    opened: Notify,
}

impl Barrier {
    pub(super) fn new(present: usize) -> Self {
        Self {
            present: Cell::new(present),
            arrived: Cell::new(0),
            meetings: Cell::new(0),
            opened: Notify::new(),
        }
    }

    /// Arrives, and goes on when all others have arrived too.
    pub(super) async fn wait(&self) {
        let meeting = self.meetings.get();
        self.arrived.set(self.arrived.get() + 1);
        self.open_if_complete();
        while self.meetings.get() == meeting {
            self.opened.notified().await;
        }
    }

    /// Leaves for good: nobody waits for this client any more.
    pub(super) fn leave(&self) {
        self.present.set(self.present.get() - 1);
        self.open_if_complete();
    }

    fn open_if_complete(&self) {
        if self.arrived.get() >= self.present.get() && self.arrived.get() > 0 {
            self.arrived.set(0);
            self.meetings.set(self.meetings.get() + 1);
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
    fn it_opens_when_the_last_arrives_or_leaves() {
        let barrier = Barrier::new(3);
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second) = (pin!(barrier.wait()), pin!(barrier.wait()));
        assert_eq!(first.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(second.as_mut().poll(&mut context), Poll::Pending);
        barrier.leave();
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(()));

        let (mut first, mut second) = (pin!(barrier.wait()), pin!(barrier.wait()));
        assert_eq!(first.as_mut().poll(&mut context), Poll::Pending, "each meeting needs all again");
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(()));
    }
}
