//! The moves of one client: cleanup, contention, and cleanup again, on one connection.

use std::rc::Rc;

use driver::moves::{Move, MoveResult, Script, Slot};
use protocol::index::wire::Command;

const ONLY: Slot = 0;

/// The requests of every client.
pub(crate) trait Requests {
    /// Returns the number of episodes. All clients meet before each episode.
    fn episodes(&self) -> u32;

    /// Returns the number of requests that a client sends in one write.
    fn requests_per_write(&self) -> usize;

    /// Returns the packages that a client removes in the cleanup phases.
    fn cleanup_packages(&self, client: u32) -> Vec<Vec<u8>>;

    /// Returns the requests of a client in an episode, without line ends.
    fn requests(&self, client: u32, episode: u32) -> Vec<Vec<u8>>;
}

/// Executes the plan of one client.
#[derive(Debug)]
pub(crate) struct ContentionScript<P> {
    plan: Rc<P>,
    client: u32,
    cleanup_packages: Vec<Vec<u8>>,
    /// The number of the next step.
    next_step: u32,
    /// The remaining writes of the current step: the bytes and the number of requests in them.
    writes: std::vec::IntoIter<(Vec<u8>, usize)>,
    /// The current write.
    write: (Vec<u8>, usize),
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    NotStarted,
    Met,
    Ready,
    Sent,
    Closing,
}

/// The work between two meetings of all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContentionStep {
    /// INDEX with an empty list, so that no package depends on another.
    ClearLists,
    /// REMOVE of every package.
    Remove,
    /// The requests of an episode.
    Contend(u32),
}

impl<P: Requests> ContentionScript<P> {
    /// Returns the script of a client.
    #[must_use]
    pub(crate) fn new(plan: Rc<P>, client: u32) -> Self {
        let cleanup_packages = plan.cleanup_packages(client);
        Self {
            plan,
            client,
            cleanup_packages,
            next_step: 0,
            writes: Vec::new().into_iter(),
            write: (Vec::new(), 0),
            state: State::NotStarted,
        }
    }

    /// Returns the step with this number, if it exists, and the phase that it begins.
    fn step(&self, number: u32) -> Option<(ContentionStep, Option<u32>)> {
        let episodes = self.plan.episodes();
        match number {
            0 => Some((ContentionStep::ClearLists, Some(1))),
            1 => Some((ContentionStep::Remove, None)),
            2 => Some((ContentionStep::Contend(0), Some(2))),
            number if number - 2 < episodes => Some((ContentionStep::Contend(number - 2), None)),
            number if number - 2 == episodes => Some((ContentionStep::ClearLists, Some(3))),
            number if number - 3 == episodes => Some((ContentionStep::Remove, None)),
            _ => None,
        }
    }

    /// Meets the other clients and begins the next step.
    fn begin_step(&mut self) -> Move<'static> {
        let Some((step, phase)) = self.step(self.next_step) else {
            self.state = State::Closing;
            return Move::Close(ONLY);
        };
        self.next_step += 1;
        let cleanup = |command: Command| {
            let line = |name: &Vec<u8>| [command.word().as_bytes(), b"|", name, b"|\n"].concat();
            (self.cleanup_packages.iter().map(line).collect(), 1)
        };
        let (lines, per_write): (Vec<Vec<u8>>, usize) = match step {
            ContentionStep::ClearLists => cleanup(Command::Index),
            ContentionStep::Remove => cleanup(Command::Remove),
            ContentionStep::Contend(episode) => {
                let mut lines = self.plan.requests(self.client, episode);
                for line in &mut lines {
                    line.push(b'\n');
                }
                (lines, self.plan.requests_per_write())
            }
        };
        let writes: Vec<_> = lines.chunks(per_write).map(|lines| (lines.concat(), lines.len())).collect();
        self.writes = writes.into_iter();
        self.state = State::Ready;
        phase.map_or(Move::Synchronize, Move::BeginPhase)
    }
}

impl<P: Requests> Script for ContentionScript<P> {
    fn next(&mut self, result: MoveResult<'_>) -> Move<'_> {
        if result.has_failed() {
            return Move::Done; // the judge reports the failure
        }
        match self.state {
            State::NotStarted => {
                let meeting = self.begin_step();
                self.state = State::Met;
                meeting
            }
            // The clients connect after their meeting, so that each sends its first request at once: a connection counts as
            // opening until its first reply, and only a few may be opening at a time.
            State::Met => {
                self.state = State::Ready;
                Move::Open(ONLY)
            }
            State::Ready => match self.writes.next() {
                None => self.begin_step(),
                Some(write) => {
                    self.state = State::Sent;
                    self.write = write;
                    Move::Send(ONLY, &self.write.0)
                }
            },
            State::Sent => {
                self.state = State::Ready;
                Move::Await(ONLY, self.write.1)
            }
            State::Closing => Move::Done,
        }
    }
}
