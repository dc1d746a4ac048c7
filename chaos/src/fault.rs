//! Faults as data: what is done to a connection, in which state of the protocol, and what has to hold afterwards.

use conformance::case::Case;
use conformance::case::Step;
use conformance::case::Step::Repeat;
use conformance::case::case;
use conformance::resources::ResourceLimit;
use driver::moves::Slot;
use protocol::{Clause, Level};

/// One fault.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing of a fault, and a row names those that hold"
)]
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Its id, such as `disconnects/reset`, which never changes.
    pub id: &'static str,
    /// The clause that is broken where it harms.
    pub clause: Clause,
    /// How binding it is that nothing of it harms.
    pub level: Level,
    /// What is done, in a sentence.
    pub summary: &'static str,
    /// How often, how much, how long, with units.
    pub parameters: &'static str,
    /// The states in which it is done.
    pub states: &'static [State],
    /// What is done to client `A`, once it is in that state.
    pub steps: &'static [Step],
    /// What is done once a target that ended by it was started again, by clients who know what they were told before.
    pub sequel: &'static [Step],
    /// Whether the protocol promises that others are served meanwhile, and not only afterwards.
    pub is_promised: bool,
    /// Whether it takes a target that the harness started.
    pub needs_process: bool,
    /// Whether the target ends by it, and is started again.
    pub ends_target: bool,
    /// Whether it proves something only if the target had to wait for the client.
    pub needs_block: bool,
    /// What the samples in its steps have to show.
    pub keeps: Option<ResourceLimit>,
    /// The settings that it takes a target with.
    pub needs_settings: &'static [&'static str],
    /// Whether it takes so long that only a matrix has it.
    pub is_long: bool,
}

/// What a connection is in the middle of.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// Its name.
    pub name: &'static str,
    /// How a connection comes to it.
    pub steps: &'static [Step],
    /// What has to hold afterwards.
    pub truth: &'static [Step],
    /// Whether it is reached only if the target has to wait for the client.
    pub needs_block: bool,
}

impl Fault {
    /// A fault of these states, with nothing done yet.
    #[must_use]
    pub const fn new(
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
            ends_target: false,
            needs_block: false,
            keeps: None,
            needs_settings: &[],
            is_long: false,
        }
    }

    pub(crate) const fn with(mut self, parameters: &'static str) -> Self {
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

    /// The protocol promises nothing while it lasts.
    pub(crate) const fn beyond_promises(mut self) -> Self {
        self.is_promised = false;
        self
    }

    pub(crate) const fn of_process(mut self) -> Self {
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

    /// It takes a target that the harness started with these settings.
    pub(crate) const fn needs_settings(mut self, settings: &'static [&'static str]) -> Self {
        self.needs_settings = settings;
        self.needs_process = true;
        self
    }

    /// Only a matrix has it.
    pub(crate) const fn long(mut self) -> Self {
        self.is_long = true;
        self
    }

    /// What is done once the target was started again.
    pub(crate) const fn sequel(mut self, sequel: &'static [Step]) -> Self {
        self.sequel = sequel;
        self
    }

    /// The fault in one of its states, as a scene.
    fn in_state(&'static self, state: &'static State) -> Scene {
        let parts: [Step; 3] = [Repeat(1, state.steps), Repeat(1, self.steps), Repeat(1, state.truth)];
        // Built once for each row of a catalogue, and kept as long as the catalogue.
        let id: &'static str = Box::leak(format!("{}/{}", self.id, state.name).into_boxed_str());
        let steps: &'static [Step] = Box::leak(Box::new(parts));
        let with = |steps| case(id, self.clause, self.summary).steps(steps).at(self.level).lenient();
        let plain = with(steps);
        let kept = self.keeps.map_or(plain, |keeps| plain.resource_limit(keeps));
        let case = if self.needs_block || state.needs_block { kept.needs_block() } else { kept };
        let kept_for_good = |case: Case| -> &'static Case { Box::leak(Box::new(case)) };
        let sequel = (!self.sequel.is_empty()).then(|| kept_for_good(with(self.sequel)));
        Scene { fault: self, state, case: kept_for_good(case), sequel }
    }
}

/// A fault in a state: what a schedule is made of.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The fault.
    pub fault: &'static Fault,
    /// The state.
    pub state: &'static State,
    /// Both as a case; its id names both.
    pub case: &'static Case,
    /// What is done once a target that ended by it was started again, if anything is.
    pub sequel: Option<&'static Case>,
}

/// The faults of these tables in all their states.
pub(crate) fn scenes_of(tables: &[&'static [Fault]]) -> Vec<Scene> {
    let faults = tables.iter().copied().flatten();
    faults.flat_map(|fault| fault.states.iter().map(|state| fault.in_state(state))).collect()
}

/// The slot of the client that comes after a fault to see whether it is served; no case uses it.
pub(crate) const NEWCOMER: Slot = Slot::MAX - 1;
