//! The command line: what was typed, turned into calls of the library, and what came of it, told to people.
//!
//! The only place that knows the environment, the terminal and the standard streams. Data goes to standard output,
//! talk to standard error.

mod apply;
mod args;
mod beside;
mod cache;
mod cat;
mod check;
mod destination;
mod diff;
mod edit;
mod export;
mod failure;
mod fleet;
mod generate;
mod init;
mod inputs;
mod inspect;
mod output;
mod pack;
mod plan;
mod progress;
mod registry;
mod repair;
mod selection;
mod source_root;
mod target;
mod terminal;
mod trust;
mod unpack;
mod verify;
mod workflow;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{Parser, Subcommand, ValueEnum};
use failure::{Failure, say, say_drawn, say_lines};

use crate::printable;

/// Change an existing container image with a small YAML patch.
#[derive(Debug, Parser)]
#[command(
    name = "ocipatch",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done; 1 patch rejected and nothing written, or differences found; 2 usage error; 3 archive unreadable, corrupt or unwritable."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print errors only
    #[arg(short, long, global = true, display_order = 998)]
    quiet: bool,
    /// Tell more: the steps of the work, and each request to a registry
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "quiet",
        display_order = 998
    )]
    verbose: bool,
    /// Show how far long work is: a bar on a terminal, a line for each step, or nothing
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "HOW",
        default_value = "auto",
        display_order = 999
    )]
    progress: progress::Progress,
    /// Use colour: on a terminal, always, or never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        display_order = 999
    )]
    color: terminal::Colour,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply patches to an image archive
    Apply(apply::Apply),
    /// Show what patches would change, without applying them
    Plan(plan::Plan),
    /// Check patch files without an image
    Check(check::Check),
    /// Show the contents of an archive
    Inspect(inspect::Inspect),
    /// Print a file of an image, or the names in a directory
    Cat(cat::Cat),
    /// Edit files of an image, and have the changes written as a patch
    Edit(edit::Edit),
    /// Write the file tree of an image, or a part of it, as a tar or a directory
    Export(export::Export),
    /// Write a first patch for an image
    Init(init::Init),
    /// Compare two archives
    Diff(diff::Diff),
    /// Recompute every digest, size and cross-reference of an archive
    Verify(verify::Verify),
    /// Repair an archive that was edited by hand
    Repair(repair::Repair),
    /// Unpack an archive into a directory
    Unpack(unpack::Unpack),
    /// Pack an unpacked archive; unedited files keep their bytes
    Pack(pack::Pack),
    /// Patch many images of registries from one committed file
    Fleet(fleet::Fleet),
    /// Print the JSON Schema of a kind of file or output
    Schema {
        /// The kind of file, or the command
        #[arg(value_enum, default_value = "patch", hide_default_value = true)]
        kind: generate::SchemaKind,
    },
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of ocipatch or of a command
    Man {
        /// The command, such as `apply`
        command: Option<String>,
    },
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) => run(&arguments),
        Err(error) => usage(error),
    }
}

/// Tells what is wrong with the command line, or shows the help that was asked for.
fn usage(mut error: clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let help = styled(&error, terminal::in_colour(&io::stdout()));
        return match output::report(&terminal::fitted(&help)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(3),
        };
    }
    make_printable(&mut error);
    if terminal::in_colour(&io::stderr()) {
        say_drawn(styled(&error, true).trim_end());
    } else {
        say_lines(styled(&error, false).trim_end());
    }
    // There 2 says that something changes.
    let is_detailed = std::env::args_os().any(|argument| argument == "--detailed-exitcode");
    ExitCode::from(if is_detailed { 3 } else { 2 })
}

fn styled(error: &clap::Error, in_colour: bool) -> String {
    let text = error.render();
    if in_colour {
        text.ansi().to_string()
    } else {
        text.to_string()
    }
}

/// Escapes the arguments that a complaint of clap's quotes.
fn make_printable(error: &mut clap::Error) {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let line = |text: &str| {
        let lossy = arguments
            .iter()
            .filter(|argument| argument.to_str().is_none());
        let text = lossy.fold(text.to_owned(), |text, argument| {
            text.replace(&*argument.to_string_lossy(), &printable::path(argument))
        });
        printable::line(&text)
    };
    let escaped = |(kind, value): (ContextKind, &ContextValue)| {
        let value = match value {
            ContextValue::String(text) => ContextValue::String(line(text)),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.iter().map(|text| line(text)).collect())
            }
            ContextValue::StyledStrs(texts) => {
                let texts = texts.iter().map(|text| line(&text.to_string()).into());
                ContextValue::StyledStrs(texts.collect())
            }
            _ => return None,
        };
        Some((kind, value))
    };
    let escaped: Vec<_> = error.context().filter_map(escaped).collect();
    for (kind, value) in escaped {
        error.insert(kind, value);
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    let quiet = arguments.quiet;
    terminal::choose(arguments.color);
    let talk = progress::Talk {
        progress: arguments.progress,
        is_quiet: quiet,
        is_verbose: arguments.verbose,
    };
    progress::start(talk, !matches!(arguments.command, Command::Fleet(_)));
    let ledger = target::ledger(quiet);
    let result = match &arguments.command {
        Command::Apply(command) => command.run(quiet, ledger),
        Command::Plan(command) => command.run(ledger),
        Command::Check(command) => command.run(quiet, ledger),
        Command::Inspect(command) => command.run(ledger),
        Command::Edit(command) => command.run(quiet, ledger),
        Command::Cat(command) => command.run(ledger),
        Command::Export(command) => command.run(quiet, ledger),
        Command::Init(command) => command.run(ledger),
        Command::Diff(command) => command.run(quiet, ledger),
        Command::Verify(command) => command.run(quiet, ledger),
        Command::Repair(command) => command.run(quiet, ledger),
        Command::Unpack(command) => command.run(quiet, ledger),
        Command::Pack(command) => command.run(ledger),
        Command::Fleet(command) => command.run(quiet, ledger),
        Command::Schema { kind } => generate::schema(*kind),
        Command::Completions { shell } => generate::completions(*shell),
        Command::Man { command } => generate::man(command.as_deref()),
    };
    progress::end();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let was_rejected = matches!(failure, Failure::Rejected(..));
            let is_usage = matches!(failure, Failure::Usage(_) | Failure::Mute(_));
            let help = failure.help(&arguments.command);
            let code = failure.report();
            if let Some(help) = help {
                say_lines(&format!("help: {help}"));
            }
            if is_usage && matches!(&arguments.command, Command::Plan(plan) if plan.is_detailed()) {
                // There 2 says that something changes.
                return ExitCode::from(3);
            }
            if was_rejected && matches!(arguments.command, Command::Apply(_)) {
                say("nothing was written");
            }
            code
        }
    }
}
