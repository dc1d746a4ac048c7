//! One client's moves: it sweeps, contends, and sweeps again, on one connection.

use std::rc::Rc;

use protocol::index::wire::Command;

use driver::moves::Move;
use driver::moves::MoveResult;
use driver::moves::Script;
use driver::moves::Slot;

const ONLY: Slot = 0;

/// The requests of every client, whatever decides them.
pub trait Requests {
    /// How often all clients meet, and begin with other requests.
    fn episodes(&self) -> u32;

    /// How many requests a client sends at once.
    fn at_once(&self) -> usize;

    /// The packages that a client sweeps out before and afterwards.
    fn swept(&self, client: u32) -> Vec<Vec<u8>>;

    /// The requests of a client in an episode, without line ends.
    fn requests(&self, client: u32, episode: u32) -> Vec<Vec<u8>>;
}

/// Goes through the plan's steps, request by request.
#[derive(Debug)]
pub struct ContentionScript<P> {
    plan: Rc<P>,
    client: u32,
    swept: Vec<Vec<u8>>,
    /// Which step is next.
    next: u32,
    /// What is sent at once, and how many requests that is, for all of the step that is under way.
    parts: std::vec::IntoIter<(Vec<u8>, usize)>,
    part: (Vec<u8>, usize),
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Opened,
    Asking,
    Sent,
    Closing,
}

/// What is done between two meetings of all clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// INDEX with an empty list, so that nothing depends on anything.
    Loosen,
    /// REMOVE.
    Remove,
    /// The requests of an episode.
    Contend(u32),
}

impl<P: Requests> ContentionScript<P> {
    /// The moves of this client.
    #[must_use]
    pub fn new(plan: Rc<P>, client: u32) -> Self {
        let swept = plan.swept(client);
        Self {
            plan,
            client,
            swept,
            next: 0,
            parts: Vec::new().into_iter(),
            part: (Vec::new(), 0),
            state: State::Closed,
        }
    }

    /// The step with this number, if there are so many, and the phase that it begins.
    fn step(&self, number: u32) -> Option<(Step, Option<u32>)> {
        let episodes = self.plan.episodes();
        match number {
            0 => Some((Step::Loosen, Some(1))),
            1 => Some((Step::Remove, None)),
            2 => Some((Step::Contend(0), Some(2))),
            number if number - 2 < episodes => Some((Step::Contend(number - 2), None)),
            number if number - 2 == episodes => Some((Step::Loosen, Some(3))),
            number if number - 3 == episodes => Some((Step::Remove, None)),
            _ => None,
        }
    }

    /// Meets the others, and begins the next step.
    fn begin(&mut self) -> Move<'_> {
        let Some((step, phase)) = self.step(self.next) else {
            self.state = State::Closing;
            return Move::Close(ONLY);
        };
        self.next += 1;
        let of_swept = |command: Command| {
            let line = |name: &Vec<u8>| [command.word().as_bytes(), b"|", name, b"|\n"].concat();
            (self.swept.iter().map(line).collect(), 1)
        };
        let (lines, at_once): (Vec<Vec<u8>>, usize) = match step {
            Step::Loosen => of_swept(Command::Index),
            Step::Remove => of_swept(Command::Remove),
            Step::Contend(episode) => {
                let mut lines = self.plan.requests(self.client, episode);
                for line in &mut lines {
                    line.push(b'\n');
                }
                (lines, self.plan.at_once())
            }
        };
        let parts: Vec<_> = lines.chunks(at_once).map(|lines| (lines.concat(), lines.len())).collect();
        self.parts = parts.into_iter();
        self.state = State::Asking;
        phase.map_or(Move::Synchronize, Move::BeginPhase)
    }
}

impl<P: Requests> Script for ContentionScript<P> {
    fn next(&mut self, came: MoveResult<'_>) -> Move<'_> {
        if came == MoveResult::Failed {
            return Move::Done; // what the trouble was is for the judge to say
        }
        match self.state {
            State::Closed => {
                self.state = State::Opened;
                Move::Open(ONLY)
            }
            State::Opened => self.begin(),
            State::Asking => match self.parts.next() {
                None => self.begin(),
                Some(part) => {
                    self.state = State::Sent;
                    self.part = part;
                    Move::Send(ONLY, &self.part.0)
                }
            },
            State::Sent => {
                self.state = State::Asking;
                Move::Await(ONLY, self.part.1)
            }
            State::Closing => Move::Done,
        }
    }
}
