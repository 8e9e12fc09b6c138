//! `ocipatch fleet lock`

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::options::{AtOnce, PatchOptions, end, failure, world};
use crate::archive::{SideFile, write_files};
use crate::cli::cache::CacheOptions;
use crate::cli::failure::{Failure, say};
use crate::cli::registry::RegistryOptions;
use crate::cli::target::Target;
use crate::cli::{output, target};
use crate::error::Error;
use crate::fleet::{
    self, Action, FleetFile, Outcome, Placed, Recipe, Run, Shard, World, drift, resolve,
};
use crate::gather::Patches;
use crate::ledger::{Ledger, WrittenAs};

/// Writes the lock of a fleet beside its file: `fleet.lock` for `fleet.yaml`.
#[derive(Debug, Args)]
pub(super) struct Lock {
    /// The fleet file
    #[arg(default_value = "fleet.yaml", value_hint = ValueHint::FilePath)]
    fleet: PathBuf,
    /// Write nothing, list what is different, and exit with 1 if anything is
    #[arg(long)]
    check: bool,
    /// Leave out the digests of patched images; `apply` then plans each image to know whether it is done
    #[arg(long, conflicts_with = "check")]
    sources_only: bool,
    #[command(flatten)]
    at_once: AtOnce,
    #[command(flatten)]
    patch_reader: PatchOptions,
    #[command(flatten)]
    registries: RegistryOptions,
    #[command(flatten)]
    cache: CacheOptions,
}

impl Lock {
    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        let path = FleetFile::lock_path(&self.fleet);
        if path == self.fleet {
            let message =
                "the lock has the ending `.lock`; name the fleet file, such as `fleet.yaml`";
            return Err(Failure::Usage(message.to_owned()));
        }
        if self.check {
            target::enter_report(&mut ledger)?;
        } else {
            Target::Path(path.clone()).enter(WrittenAs::FleetLock, &mut ledger)?;
        }
        let file = FleetFile::read(&self.fleet, &mut ledger).map_err(failure)?;
        let patch_reader = self.patch_reader.patch_reader(&self.fleet, &ledger)?;
        let recipes = patch_reader.recipes(&file).map_err(failure)?;
        let world = world((&self.registries, &self.cache), &ledger, Action::Plan)?;
        let (recipes, patches): (Vec<Recipe>, Vec<Patches>) = recipes.into_iter().unzip();
        let threads = self.at_once.threads();
        let mut lock = resolve(&file, &recipes, &world, threads).map_err(failure)?;
        if self.check {
            let old = fleet::Lock::open(&path, &mut ledger)?;
            let lines = drift(&old, &lock);
            let mut text = lines.join("\n");
            if !lines.is_empty() {
                text.push('\n');
            }
            output::text(&text)?;
            return if lines.is_empty() {
                Ok(())
            } else {
                Err(Failure::Different)
            };
        }
        let old = existing(&path)?;
        if let Some(old) = &old {
            lock.take_results(old);
        }
        let outcomes = if self.sources_only {
            Vec::new()
        } else {
            let of = |recipe: &Recipe| recipes.iter().position(|it| it.inputs == recipe.inputs);
            let patches = lock.recipes().iter().enumerate().map(|(i, recipe)| {
                let at = of(recipe).expect("the lock has the recipes of the fleet");
                (i, patches[at].clone())
            });
            let patches = patches.collect();
            self.results(&mut lock, &patches, &world)
        };
        let text = lock.to_string();
        if old.is_none_or(|old| old.to_string() != text) {
            let file = SideFile::text(WrittenAs::FleetLock, path, text);
            write_files(&ledger, None, &[file])?;
        }
        if !quiet {
            let n = lock.entries().len();
            let s = if n == 1 { "" } else { "s" };
            say(&format!("{n} image{s} in the lock"));
        }
        end(&outcomes)
    }

    /// Plans the images whose results are not known.
    fn results(
        &self,
        lock: &mut fleet::Lock,
        patches: &HashMap<usize, Patches>,
        world: &dyn World,
    ) -> Vec<Placed<Outcome>> {
        let run = Run {
            lock,
            shard: Shard::default(),
            threads: self.at_once.threads(),
            world,
        };
        let outcomes = run.results(patches, &|entry, outcome| {
            if matches!(outcome, Outcome::Failed(_)) {
                say(&outcome.line(entry, Action::Plan));
            }
        });
        let entries: Vec<_> = lock
            .entries()
            .iter()
            .map(|entry| entry.to.clone())
            .collect();
        for Placed { entry, it } in &outcomes {
            if let Outcome::Done(digest) | Outcome::Pushed { digest, .. } = it {
                lock.set_result(&entries[*entry], *digest);
            }
        }
        outcomes
    }
}

/// Returns the lock that is there. One that cannot be understood is replaced, and has no results to keep.
fn existing(path: &Path) -> Result<Option<fleet::Lock>, Failure> {
    match fleet::Lock::open(path, &mut Ledger::default()) {
        Ok(lock) => Ok(Some(lock)),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error @ Error::BadDocument { .. }) => {
            say(&format!("note: the old lock is replaced: {error}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::existing;
    use crate::digest::Digest;
    use crate::fleet::{Entry, Lock, Recipe};
    use crate::reference::Reference;

    #[test]
    fn a_lock_keeps_what_it_has_unless_it_is_none() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("fleet.lock");
        assert!(existing(&path).unwrap().is_none());
        let recipe = Recipe {
            inputs: Digest::of(b"inputs"),
            patches: vec!["fix.yaml".to_owned()],
            args: Vec::new(),
            platform: None,
        };
        let digest = Digest::of(b"image");
        let entry = Entry {
            to: Reference::parse("r.example.com/a:1").unwrap(),
            from: Reference::parse("r.example.com/b:1").unwrap(),
            digest,
            recipe: 0,
            result: Some(digest),
        };
        let lock = Lock::new(&[recipe], vec![entry]).unwrap();
        std::fs::write(&path, lock.to_string()).unwrap();
        assert!(existing(&path).unwrap() == Some(lock));
        std::fs::write(&path, "fleet").unwrap();
        assert!(existing(&path).unwrap().is_none());
        existing(home.path()).unwrap_err();
    }
}
