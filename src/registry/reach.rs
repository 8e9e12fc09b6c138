//! Registries that nobody reaches before somebody wants to.

use std::sync::{Arc, OnceLock};

use super::{Registries, Settings};
use crate::error::Error;

/// How registries are reached: nothing is read for it, certificates included, before the first of them is. Copies share it.
#[derive(Debug, Clone, Default)]
pub struct Reach(Arc<Lazy>);

#[derive(Debug, Default)]
struct Lazy {
    settings: Settings,
    made: OnceLock<Registries>,
}

impl Reach {
    /// Returns registries that are reached as `settings` say.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Lazy {
            settings,
            made: OnceLock::new(),
        }))
    }

    /// Returns the registries; an error if this build or this machine cannot reach any.
    pub fn registries(&self) -> Result<&Registries, Error> {
        if let Some(made) = self.0.made.get() {
            return Ok(made);
        }
        let made = Registries::new(self.0.settings.clone())?;
        Ok(self.0.made.get_or_init(|| made))
    }
}

impl From<Registries> for Reach {
    fn from(registries: Registries) -> Self {
        let reach = Self::default();
        let _ = reach.0.made.set(registries);
        reach
    }
}
