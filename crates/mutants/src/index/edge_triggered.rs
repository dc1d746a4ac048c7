//! An edge-triggered listener that accepts a bounded number of connections after each edge. Only a defect needs this.

use std::cell::Cell;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;

/// The number of connections that are accepted after an edge.
const BATCH: u32 = 128;

const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Tells when a listener may be accepted from.
#[derive(Debug)]
pub(super) struct EdgeTriggered<'a> {
    listener: &'a TcpListener,
    edges: OwnedFd,
    /// The number of connections that may still be accepted after the last edge.
    left: Cell<u32>,
}

impl<'a> EdgeTriggered<'a> {
    pub(super) fn new(listener: &'a TcpListener) -> io::Result<Self> {
        let edges = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&edges, listener, epoll::EventData::new_u64(0), flags)?;
        Ok(Self { listener, edges, left: Cell::new(0) })
    }

    /// Waits until a connection may be accepted.
    pub(super) fn wait(&self) {
        let mut listener = [PollFd::new(self.listener, PollFlags::IN)];
        if self.left.get() == 0 || !matches!(poll(&mut listener, Some(&NO_TIME)), Ok(1)) {
            let mut events =
                [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }];
            // A process that was stopped is interrupted when it continues, before it has read its edge.
            while epoll::wait(&self.edges, &mut events, None) == Err(Errno::INTR) {}
            self.left.set(BATCH);
        }
        self.left.set(self.left.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn of_connections_that_arrived_together_the_last_wait_for_a_further_one() {
        const TOGETHER: usize = 130;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        rustix::net::listen(&listener, 256).unwrap();
        let addr = listener.local_addr().unwrap();
        let edges_listener = listener.try_clone().unwrap();
        let (accepted, accepts) = mpsc::channel();
        let mut clients: Vec<TcpStream> = (0..TOGETHER).map(|_| TcpStream::connect(addr).unwrap()).collect();
        thread::spawn(move || {
            let edges = EdgeTriggered::new(&edges_listener).unwrap();
            loop {
                edges.wait();
                accepted.send(edges_listener.accept().unwrap()).unwrap();
            }
        });
        let mut open = Vec::new();
        while let Ok(stream) = accepts.recv_timeout(Duration::from_millis(300)) {
            open.push(stream);
        }
        assert_eq!(open.len(), 128);
        clients.push(TcpStream::connect(addr).unwrap());
        open.extend((0..3).map(|_| accepts.recv_timeout(Duration::from_secs(10)).unwrap()));
    }
}
