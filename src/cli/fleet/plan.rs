//! `ocipatch fleet plan`

use std::fmt::Write as _;

use clap::Args;

use super::options::{LockOptions, PatchOptions, end};
use crate::cli::failure::Failure;
use crate::cli::{Format, output, target};
use crate::fleet::{Action, Run, counts, report};
use crate::ledger::Ledger;

/// Shows what `ocipatch fleet apply` would push. Only images whose result is not in the lock are planned.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    lock: LockOptions,
    #[command(flatten)]
    patch_reader: PatchOptions,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Plan {
    pub(super) fn run(&self, mut ledger: Ledger) -> Result<(), Failure> {
        target::enter_report(&mut ledger)?;
        let shard = self.lock.shard()?;
        let lock = self.lock.open(&mut ledger)?;
        let patches = self
            .lock
            .patches(&lock, shard, &self.patch_reader, &ledger)?;
        let run = Run {
            lock: &lock,
            shard,
            threads: self.lock.threads(),
            world: &self.lock.world(&ledger, Action::Plan)?,
        };
        let outcomes = run.each(&patches, Action::Plan, &|_, _| {});
        match self.format {
            Format::Json => output::json(&report(&lock, shard, Action::Plan, &outcomes))?,
            Format::Text => {
                let mut text = String::new();
                for of in &outcomes {
                    let line = of.it.line(&lock.entries()[of.entry], Action::Plan);
                    writeln!(text, "{line}").expect("a string takes everything");
                }
                let words: Vec<&str> = outcomes.iter().map(|of| of.it.word(Action::Plan)).collect();
                let counts = counts(&["push", "done", "failed"], &words);
                output::text(&format!("{text}{counts}\n"))?;
            }
        }
        end(&outcomes)
    }
}
