//! `ocipatch fleet status`

use std::fmt::Write as _;

use clap::Args;

use super::options::LockOptions;
use crate::cli::failure::Failure;
use crate::cli::{Format, output, target};
use crate::fleet::{Action, Run, State, counts, status};
use crate::ledger::Ledger;

/// Shows which images of a lock are done, missing, or something else.
#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    lock: LockOptions,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Exit with 1 if an image is not done
    #[arg(long)]
    exit_code: bool,
}

impl Status {
    pub(super) fn run(&self, mut ledger: Ledger) -> Result<(), Failure> {
        target::enter_report(&mut ledger)?;
        let shard = self.lock.shard()?;
        let lock = self.lock.open(&mut ledger)?;
        let run = Run {
            lock: &lock,
            shard,
            threads: self.lock.threads(),
            world: &self.lock.world(&ledger, Action::Plan)?,
        };
        let states = run.states();
        match self.format {
            Format::Json => output::json(&status(&lock, shard, &states))?,
            Format::Text => {
                let mut text = String::new();
                for of in states.iter().filter(|of| !matches!(of.it, State::Done)) {
                    let line = of.it.line(&lock.entries()[of.entry]);
                    writeln!(text, "{line}").expect("a string takes everything");
                }
                let words: Vec<&str> = states.iter().map(|of| of.it.word()).collect();
                let known = ["done", "missing", "other", "unknown", "failed"];
                output::text(&format!("{text}{}\n", counts(&known, &words)))?;
            }
        }
        if states.iter().any(|of| matches!(of.it, State::Failed(_))) {
            return Err(Failure::Entries {
                are_rejected: false,
            });
        }
        let is_done = states.iter().all(|of| matches!(of.it, State::Done));
        if self.exit_code && !is_done {
            return Err(Failure::Different);
        }
        Ok(())
    }
}
