//! The entries of a shard, one by one: what `fleet plan`, `fleet apply` and `fleet status` do.
//!
//! The registry is the store: an entry whose destination has the digest of the lock is done, and costs one request. So a run that was
//! stopped is resumed by running it again, and no shard knows of another.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use super::lock::{Entry, Lock};
use super::parallel::each;
use super::{Shard, Task, World};
use crate::digest::Digest;
use crate::error::Error;
use crate::gather::{NotPlanned, Patches};

/// What a run does with the entries of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing is sent.
    Plan,
    /// Images are pushed where nothing is yet, or where something else is if that is allowed.
    Apply {
        /// Whether a destination may be moved from another image.
        overwrite: bool,
    },
}

/// What became of an entry, or would become of it.
#[derive(Debug)]
pub enum Outcome {
    /// The destination has the patched image already.
    Done(Digest),
    /// The patched image was pushed, or would be.
    Pushed {
        /// The digest of the patched image.
        digest: Digest,
        /// The digest that the destination had before.
        replaced: Option<Digest>,
    },
    /// It failed, and the others go on.
    Failed(NotPlanned),
}

impl Outcome {
    /// Tells whether a registry failed, which it may not do again.
    fn is_of_registry(&self) -> bool {
        matches!(
            self,
            Self::Failed(NotPlanned::Failed(Error::Registry { .. }))
        )
    }
}

/// How often an entry is done again that failed because of a registry.
const N_AGAIN: usize = 2;

/// How a destination is.
#[derive(Debug)]
pub enum State {
    /// It has the patched image.
    Done,
    /// It does not exist.
    Missing,
    /// It has this image, and the patched one has another digest.
    Other(Digest),
    /// It has this image, and the lock does not know the digest of the patched one.
    Unknown(Digest),
    /// The registry does not say.
    Failed(Error),
}

/// An entry of a lock, by its place in it.
#[derive(Debug)]
pub struct Placed<T> {
    /// The place, counting from 0.
    pub entry: usize,
    /// What there is to say of it.
    pub it: T,
}

/// The entries of a run, and how it is done.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// The lock.
    pub lock: &'a Lock,
    /// Which entries.
    pub shard: Shard,
    /// How many at once.
    pub threads: NonZeroUsize,
    /// Registries and the engine.
    pub world: &'a dyn World,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Run({})", self.shard)
    }
}

