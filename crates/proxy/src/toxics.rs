//! The toxics of a proxy, which are added, changed and removed by name.

use tokio::time::Instant;

use crate::toxic::{Kind, Toxic, ToxicError};

/// The maximum number of toxics of a proxy: each has a queue in each connection.
pub(crate) const TOXICS_MAX: usize = 64;

/// The toxics of a proxy, in the order in which they were added and are applied.
#[derive(Clone, Debug, Default)]
pub struct Toxics {
    placed: Vec<Placed>,
    added: u64,
}

/// A toxic with its number.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// A unique number: a later toxic of the same name has another one.
    pub(crate) id: u64,
    pub(crate) toxic: Toxic,
    /// When it was added.
    pub(crate) added: Instant,
}

impl Toxics {
    /// Adds a toxic after all others. Its schedule begins now.
    ///
    /// # Errors
    /// The name is taken, or the maximum is reached.
    pub fn add(&mut self, toxic: Toxic, now: Instant) -> Result<(), ToxicError> {
        if self.get(&toxic.name).is_ok() {
            return Err(ToxicError::Exists);
        }
        if self.placed.len() >= TOXICS_MAX {
            return Err(ToxicError::TooMany { max: TOXICS_MAX });
        }
        self.added += 1;
        self.placed.push(Placed { id: self.added, toxic, added: now });
        Ok(())
    }

    /// Changes a toxic; its position and its schedule stay.
    ///
    /// # Errors
    /// No toxic has this name.
    pub fn update(&mut self, name: &str, kind: Kind, toxicity: f64) -> Result<(), ToxicError> {
        let place = self.placed.iter_mut().find(|placed| placed.toxic.name == name);
        let toxic = &mut place.ok_or(ToxicError::NotFound)?.toxic;
        (toxic.kind, toxic.toxicity) = (kind, toxicity);
        Ok(())
    }

    /// Removes a toxic.
    ///
    /// # Errors
    /// No toxic has this name.
    pub fn remove(&mut self, name: &str) -> Result<(), ToxicError> {
        let place = self.placed.iter().position(|placed| placed.toxic.name == name);
        self.placed.remove(place.ok_or(ToxicError::NotFound)?);
        Ok(())
    }

    /// Removes all toxics.
    pub fn clear(&mut self) {
        self.placed.clear();
    }

    /// Returns the toxic with this name.
    ///
    /// # Errors
    /// No toxic has this name.
    pub fn get(&self, name: &str) -> Result<&Toxic, ToxicError> {
        self.iter().find(|toxic| toxic.name == name).ok_or(ToxicError::NotFound)
    }

    /// Returns all toxics in order.
    pub fn iter(&self) -> impl Iterator<Item = &Toxic> {
        self.placed.iter().map(|placed| &placed.toxic)
    }

    pub(crate) fn placed(&self) -> &[Placed] {
        &self.placed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toxic::Stream;

    fn names(toxics: &Toxics) -> Vec<&str> {
        toxics.iter().map(|toxic| toxic.name.as_str()).collect()
    }

    #[test]
    fn names_are_unique_and_order_is_kept() {
        let mut toxics = Toxics::default();
        let down = Toxic::new(Stream::Downstream, Kind::Down {});
        toxics.add(down.clone(), Instant::now()).unwrap();
        toxics.add(Toxic::new(Stream::Upstream, Kind::Down {}), Instant::now()).unwrap();
        assert!(matches!(toxics.add(down, Instant::now()), Err(ToxicError::Exists)));
        toxics.update("down_downstream", Kind::BlackHole {}, 0.5).unwrap();
        assert_eq!(names(&toxics), ["down_downstream", "down_upstream"]);
        toxics.remove("down_downstream").unwrap();
        assert!(matches!(toxics.remove("down_downstream"), Err(ToxicError::NotFound)));
        assert_eq!(names(&toxics), ["down_upstream"]);
    }

    #[test]
    fn the_number_of_toxics_is_bounded() {
        let mut toxics = Toxics::default();
        let named = |number| Toxic {
            name: format!("{number}"),
            ..Toxic::new(Stream::Upstream, Kind::SlowClose { delay_ms: 1 })
        };
        (0..TOXICS_MAX).for_each(|number| toxics.add(named(number), Instant::now()).unwrap());
        assert!(matches!(toxics.add(named(TOXICS_MAX), Instant::now()), Err(ToxicError::TooMany { .. })));
    }
}
