//! Faults as data: the steps of a fault, the protocol states in which it is made, and the invariant that holds afterwards.

use conformance::case::Case;
use conformance::case::Step;
use conformance::case::Step::Repeat;
use conformance::case::case;
use conformance::resources::ResourceLimit;
use driver::moves::Slot;
use protocol::{Clause, Level};

use crate::packets::Discipline;

/// One fault.
#[expect(clippy::struct_excessive_bools, reason = "each is an independent property that few rows set")]
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// The id, such as `disconnects/reset`; it never changes.
    pub id: &'static str,
    /// The clause that a harmed target violates.
    pub clause: Clause,
    /// The requirement level: how binding it is that the fault does no harm.
    pub level: Level,
    /// A description, in one sentence.
    pub summary: &'static str,
    /// The quantities: how often, how much and how long, with units.
    pub parameters: &'static str,
    /// The states in which it is made.
    pub states: &'static [State],
    /// The steps once client `A` is in that state.
    pub steps: &'static [Step],
    /// The steps after a target that the fault ended was started again. Its clients know the replies of `steps`.
    pub sequel: &'static [Step],
    /// Whether the protocol promises that other clients are served during the fault, and not only afterwards.
    pub is_promised: bool,
    /// Whether the target must be a process that this program started.
    pub needs_process: bool,
    /// Whether the target must write its output through pipes of this program, which those of a container do not.
    pub needs_output: bool,
    /// Whether it is a fault of the services that the target uses. A target may refuse requests meanwhile.
    pub needs_dependency: bool,
    /// Whether it is a fault of packets, which the run must be able to make.
    pub needs_packets: bool,
    /// The queueing discipline of the kernel that such a fault needs beside rules, if it needs one.
    pub needs_discipline: Option<Discipline>,
    /// Whether it is a fault of a container's memory.
    pub needs_container: bool,
    /// Whether it is a fault of the file system on which the target writes.
    pub needs_disk: bool,
    /// Whether the fault ends the target, which is then started again.
    pub ends_target: bool,
    /// Whether it is inconclusive unless the client blocked the target.
    pub needs_block: bool,
    /// The resource bound that the samples of its steps must keep.
    pub keeps: Option<ResourceLimit>,
    /// The settings that the target must have.
    pub needs_settings: &'static [&'static str],
    /// Whether it takes so long that only a matrix run includes it.
    pub is_long: bool,
    /// Whether it is no fault but valid traffic: it runs first, and what it reveals is attributed to its clause in all
    /// scenes that contain the same traffic.
    pub is_baseline: bool,
}

/// A state of a connection in which a fault is made.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// The name.
    pub name: &'static str,
    /// The steps that bring client `A` into the state.
    pub steps: &'static [Step],
    /// The steps that verify what holds after any fault in this state.
    pub invariant: &'static [Step],
    /// Whether it is reached only if the client blocks the target.
    pub needs_block: bool,
}

impl Fault {
    /// Returns a fault in these states, without steps.
    #[must_use]
    pub(crate) const fn new(
        id: &'static str,
        clause: Clause,
        summary: &'static str,
        states: &'static [State],
    ) -> Self {
        Self {
            id,
            clause,
            level: clause.level,
            summary,
            parameters: "",
            states,
            steps: &[],
            sequel: &[],
            is_promised: true,
            needs_process: false,
            needs_output: false,
            needs_dependency: false,
            needs_packets: false,
            needs_discipline: None,
            needs_container: false,
            needs_disk: false,
            ends_target: false,
            needs_block: false,
            keeps: None,
            needs_settings: &[],
            is_long: false,
            is_baseline: false,
        }
    }

    pub(crate) const fn parameters(mut self, parameters: &'static str) -> Self {
        self.parameters = parameters;
        self
    }

    pub(crate) const fn states(mut self, states: &'static [State]) -> Self {
        self.states = states;
        self
    }

    pub(crate) const fn steps(mut self, steps: &'static [Step]) -> Self {
        self.steps = steps;
        self
    }

    /// Marks a fault during which the protocol promises nothing to other clients.
    pub(crate) const fn beyond_promises(mut self) -> Self {
        self.is_promised = false;
        self
    }

    pub(crate) const fn of_process(mut self) -> Self {
        self.needs_process = true;
        self
    }

    pub(crate) const fn of_output(mut self) -> Self {
        self.needs_output = true;
        self.needs_process = true;
        self
    }

    /// Marks a fault of the services that the target uses.
    pub(crate) const fn of_dependency(mut self) -> Self {
        self.is_promised = false;
        self.needs_dependency = true;
        self
    }

    pub(crate) const fn of_packets(mut self) -> Self {
        self.needs_packets = true;
        self
    }

    pub(crate) const fn of_discipline(mut self, discipline: Discipline) -> Self {
        self.needs_discipline = Some(discipline);
        self
    }

    pub(crate) const fn of_container(mut self) -> Self {
        self.needs_container = true;
        self.needs_process = true;
        self
    }

    pub(crate) const fn of_disk(mut self) -> Self {
        self.needs_disk = true;
        self.needs_process = true;
        self
    }

    pub(crate) const fn ends_target(mut self) -> Self {
        self.ends_target = true;
        self.needs_process = true;
        self
    }

    pub(crate) const fn needs_block(mut self) -> Self {
        self.needs_block = true;
        self
    }

    pub(crate) const fn keeps(mut self, keeps: ResourceLimit) -> Self {
        self.keeps = Some(keeps);
        self.needs_process = true;
        self
    }

