//! What the commands of fleets have in common.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::cache::CacheOptions;
use crate::cli::failure::Failure;
use crate::cli::inputs::source_date_epoch;
use crate::cli::mistaken::Mistake;
use crate::cli::registry::RegistryOptions;
use crate::error::Error;
use crate::fleet::{Action, Lock, Outcome, PatchReader, Placed, Remote, Shard};
use crate::gather::{NotPlanned, Patches, directory_of};
use crate::ledger::Ledger;
use crate::patch::ArgValues;

/// Which entries of a lock.
#[derive(Debug, Args)]
pub(super) struct LockOptions {
    /// The lock, which `ocipatch fleet lock` writes
    #[arg(default_value = "fleet.lock", value_hint = ValueHint::FilePath)]
    lock: PathBuf,
    /// Only this part of the lock: `I/N`, with I from 0 to N-1, or `auto` for the variables of Kubernetes, GitLab, Slurm or GNU
    /// parallel; where these do not say how many there are, `OCIPATCH_SHARDS` must
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1", hide_default_value = true)]
    shard: ShardWord,
    #[command(flatten)]
    at_once: AtOnce,
    #[command(flatten)]
    registries: RegistryOptions,
    #[command(flatten)]
    cache: CacheOptions,
}

const MAX_JOBS: NonZeroUsize = NonZeroUsize::new(256).expect("it is not 0");

/// How many images at once.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct AtOnce {
    /// How many images to work on at once, up to 256
    #[arg(short = 'j', long = "jobs", value_name = "N", default_value = "4", value_parser = jobs)]
    jobs: NonZeroUsize,
}

/// Returns the registries of a run, and the engine.
pub(super) fn world(
    (registries, cache): (&RegistryOptions, &CacheOptions),
    ledger: &Ledger,
    action: Action,
) -> Result<Remote, Failure> {
    let job = registries.job(ledger.clone())?.cache(cache.directory());
    let job = match source_date_epoch()? {
        Some(time) => job.source_date_epoch(time),
        None => job,
    };
    Ok(Remote::new(job, action)?)
}

/// Where patches may take files from.
#[derive(Debug, Args)]
pub(super) struct PatchOptions {
    /// Allow paths in a patch that lead outside its directory
    #[arg(long)]
    allow_outside: bool,
}

#[derive(Debug, Clone, Copy)]
enum ShardWord {
    Shard(Shard),
    Auto,
}

fn shard(text: &str) -> Result<ShardWord, String> {
    if text == "auto" {
        return Ok(ShardWord::Auto);
    }
    Shard::parse(text).map(ShardWord::Shard)
}

/// Each takes a thread and some files.
fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    let jobs = text.parse().ok().filter(|jobs| *jobs <= MAX_JOBS);
    jobs.ok_or_else(|| format!("it is not a number from 1 to {MAX_JOBS}"))
}

impl AtOnce {
    pub(super) fn threads(self) -> NonZeroUsize {
        self.jobs
    }
}

impl LockOptions {
    pub(super) fn threads(&self) -> NonZeroUsize {
        self.at_once.threads()
    }

    /// Returns the shard that was asked for, or that a scheduler gave.
    pub(super) fn shard(&self) -> Result<Shard, Failure> {
        match self.shard {
            ShardWord::Shard(shard) => Ok(shard),
            ShardWord::Auto => {
                let variable = |name: &str| std::env::var(name).ok();
                Shard::of_environment(&variable).map_err(Failure::Usage)
            }
        }
    }

    /// Returns the registries, and the engine.
    pub(super) fn world(&self, ledger: &Ledger, action: Action) -> Result<Remote, Failure> {
        world((&self.registries, &self.cache), ledger, action)
    }

    /// Reads the lock.
    pub(super) fn open(&self, ledger: &mut Ledger) -> Result<Lock, Failure> {
        Lock::open(&self.lock, ledger).map_err(|error| match error {
            Error::Io { place, source } if source.kind() == ErrorKind::NotFound => Mistake {
                message: format!("there is no lock `{place}`"),
                help: "`ocipatch fleet lock` writes it, beside the file of the fleet".to_owned(),
            }
            .into(),
            error => error.into(),
        })
    }

    /// Reads the patches that a shard of the lock needs; an error if they are not those of the lock.
    pub(super) fn patches(
        &self,
        lock: &Lock,
        shard: Shard,
        options: &PatchOptions,
        ledger: &Ledger,
    ) -> Result<HashMap<usize, Patches>, Failure> {
        let patch_reader = options.patch_reader(&self.lock, ledger)?;
        let patches = patch_reader.patches(lock, &shard).map_err(failure)?;
        patches.map_err(|drifted| {
            let lines = drifted.iter().map(ToString::to_string);
            Failure::Drifted(lines.collect())
        })
    }
}

impl PatchOptions {
    /// Returns where the patches of a fleet are, whose file or lock has this path.
    pub(super) fn patch_reader(
        &self,
        path: &Path,
        ledger: &Ledger,
    ) -> Result<PatchReader, Failure> {
        Ok(PatchReader {
            directory: directory_of(path),
            allow_outside: self.allow_outside,
            environment: ArgValues {
                environment: std::env::vars_os().collect(),
                ..ArgValues::default()
            },
            source_date_epoch: source_date_epoch()?,
            ledger: ledger.clone(),
        })
    }
}

pub(super) fn failure(failed: NotPlanned) -> Failure {
    match failed {
        NotPlanned::Rejected(rejected) => rejected.into(),
        NotPlanned::Failed(error) => error.into(),
    }
}

/// Returns how a run ends some of whose entries failed; they have been told.
pub(super) fn end(outcomes: &[Placed<Outcome>]) -> Result<(), Failure> {
    let failed = outcomes.iter().filter_map(|it| match &it.it {
        Outcome::Failed(failed) => Some(matches!(failed, NotPlanned::Rejected(_))),
        _ => None,
    });
    match failed.reduce(|all, rejected| all && rejected) {
        None => Ok(()),
        Some(true) => Err(Failure::Entries { are_rejected: true }),
        Some(false) => Err(Failure::Entries {
            are_rejected: false,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Error, Failure, NotPlanned, Outcome, Placed, end};
    use crate::patch::PatchFile;

    #[test]
    fn a_run_is_rejected_where_each_failure_is() {
        let rejected = || NotPlanned::Rejected(PatchFile::parse("fix.yaml", b"[]").unwrap_err());
        let failed = || {
            NotPlanned::Failed(Error::io(
                Path::new("a"),
                std::io::ErrorKind::NotFound.into(),
            ))
        };
        for (failures, wanted) in [
            (vec![], None),
            (vec![rejected()], Some(true)),
            (vec![rejected(), rejected()], Some(true)),
            (vec![failed()], Some(false)),
            (vec![rejected(), failed()], Some(false)),
            (vec![failed(), rejected()], Some(false)),
        ] {
            let outcomes = failures.into_iter().enumerate();
            let outcomes = outcomes.map(|(entry, it)| Placed {
                entry,
                it: Outcome::Failed(it),
            });
            let found = end(&outcomes.collect::<Vec<_>>()).err();
            let are_rejected = found.map(|failure| match failure {
                Failure::Entries { are_rejected } => are_rejected,
                other => panic!("{other:?}"),
            });
            assert_eq!(are_rejected, wanted);
        }
    }
}
