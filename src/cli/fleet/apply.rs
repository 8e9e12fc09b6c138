//! `ocipatch fleet apply`

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::options::{LockOptions, PatchOptions, end};
use crate::archive::{SideFile, write_files};
use crate::cli::failure::{Failure, say};
use crate::cli::output;
use crate::cli::target::Target;
use crate::fleet::{Action, Outcome, Run, counts, report};
use crate::ledger::{Ledger, WrittenAs};
use crate::printable;

/// Patches the images of a lock and pushes them. It reads the lock and the patch files alone, and lists no tags. An image whose
/// destination has the locked digest costs one request, so running it again resumes.
#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    lock: LockOptions,
    #[command(flatten)]
    patch_reader: PatchOptions,
    /// Replace destinations that have another image
    #[arg(long)]
    overwrite: bool,
    /// Write what became of each image to this file or `-`, as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    report: Option<PathBuf>,
}

impl Apply {
    pub(super) fn run(&self, quiet: bool, mut ledger: Ledger) -> Result<(), Failure> {
        let target = self.report.as_deref().map(Target::of);
        if let Some(target) = &target {
            target.enter(WrittenAs::FleetReport, &mut ledger)?;
        }
        let shard = self.lock.shard()?;
        let lock = self.lock.open(&mut ledger)?;
        let patches = self
            .lock
            .patches(&lock, shard, &self.patch_reader, &ledger)?;
        let action = Action::Apply {
            overwrite: self.overwrite,
        };
        let run = Run {
            lock: &lock,
            shard,
            threads: self.lock.threads(),
            world: &self.lock.world(&ledger, action)?,
        };
        let outcomes = run.each(&patches, action, &|entry, outcome| {
            if !quiet || matches!(outcome, Outcome::Failed(_)) {
                say(&outcome.line(entry, action));
            }
        });
        if let Some(target) = target {
            let report = report(&lock, shard, action, &outcomes);
            let text = format!("{}\n", printable::json(&report));
            match target.path() {
                None => output::data(&text)?,
                Some(path) => {
                    let path = path.to_owned();
                    let file = SideFile::text(WrittenAs::FleetReport, path, text);
                    write_files(&ledger, None, &[file])?;
                }
            }
        }
        if !quiet {
            let words: Vec<&str> = outcomes.iter().map(|of| of.it.word(action)).collect();
            say(&counts(&["pushed", "done", "failed"], &words));
        }
        end(&outcomes)
    }
}
