//! The toxics of a proxy: what is added, changed and taken out, under names.

use super::toxic::{Kind, Toxic, ToxicError};

/// How many toxics a proxy may have: each is a queue in each connection.
pub const TOXICS_MAX: usize = 64;

/// The toxics of a proxy, in the order in which they were added, which is the order in which bytes go through them.
#[derive(Clone, Debug, Default)]
pub struct Toxics {
    placed: Vec<Placed>,
    added: u64,
}

/// A toxic in its place.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// A number that no other has, not even a later one of the same name.
    pub(super) id: u64,
    pub(super) toxic: Toxic,
}

impl Toxics {
    /// Adds one behind all others.
    ///
    /// # Errors
    /// Its name is taken, or there are too many.
    pub fn add(&mut self, toxic: Toxic) -> Result<(), ToxicError> {
        if self.get(&toxic.name).is_ok() {
            return Err(ToxicError::Exists);
        }
        if self.placed.len() >= TOXICS_MAX {
            return Err(ToxicError::TooMany { max: TOXICS_MAX });
        }
        self.added += 1;
        self.placed.push(Placed { id: self.added, toxic });
        Ok(())
    }

    /// Changes one in its place.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn update(&mut self, name: &str, kind: Kind, toxicity: f64) -> Result<(), ToxicError> {
        let place = self.placed.iter_mut().find(|placed| placed.toxic.name == name);
        let toxic = &mut place.ok_or(ToxicError::NotFound)?.toxic;
        (toxic.kind, toxic.toxicity) = (kind, toxicity);
        Ok(())
    }

    /// Takes one out.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn remove(&mut self, name: &str) -> Result<(), ToxicError> {
        let place = self.placed.iter().position(|placed| placed.toxic.name == name);
        self.placed.remove(place.ok_or(ToxicError::NotFound)?);
        Ok(())
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.placed.clear();
    }

    /// The toxic of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&Toxic, ToxicError> {
        self.iter().find(|toxic| toxic.name == name).ok_or(ToxicError::NotFound)
    }

    /// All, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Toxic> {
        self.placed.iter().map(|placed| &placed.toxic)
    }

    pub(super) fn placed(&self) -> &[Placed] {
        &self.placed
    }
}

#[cfg(test)]
mod tests {
    use super::super::toxic::Stream;
    use super::*;

    fn names(toxics: &Toxics) -> Vec<&str> {
        toxics.iter().map(|toxic| toxic.name.as_str()).collect()
    }

    #[test]
    fn names_are_unique_and_order_is_kept() {
        let mut toxics = Toxics::default();
        let down = Toxic::new(Stream::Downstream, Kind::Down {});
        toxics.add(down.clone()).unwrap();
        toxics.add(Toxic::new(Stream::Upstream, Kind::Down {})).unwrap();
        assert!(matches!(toxics.add(down), Err(ToxicError::Exists)));
        toxics.update("down_downstream", Kind::BlackHole {}, 0.5).unwrap();
        assert_eq!(names(&toxics), ["down_downstream", "down_upstream"]);
        toxics.remove("down_downstream").unwrap();
        assert!(matches!(toxics.remove("down_downstream"), Err(ToxicError::NotFound)));
        assert_eq!(names(&toxics), ["down_upstream"]);
    }

    #[test]
    fn there_is_a_bound() {
        let mut toxics = Toxics::default();
        let named = |number| Toxic {
            name: format!("{number}"),
            ..Toxic::new(Stream::Upstream, Kind::SlowClose { delay_ms: 1 })
        };
        (0..TOXICS_MAX).for_each(|number| toxics.add(named(number)).unwrap());
        assert!(matches!(toxics.add(named(TOXICS_MAX)), Err(ToxicError::TooMany { .. })));
    }
}
