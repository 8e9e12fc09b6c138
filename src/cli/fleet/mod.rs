//! `ocipatch fleet`

mod apply;
mod lock;
mod options;
mod plan;
mod status;

use clap::{Args, Subcommand};

use super::failure::Failure;
use crate::ledger::Ledger;

/// Patches many images of registries from one committed file.
#[derive(Debug, Args)]
pub(super) struct Fleet {
    #[command(subcommand)]
    command: FleetCommand,
}

#[derive(Debug, Subcommand)]
enum FleetCommand {
    /// Write the lock: every image with its digest, its patches and its destination
    Lock(lock::Lock),
    /// Show what `apply` would push, without sending anything
    Plan(plan::Plan),
    /// Patch the images of the lock and push them
    Apply(apply::Apply),
    /// Compare the lock with the registries, by one request for each image
    Status(status::Status),
}

impl Fleet {
    pub(super) fn run(&self, quiet: bool, ledger: Ledger) -> Result<(), Failure> {
        match &self.command {
            FleetCommand::Lock(command) => command.run(quiet, ledger),
            FleetCommand::Plan(command) => command.run(ledger),
            FleetCommand::Apply(command) => command.run(quiet, ledger),
            FleetCommand::Status(command) => command.run(ledger),
        }
    }
}
