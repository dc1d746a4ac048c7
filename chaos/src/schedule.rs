//! Schedules: the scenes of a run in order, derived from a seed.
//!
//! Pure: the same seed and selection produce the same schedule on every machine.

use std::io::Write;

use conformance::resources::ResourceLimit;
use protocol::text::hex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use verdict::selection::NOT_SELECTED;
use verdict::selection::NoMatch;
use verdict::selection::Selection;
use verdict::selection::Subject;

use crate::chaos_protocol::ChaosProtocol;
use crate::fault::{Fault, Scene};
use crate::protocols::{self, PROTOCOLS};

/// The scenes of a run, in order, with the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The protocol of the scenes.
    pub protocol: &'static ChaosProtocol,
    /// The seed, which decides the package names and addresses that the scenes use.
    pub seed: u64,
    /// The ids of the scenes.
    pub steps: Vec<String>,
}

/// The file format of a schedule. Files of the first version name no protocol.
#[derive(Serialize, Deserialize)]
struct ScheduleFile {
    #[serde(default = "default_protocol")]
    protocol: String,
    seed: u64,
    steps: Vec<String>,
}

/// The reason why a schedule cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not a schedule.
    #[error("this is not a schedule: {0}")]
    Form(#[from] serde_json::Error),
    /// The protocol is unknown.
    #[error("{0}")]
    Protocol(String),
    /// A scene is unknown.
    #[error("no fault has the id '{0}'; `chaos faults` lists all faults")]
    Unknown(String),
}

impl Schedule {
    /// Returns all selected scenes once, in an order that the seed decides, except those that take very long.
    #[must_use]
    pub fn shuffled(protocol: &'static ChaosProtocol, seed: u64, selection: &Selection) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Each scene has a draw, selected or not, so that the selection does not change the order.
        let mut drawn: Vec<(u64, &Scene)> =
            protocol.scenes().iter().map(|scene| (random.next_u64(), scene)).collect();
        // A target without bounds on memory is slow in most scenes, but only these scenes show the cause.
        let is_late = |scene: &Scene| !scene.fault.keeps.is_some_and(ResourceLimit::is_of_memory);
        drawn.sort_unstable_by_key(|(draw, scene)| (!scene.fault.is_baseline, is_late(scene), *draw));
        let drawn = drawn.into_iter().map(|(_, scene)| scene).filter(|scene| !scene.fault.is_long);
        Self { protocol, seed, steps: steps(drawn.collect(), selection) }
    }

    /// Returns all selected scenes once, in the order of the catalogue.
    #[must_use]
    pub fn matrix(protocol: &'static ChaosProtocol, seed: u64, selection: &Selection) -> Self {
        Self { protocol, seed, steps: steps(protocol.scenes().iter().collect(), selection) }
    }

    /// Leaves out the faults that satisfy a condition.
    pub fn leave_out(&mut self, is_left_out: impl Fn(&Fault) -> bool) {
        let protocol = self.protocol;
        self.steps.retain(|id| protocol.find(id).is_some_and(|scene| !is_left_out(scene.fault)));
    }

    /// Parses the text of a schedule file.
    ///
    /// # Errors
    /// The text is not a schedule, or it names an unknown protocol or fault.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let ScheduleFile { protocol, seed, steps } = serde_json::from_str(text)?;
        let protocol = protocols::by_name(&protocol).map_err(Error::Protocol)?;
        match steps.iter().find(|id| protocol.find(id).is_none()) {
            Some(unknown) => Err(Error::Unknown(unknown.clone())),
            None => Ok(Self { protocol, seed, steps }),
        }
    }

    /// Writes the schedule to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: impl Write) -> serde_json::Result<()> {
        let Self { protocol, seed, steps } = self.clone();
        serde_json::to_writer_pretty(file, &ScheduleFile { protocol: protocol.name.to_owned(), seed, steps })
    }

    /// Returns the scenes.
    #[must_use]
    pub fn scenes(&self) -> Vec<Scene> {
        self.steps.iter().filter_map(|id| self.protocol.find(id).copied()).collect()
    }

    /// Returns the SHA-256 of the schedule, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        for step in &self.steps {
            hash.update(step.as_bytes());
            hash.update(b"\n");
        }
        hex(&hash.finalize())
    }
}

