//! Schedules: from a seed to the scenes of a run, in order. Pure; the same seed brings the same schedule everywhere.

use std::collections::BTreeSet;
use std::io::Write;

use conformance::resources::ResourceLimit;
use protocol::text::hex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use verdict::selection::NoMatch;
use verdict::selection::Selection;
use verdict::selection::Subject;

use crate::fault::Scene;
use crate::kit::{self, Kit};

/// Of a fault's states a swarm leaves out one in so many, another one under each seed: what one fault hides from another
/// shows under some seed. Every fault is there in some state.
const SWARM_LEAVES_OUT_ONE_IN: u64 = 3;

/// The scenes of a run, in order, and the seed that decides their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Whose scenes they are.
    pub kit: &'static Kit,
    /// Decides the names that the scenes work on.
    pub seed: u64,
    /// The ids of the scenes.
    pub steps: Vec<String>,
}

/// A schedule as it stands in a file. Before there were several protocols none was named.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(default = "default_protocol")]
    protocol: String,
    seed: u64,
    steps: Vec<String>,
}

/// Why a schedule cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is none.
    #[error("no schedule: {0}")]
    Form(#[from] serde_json::Error),
    /// A protocol that this version does not know.
    #[error("{0}")]
    Protocol(String),
    /// A step that this version does not know.
    #[error("no fault has the id '{0}'; `chaos faults` prints them all")]
    Unknown(String),
}

impl Schedule {
    /// A swarm: most of the scenes that are selected, in an order that the seed decides.
    #[must_use]
    pub fn swarm(kit: &'static Kit, seed: u64, selection: &Selection) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // A draw for each scene, whether it is selected or not: selecting others changes no order.
        let mut drawn: Vec<(u64, &Scene)> =
            kit.scenes().iter().map(|scene| (random.next_u64(), scene)).collect();
        // A target that keeps all it is sent is slow in most scenes, and shows why only in these.
        let is_late = |scene: &Scene| !matches!(scene.fault.keeps, Some(ResourceLimit::Memory(_)));
        drawn.sort_unstable_by_key(|(draw, scene)| (is_late(scene), *draw));
        let mut present = BTreeSet::new();
        drawn.retain(|(draw, scene)| present.insert(scene.fault.id) || draw % SWARM_LEAVES_OUT_ONE_IN != 0);
        let steps = drawn
            .into_iter()
            .map(|(_, scene)| scene)
            .filter(|scene| !scene.fault.is_long && selection.wants(&subject(scene)).is_ok());
        Self { kit, seed, steps: steps.map(|scene| scene.case.id.to_owned()).collect() }
    }

    /// Every scene that is selected, once, in the order of the catalogue.
    #[must_use]
    pub fn matrix(kit: &'static Kit, seed: u64, selection: &Selection) -> Self {
        Self { kit, seed, steps: selected(kit, selection).map(|scene| scene.case.id.to_owned()).collect() }
    }

    /// Reads a schedule from its file.
    ///
    /// # Errors
    /// It is none, or names what is not known.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Written { protocol, seed, steps } = serde_json::from_str(text)?;
        let kit = kit::by_name(&protocol).map_err(Error::Protocol)?;
        match steps.iter().find(|id| kit.find(id).is_none()) {
            Some(unknown) => Err(Error::Unknown(unknown.clone())),
            None => Ok(Self { kit, seed, steps }),
        }
    }

    /// Writes a schedule into its file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, file: impl Write) -> serde_json::Result<()> {
        let Self { kit, seed, steps } = self.clone();
        serde_json::to_writer_pretty(file, &Written { protocol: kit.name.to_owned(), seed, steps })
    }

    /// The scenes.
    #[must_use]
    pub fn scenes(&self) -> Vec<Scene> {
        self.steps.iter().filter_map(|id| self.kit.find(id).copied()).collect()
    }

    /// The hash that names it, in hex digits.
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

/// The faults that these patterns name, and not those; the id of a fault stands for all its states.
///
/// # Errors
/// A pattern matches nothing.
pub fn selection(kit: &Kit, faults: &[String], skip: &[String]) -> Result<Selection, NoMatch> {
    let in_all_states = |patterns: &[String]| -> Vec<String> {
        let is_fault = |pattern: &str| kit.faults().any(|fault| fault.id == pattern);
        let of_fault =
            |pattern: &String| if is_fault(pattern) { format!("{pattern}/*") } else { pattern.clone() };
        patterns.iter().map(of_fault).collect()
    };
    let subjects: Vec<Subject> = kit.scenes().iter().map(subject).collect();
    Selection::new(&in_all_states(faults), &in_all_states(skip), &subjects)
}

/// The scenes that a selection wants.
pub fn selected<'a>(kit: &'a Kit, selection: &'a Selection) -> impl Iterator<Item = &'a Scene> {
    kit.scenes().iter().filter(|scene| selection.wants(&subject(scene)).is_ok())
}

fn default_protocol() -> String {
    kit::KITS[0].name.to_owned()
}

/// A scene as what can be selected.
fn subject(scene: &Scene) -> Subject {
    Subject { id: scene.case.id, clause: scene.case.clause.id, level: scene.case.level }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> &'static Kit {
        kit::KITS[0]
    }

    fn all() -> Selection {
        Selection::new(&[], &[], &[]).unwrap()
    }

    #[test]
    fn the_same_seed_is_the_same_schedule_and_another_is_another() {
        let schedule = Schedule::swarm(index(), 7, &all());
        assert_eq!(schedule, Schedule::swarm(index(), 7, &all()));
        assert_ne!(schedule.sha256(), Schedule::swarm(index(), 8, &all()).sha256());
        let mut file = Vec::new();
        schedule.write(&mut file).unwrap();
        assert_eq!(Schedule::parse(&String::from_utf8(file).unwrap()).unwrap(), schedule);
    }

    #[test]
    fn a_swarm_leaves_some_out_and_all_seeds_together_none() {
        let count = index().scenes().iter().filter(|scene| !scene.fault.is_long).count();
        let mut seen = BTreeSet::new();
        for seed in 0..20 {
            let steps = Schedule::swarm(index(), seed, &all()).steps;
            assert!(steps.len() < count && steps.len() > count / 2, "{} of {count}", steps.len());
            let faults: BTreeSet<&str> =
                steps.iter().filter_map(|id| index().find(id)).map(|scene| scene.fault.id).collect();
            assert_eq!(faults.len(), index().faults().count());
            seen.extend(steps);
        }
        assert_eq!(seen.len(), count);
    }

    #[test]
    fn the_id_of_a_fault_stands_for_all_its_states() {
        let selected = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            selection(index(), &patterns, &[]).map(|selection| super::selected(index(), &selection).count())
        };
        assert_eq!(selected(&["disconnects/reset"]), Ok(4));
        assert_eq!(selected(&["disconnects/reset/idle"]), Ok(1));
        let error = selected(&["disconnects/rest"]).unwrap_err().to_string();
        assert!(error.contains("'disconnects/reset/idle' is nearest"), "{error}");
    }

    #[test]
    fn a_file_that_names_what_is_not_known_is_refused() {
        let error = Schedule::parse(r#"{"seed":1,"steps":["no/such/thing"]}"#).unwrap_err();
        assert!(error.to_string().contains("no/such/thing"));
        let error = Schedule::parse(r#"{"protocol":"gopher","seed":1,"steps":[]}"#).unwrap_err();
        assert!(error.to_string().contains("index, wisdom"));
        assert!(Schedule::parse("{").is_err());
    }
}
