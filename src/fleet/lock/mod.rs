//! The lock of a fleet: every image, with the digest that it has, the digest of what patches it, and where it goes.
//!
//! It is a text of JSON lines, sorted, without times, so that a change of one image is a change of one line. The first line says what
//! it is. Then come the recipes, each with its patches, args and platform, and then the images. It is all that a worker needs
//! besides the patch files.

mod read;
mod write;

use std::collections::HashSet;

use crate::digest::Digest;
use crate::error::Error;
use crate::platform::PlatformPattern;
use crate::reference::Reference;

/// More images than this are a mistake.
pub const MAX_ENTRIES: usize = 1_000_000;

/// A lock: recipes by their digest, entries by their destination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    recipes: Vec<Recipe>,
    entries: Vec<Entry>,
}

/// What is done to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The digest of everything that it consists of.
    pub inputs: Digest,
    /// The patch files, relative to the lock.
    pub patches: Vec<String>,
    /// Values for their args, sorted by name.
    pub args: Vec<(String, String)>,
    /// The only platform to write.
    pub platform: Option<PlatformPattern>,
}

/// An image, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The destination.
    pub to: Reference,
    /// The source.
    pub from: Reference,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// Its recipe, as an index of [`Lock::recipes`].
    pub recipe: usize,
    /// The digest of the manifest or index of the patched image, once it is known.
    pub result: Option<Digest>,
}

/// Why entries are no lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlockable {
    /// Two entries have this destination.
    SameDestination(Reference),
    /// The destination of an entry is the source of this one or of another.
    DestinationIsSource(Reference),
}

impl Lock {
    /// Sorts recipes and entries. Entries name recipes by their place in `recipes`; those that nobody names are left out, and of
    /// two with one digest the first is kept.
    pub fn new(recipes: &[Recipe], mut entries: Vec<Entry>) -> Result<Self, Unlockable> {
        let mut order: Vec<usize> = (0..recipes.len()).collect();
        order.sort_by_key(|&i| recipes[i].inputs);
        let named: HashSet<usize> = entries.iter().map(|entry| entry.recipe).collect();
        let inputs_of_named: HashSet<Digest> = named.iter().map(|&i| recipes[i].inputs).collect();
        let mut kept: Vec<Recipe> = Vec::new();
        let mut places = vec![0; recipes.len()];
        for i in order {
            let recipe = &recipes[i];
            if kept.last().is_none_or(|last| last.inputs != recipe.inputs)
                && inputs_of_named.contains(&recipe.inputs)
            {
                kept.push(recipe.clone());
            }
            places[i] = kept.len().saturating_sub(1);
        }
        for entry in &mut entries {
            entry.recipe = places[entry.recipe];
        }
        entries.sort_by(|a, b| a.to.cmp(&b.to));
        let lock = Self {
            recipes: kept,
            entries,
        };
        lock.check()?;
        Ok(lock)
    }

    fn check(&self) -> Result<(), Unlockable> {
        for pair in self.entries.windows(2) {
            if pair[0].to == pair[1].to {
                return Err(Unlockable::SameDestination(pair[0].to.clone()));
            }
        }
        let sources: HashSet<&Reference> = self.entries.iter().map(|entry| &entry.from).collect();
        match self
            .entries
            .iter()
            .find(|entry| sources.contains(&entry.to))
        {
            Some(entry) => Err(Unlockable::DestinationIsSource(entry.to.clone())),
            None => Ok(()),
        }
    }

    /// Returns the recipes, sorted by digest.
    #[must_use]
    pub fn recipes(&self) -> &[Recipe] {
        &self.recipes
    }

    /// Returns the entries, sorted by destination.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the recipe of an entry.
    #[must_use]
    pub fn recipe_of(&self, entry: &Entry) -> &Recipe {
        &self.recipes[entry.recipe]
    }

    /// Returns the entry of a destination.
    #[must_use]
    pub fn entry(&self, to: &Reference) -> Option<&Entry> {
        let found = self.entries.binary_search_by(|entry| entry.to.cmp(to));
        found.ok().map(|i| &self.entries[i])
    }

    /// Takes the results of another lock for entries that have none and are the same otherwise.
    pub fn take_results(&mut self, other: &Self) {
        for entry in &mut self.entries {
            let same = other.entry(&entry.to).filter(|known| {
                known.from == entry.from
                    && known.digest == entry.digest
                    && other.recipe_of(known).inputs == self.recipes[entry.recipe].inputs
            });
            if let (None, Some(known)) = (entry.result, same) {
                entry.result = known.result;
            }
        }
    }

    /// Sets the result of the entry of a destination.
    pub fn set_result(&mut self, to: &Reference, result: Digest) {
        let found = self.entries.binary_search_by(|entry| entry.to.cmp(to));
        if let Ok(i) = found {
            self.entries[i].result = Some(result);
        }
    }
}

fn bad(name: &str, line: usize, reason: impl std::fmt::Display) -> Error {
    Error::BadDocument {
        name: name.to_owned(),
        reason: format!("line {line}: {reason}"),
    }
}