/// Returns the ids of the selected scenes. A baseline is added if one of them contains the same traffic.
fn steps(scenes: Vec<&Scene>, selection: &Selection) -> Vec<String> {
    let is_selected = |scene: &Scene| selection.wants(&subject(scene)).is_ok();
    let needs_baseline = scenes.iter().any(|scene| is_selected(scene) && scene.sends_lines_at_once());
    let is_added = |scene: &Scene| {
        needs_baseline && scene.fault.is_baseline && selection.wants(&subject(scene)) == Err(NOT_SELECTED)
    };
    let wanted = scenes.into_iter().filter(|scene| is_selected(scene) || is_added(scene));
    wanted.map(|scene| scene.case.id.to_owned()).collect()
}

/// Returns the selection of scenes that match `faults` and do not match `skip`. The id of a fault selects all its states.
///
/// # Errors
/// A pattern matches nothing.
pub fn selection(protocol: &ChaosProtocol, faults: &[String], skip: &[String]) -> Result<Selection, NoMatch> {
    let in_all_states = |patterns: &[String]| -> Vec<String> {
        let is_fault = |pattern: &str| protocol.faults().any(|fault| fault.id == pattern);
        let of_fault =
            |pattern: &String| if is_fault(pattern) { format!("{pattern}/*") } else { pattern.clone() };
        patterns.iter().map(of_fault).collect()
    };
    let subjects: Vec<Subject> = protocol.scenes().iter().map(subject).collect();
    Selection::new(&in_all_states(faults), &in_all_states(skip), &subjects)
}

/// Returns the selected scenes.
pub fn selected<'a>(
    protocol: &'a ChaosProtocol,
    selection: &'a Selection,
) -> impl Iterator<Item = &'a Scene> {
    protocol.scenes().iter().filter(|scene| selection.wants(&subject(scene)).is_ok())
}

fn default_protocol() -> String {
    PROTOCOLS[0].name.to_owned()
}

/// Returns what selection patterns match about a scene.
fn subject(scene: &Scene) -> Subject {
    Subject { id: scene.case.id, clause: scene.case.clause.id, level: scene.case.level }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> &'static ChaosProtocol {
        PROTOCOLS[0]
    }

    fn all() -> Selection {
        Selection::new(&[], &[], &[]).unwrap()
    }

    #[test]
    fn a_seed_decides_the_schedule() {
        let schedule = Schedule::shuffled(index(), 7, &all());
        assert_eq!(schedule, Schedule::shuffled(index(), 7, &all()));
        assert_ne!(schedule.sha256(), Schedule::shuffled(index(), 8, &all()).sha256());
        let mut file = Vec::new();
        schedule.write(&mut file).unwrap();
        assert_eq!(Schedule::parse(&String::from_utf8(file).unwrap()).unwrap(), schedule);
    }

    #[test]
    fn every_seed_runs_every_scene_but_the_long_ones_once() {
        let mut expected: Vec<&str> =
            index().scenes().iter().filter(|scene| !scene.fault.is_long).map(|scene| scene.case.id).collect();
        expected.sort_unstable();
        for seed in 0..20 {
            let mut steps = Schedule::shuffled(index(), seed, &all()).steps;
            steps.sort_unstable();
            assert_eq!(steps, expected);
        }
    }

    #[test]
    fn the_id_of_a_fault_selects_all_its_states() {
        let selected = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            selection(index(), &patterns, &[]).map(|selection| super::selected(index(), &selection).count())
        };
        assert_eq!(selected(&["disconnects/reset"]), Ok(4));
        assert_eq!(selected(&["disconnects/reset/idle"]), Ok(1));
        let error = selected(&["disconnects/rest"]).unwrap_err().to_string();
        assert!(error.contains("did you mean 'disconnects/reset/idle'?"), "{error}");
    }

    #[test]
    fn a_file_with_unknown_names_is_rejected() {
        let error = Schedule::parse(r#"{"seed":1,"steps":["no/such/thing"]}"#).unwrap_err();
        assert!(error.to_string().contains("no/such/thing"));
        let error = Schedule::parse(r#"{"protocol":"gopher","seed":1,"steps":[]}"#).unwrap_err();
        assert!(error.to_string().contains("index, wisdom"));
        assert!(Schedule::parse("{").is_err());
    }
}