    /// Requires a target that this program started with these settings.
    pub(crate) const fn needs_settings(mut self, settings: &'static [&'static str]) -> Self {
        self.needs_settings = settings;
        self.needs_process = true;
        self
    }

    /// Marks a fault that only a matrix run includes.
    pub(crate) const fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    /// Marks valid traffic that runs before all faults.
    pub(crate) const fn baseline(mut self) -> Self {
        self.is_baseline = true;
        self
    }

    /// Sets the steps after the target was started again.
    pub(crate) const fn sequel(mut self, sequel: &'static [Step]) -> Self {
        self.sequel = sequel;
        self
    }

    /// Returns the scene of this fault in one of its states.
    fn in_state(&'static self, state: &'static State) -> Scene {
        let parts: [Step; 3] = [Repeat(1, state.steps), Repeat(1, self.steps), Repeat(1, state.invariant)];
        // Leaked once for each row; a catalogue lives as long as the process.
        let id: &'static str = Box::leak(format!("{}/{}", self.id, state.name).into_boxed_str());
        let steps: &'static [Step] = Box::leak(Box::new(parts));
        let with = |steps| case(id, self.clause, self.summary).steps(steps).at(self.level).lenient();
        let plain = with(steps);
        let kept = self.keeps.map_or(plain, |keeps| plain.resource_limit(keeps));
        let case = if self.needs_block || state.needs_block { kept.needs_block() } else { kept };
        let leaked = |case: Case| -> &'static Case { Box::leak(Box::new(case)) };
        let sequel = (!self.sequel.is_empty()).then(|| leaked(with(self.sequel)));
        Scene { fault: self, state, case: leaked(case), sequel }
    }
}

/// A fault in one state: a step of a schedule.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The fault.
    pub fault: &'static Fault,
    /// The state.
    pub state: &'static State,
    /// The steps of both as a case, whose id names both.
    pub case: &'static Case,
    /// The steps after a target that the fault ended was started again, if there are any.
    pub sequel: Option<&'static Case>,
}

impl Scene {
    /// Returns whether a client sends several lines at once.
    #[must_use]
    pub(crate) fn sends_lines_at_once(&self) -> bool {
        have_lines_at_once(self.case.steps)
    }

    /// Returns whether the client in this slot asks once the fault is over, so that the target must serve it.
    #[must_use]
    pub(crate) fn asks_afterwards(&self, slot: Slot) -> bool {
        matches!(self.state.invariant.first(), Some(Step::Ask(other, ..)) if *other == slot)
    }

    /// Returns whether the client in this slot shuts down its sending half, and reads what is left.
    #[must_use]
    pub(crate) fn ends_sending(&self, slot: Slot) -> bool {
        end_sending(self.case.steps, slot)
    }

    /// Returns the scene for a target that loses lines which arrive together: where the client waits for the replies to many
    /// lines, it sends each line once the reply to the one before has arrived.
    #[must_use]
    pub(crate) fn line_by_line(self) -> Self {
        let [Step::Repeat(_, state), Step::Repeat(_, steps), Step::Repeat(_, invariant)] = self.case.steps
        else {
            return self;
        };
        let Some(steps) = line_by_line(steps) else { return self };
        let parts = [Repeat(1, state), Repeat(1, Vec::leak(steps)), Repeat(1, invariant)];
        // Leaked at most once for each row.
        let case = Case { steps: Box::leak(Box::new(parts)), ..*self.case };
        Self { case: Box::leak(Box::new(case)), ..self }
    }
}

/// Returns the steps with each line sent alone, if a client waits for the replies to many lines.
fn line_by_line(steps: &[Step]) -> Option<Vec<Step>> {
    if let [Step::IfFast(limit_ms, first, second)] = steps {
        let [first, second] = [line_by_line(first)?, line_by_line(second)?];
        return Some(vec![Step::IfFast(*limit_ms, Vec::leak(first), Vec::leak(second))]);
    }
    let [Step::SendTimes(slot, bytes, times), Step::ExpectTimes(_, allowed, _), rest @ ..] = steps else {
        return None;
    };
    let ask = |line: &'static [u8]| Step::Ask(*slot, line, *allowed);
    let lines: Vec<Step> = bytes.split_inclusive(|&byte| byte == b'\n').map(ask).collect();
    Some([&[Repeat(*times, Vec::leak(lines))], rest].concat())
}

fn end_sending(steps: &[Step], slot: Slot) -> bool {
    steps.iter().any(|step| match step {
        Step::Repeat(_, steps) => end_sending(steps, slot),
        Step::EndSending(other) | Step::Close(other) => *other == slot,
        _ => false,
    })
}

fn have_lines_at_once(steps: &[Step]) -> bool {
    let lines = |bytes: &[u8]| bytes.split(|&byte| byte == b'\n').count() - 1;
    steps.iter().any(|step| match step {
        Step::Repeat(_, steps) | Step::RepeatWithin(.., steps) | Step::UntilDecided(steps) => {
            have_lines_at_once(steps)
        }
        Step::IfFast(_, first, second) => have_lines_at_once(first) || have_lines_at_once(second),
        Step::Send(_, bytes) | Step::SendCut(_, bytes, ..) => lines(bytes) > 1,
        Step::SendTimes(_, bytes, times) => lines(bytes) * times > 1,
        Step::Flood(_, bytes, _) => lines(bytes) > 0,
        _ => false,
    })
}

/// Returns the faults of these tables in all their states.
pub(crate) fn scenes_of(tables: &[&'static [Fault]]) -> Vec<Scene> {
    let faults = tables.iter().copied().flatten();
    faults.flat_map(|fault| fault.states.iter().map(|state| fault.in_state(state))).collect()
}

/// The slot of the client that connects after a fault to verify that the target serves it. No case uses this slot.
pub(crate) const NEWCOMER: Slot = Slot::MAX - 1;