impl Run<'_> {
    /// Does the entries of the shard, of whose recipes `patches` has the patches; `tell` is called as each is done.
    pub fn each(
        self,
        patches: &HashMap<usize, Patches>,
        action: Action,
        tell: &(dyn Fn(&Entry, &Outcome) + Sync),
    ) -> Vec<Placed<Outcome>> {
        let work = |entry: &Entry, is_last: bool| {
            let outcome = self.entry(entry, &patches[&entry.recipe], action);
            let outcome = outcome.unwrap_or_else(Outcome::Failed);
            if is_last || !outcome.is_of_registry() {
                tell(entry, &outcome);
            }
            outcome
        };
        let mut outcomes = self.of_shard(|_| true, |entry| work(entry, false));
        for round in 1..=N_AGAIN {
            let failed = outcomes.iter_mut().filter(|of| of.it.is_of_registry());
            let mut failed: Vec<&mut Placed<Outcome>> = failed.collect();
            let entries: Vec<&Entry> = failed
                .iter()
                .map(|of| &self.lock.entries()[of.entry])
                .collect();
            let again = each(entries.len(), self.threads, |i| {
                work(entries[i], round == N_AGAIN)
            });
            for (of, outcome) in failed.iter_mut().zip(again) {
                of.it = outcome;
            }
        }
        outcomes
    }

    /// Plans the entries of the shard whose results are not known, and asks nothing of their destinations.
    pub fn results(
        self,
        patches: &HashMap<usize, Patches>,
        tell: &(dyn Fn(&Entry, &Outcome) + Sync),
    ) -> Vec<Placed<Outcome>> {
        let is_unknown = |entry: &Entry| entry.result.is_none();
        self.of_shard(is_unknown, |entry| {
            let mut digest = None;
            let task = self.task(entry, &patches[&entry.recipe]);
            let planned = self.world.patch(&task, &mut |found| {
                digest = Some(found);
                Ok(false)
            });
            let outcome = match planned {
                Ok(()) => Outcome::Pushed {
                    digest: digest.expect("what is planned is decided"),
                    replaced: None,
                },
                Err(failed) => Outcome::Failed(failed),
            };
            tell(entry, &outcome);
            outcome
        })
    }

    /// Looks at the destinations of the shard, with one request for each.
    #[must_use]
    pub fn states(self) -> Vec<Placed<State>> {
        self.of_shard(
            |_| true,
            |entry| match (self.world.digest(&entry.to), entry.result) {
                (Err(error), _) => State::Failed(error),
                (Ok(None), _) => State::Missing,
                (Ok(Some(found)), Some(wanted)) if found == wanted => State::Done,
                (Ok(Some(found)), Some(_)) => State::Other(found),
                (Ok(Some(found)), None) => State::Unknown(found),
            },
        )
    }

    fn of_shard<T: Send>(
        self,
        is_wanted: impl Fn(&Entry) -> bool,
        work: impl Fn(&Entry) -> T + Sync,
    ) -> Vec<Placed<T>> {
        let all = self.lock.entries().iter().enumerate();
        let wanted = all.filter(|(i, entry)| self.shard.has(*i) && is_wanted(entry));
        let entries: Vec<usize> = wanted.map(|(i, _)| i).collect();
        let done = each(entries.len(), self.threads, |i| {
            work(&self.lock.entries()[entries[i]])
        });
        let pairs = entries.into_iter().zip(done);
        pairs.map(|(entry, it)| Placed { entry, it }).collect()
    }

    fn task<'t>(self, entry: &'t Entry, patches: &'t Patches) -> Task<'t>
    where
        Self: 't,
    {
        Task {
            from: &entry.from,
            digest: entry.digest,
            to: &entry.to,
            patches,
            platform: self.lock.recipe_of(entry).platform.as_ref(),
        }
    }

    fn entry(
        self,
        entry: &Entry,
        patches: &Patches,
        action: Action,
    ) -> Result<Outcome, NotPlanned> {
        let mut there = None;
        if let Some(result) = entry.result {
            there = self.world.digest(&entry.to)?;
            if there == Some(result) {
                return Ok(Outcome::Done(result));
            }
            check_free(entry, there, action)?;
            if action == Action::Plan {
                return Ok(Outcome::Pushed {
                    digest: result,
                    replaced: there,
                });
            }
        }
        let task = self.task(entry, patches);
        let mut outcome = None;
        self.world.patch(&task, &mut |digest| {
            match entry.result {
                Some(result) => check_result(entry, digest, result)?,
                None => there = self.world.digest(&entry.to)?,
            }
            if there == Some(digest) {
                outcome = Some(Outcome::Done(digest));
                return Ok(false);
            }
            check_free(entry, there, action)?;
            outcome = Some(Outcome::Pushed {
                digest,
                replaced: there,
            });
            Ok(action != Action::Plan)
        })?;
        Ok(outcome.expect("what is planned is decided"))
    }
}

/// A destination that has another image is left alone: somebody else may have put it there.
fn check_free(entry: &Entry, there: Option<Digest>, action: Action) -> Result<(), Error> {
    match (there, action) {
        (Some(found), Action::Apply { overwrite: false }) => Err(Error::Output {
            place: entry.to.full(),
            reason: format!("has the image `{found}` already; `--overwrite` replaces it"),
        }),
        _ => Ok(()),
    }
}

fn check_result(entry: &Entry, found: Digest, locked: Digest) -> Result<(), Error> {
    if found == locked {
        return Ok(());
    }
    Err(Error::Mismatch {
        what: format!("the digest of the patched image for `{}`", entry.to),
        found: found.to_string(),
        wanted: locked.to_string(),
    })
}
