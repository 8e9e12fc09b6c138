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
mod examples;
mod explain;
mod export;
mod failure;
mod fleet;
mod form;
mod generate;
mod init;
mod inputs;
mod inspect;
mod manual;
mod mistaken;
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
mod version;
mod workflow;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand, ValueEnum};
use failure::{Failure, say, say_drawn, say_lines};
use mistaken::Mistake;

use crate::printable;

/// The heading of options that every command has; it comes last.
const GLOBAL: &str = "Global options";
const START: &str = "To start, `ocipatch init IMAGE > fix.yaml` writes a first patch. `ocipatch --help` has examples.";
const EXIT_CODES: &str = "Exit codes: 0 done; 1 patch rejected and nothing written, or differences found; 2 usage error; 3 archive unreadable, corrupt or unwritable.";

/// Change an existing container image with a small YAML patch.
#[derive(Debug, Parser)]
#[command(
    name = "ocipatch",
    version,
    long_version = version::long(),
    max_term_width = 100,
    after_help = format!("{START}\n\n{EXIT_CODES}"),
    after_long_help = format!("{}\n\n{EXIT_CODES}", examples::help(""))
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print errors only
    #[arg(short, long, global = true, display_order = 998, help_heading = GLOBAL)]
    quiet: bool,
    /// Tell more: the steps of the work, and each request to a registry
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "quiet",
        display_order = 998,
        help_heading = GLOBAL
    )]
    verbose: bool,
    /// Show how far long work is: a bar on a terminal, a line for each step, or nothing
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "HOW",
        default_value = "auto",
        display_order = 999,
        help_heading = GLOBAL
    )]
    progress: progress::Progress,
    /// Use colour: on a terminal, always, or never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        display_order = 999,
        help_heading = GLOBAL
    )]
    color: terminal::Colour,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply patches to an image archive
    ///
    /// The output has the form of the image. Layers and documents that no patch changes keep their bytes; digests, sizes and references are
    /// recomputed. A patch that does not fit changes nothing.
    #[command(after_long_help = examples::help("apply"))]
    Apply(apply::Apply),
    /// Show what patches would change, without applying them
    ///
    /// Nothing is written. The ids and digests are those that `apply` will produce.
    #[command(after_long_help = examples::help("plan"))]
    Plan(plan::Plan),
    /// Check patch files without an image
    ///
    /// Reports every mistake that does not depend on an image, each under its line.
    #[command(after_long_help = examples::help("check"))]
    Check(check::Check),
    /// Show the contents of an archive
    ///
    /// Shows tags, ids, the platform, layers and the configuration of each image. With paths or `--files`, shows the merged file tree.
    #[command(after_long_help = examples::help("inspect"))]
    Inspect(inspect::Inspect),
    /// Print a file of an image, or the names in a directory
    #[command(after_long_help = examples::help("cat"))]
    Cat(cat::Cat),
    /// Edit files of an image, and have the changes written as a patch
    ///
    /// Opens each file in `$VISUAL` or `$EDITOR`. What you change is written as the smallest operations that say it; the image stays as it is.
    #[command(after_long_help = examples::help("edit"))]
    Edit(edit::Edit),
    /// Write the file tree of an image, or a part of it, as a tar or a directory
    #[command(after_long_help = examples::help("export"))]
    Export(export::Export),
    /// Write a first patch for an image
    #[command(after_long_help = examples::help("init"))]
    Init(init::Init),
    /// Compare two archives
    ///
    /// Compares by meaning: the forms of the archives, the order of keys and the compression of layers do not matter.
    #[command(after_long_help = examples::help("diff"))]
    Diff(diff::Diff),
    /// Recompute every digest, size and cross-reference of an archive
    #[command(after_long_help = examples::help("verify"))]
    Verify(verify::Verify),
    /// Repair an archive that was edited by hand
    ///
    /// Trusts the bytes of layers and configurations, and recomputes everything that names or describes them. A missing layer is an error.
    #[command(after_long_help = examples::help("repair"))]
    Repair(repair::Repair),
    /// Unpack an archive into a directory
    #[command(after_long_help = examples::help("unpack"))]
    Unpack(unpack::Unpack),
    /// Pack an unpacked archive; unedited files keep their bytes
    #[command(after_long_help = examples::help("pack"))]
    Pack(pack::Pack),
    /// Patch many images of registries from one committed file
    #[command(after_long_help = examples::help("fleet"))]
    Fleet(fleet::Fleet),
    /// Explain an operation, a key of a patch, a problem code or a form
    #[command(after_long_help = examples::help("explain"))]
    Explain(explain::Explain),
    /// Print the JSON Schema of a kind of file or output
    #[command(after_long_help = examples::help("schema"))]
    Schema {
        /// The kind of file, or the command
        #[arg(value_enum, default_value = "patch", hide_default_value = true)]
        kind: generate::SchemaKind,
    },
    /// Print shell completions
    #[command(after_long_help = examples::help("completions"))]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of ocipatch or of a command
    #[command(after_long_help = examples::help("man"))]
    Man(generate::Man),
}

impl Command {
    /// Returns the failure that a wrong order of patches and images explains, or the failure itself.
    fn explain(&self, failure: Failure) -> Failure {
        match self {
            Self::Apply(apply) => apply.positionals().explain(failure),
            Self::Plan(plan) => plan.positionals().explain(failure),
            Self::Check(check) => check.explain(failure),
            _ => failure,
        }
    }
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
    let failure = mistaken_command(&error)
        .or_else(|| mistaken_option(&error))
        .or_else(|| nothing_typed(&error));
    if let Some(failure) = failure {
        failure.report();
    } else {
        make_printable(&mut error);
        if terminal::in_colour(&io::stderr()) {
            say_drawn(styled(&error, true).trim_end());
        } else {
            say_lines(styled(&error, false).trim_end());
        }
    }
    // There 2 says that something changes.
    let is_detailed = std::env::args_os().any(|argument| argument == "--detailed-exitcode");
    ExitCode::from(if is_detailed { 3 } else { 2 })
}

/// Returns the failure of a command that another program has.
fn mistaken_command(error: &clap::Error) -> Option<Failure> {
    let ContextValue::String(name) = error.get(ContextKind::InvalidSubcommand)? else {
        return None;
    };
    let mistake = Mistake {
        message: format!("there is no command `{name}`"),
        help: mistaken::instead_of(name)?,
    };
    Some(mistake.into())
}

/// Returns the failure of an option that another program or command has.
fn mistaken_option(error: &clap::Error) -> Option<Failure> {
    if error.kind() != ErrorKind::UnknownArgument {
        return None;
    }
    let ContextValue::String(option) = error.get(ContextKind::InvalidArg)? else {
        return None;
    };
    mistaken::instead_of_option(option).map(Into::into)
}

/// Returns the failure of a command that takes patches and an image, and got neither.
fn nothing_typed(error: &clap::Error) -> Option<Failure> {
    let ContextValue::Strings(missing) = error.get(ContextKind::InvalidArg)? else {
        return None;
    };
    let is_all = missing
        .iter()
        .any(|it| it.contains(inputs::PATCHES_AND_IMAGE));
    is_all.then(|| mistaken::nothing_typed().into())
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
        Command::Explain(command) => command.run(),
        Command::Schema { kind } => generate::schema(*kind),
        Command::Completions { shell } => generate::completions(*shell),
        Command::Man(command) => command.run(ledger),
    };
    progress::end();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let failure = arguments.command.explain(failure);
            let was_rejected = matches!(failure, Failure::Rejected(..));
            let is_usage = matches!(
                failure,
                Failure::Usage(_) | Failure::Conflict(_) | Failure::Mistaken(_) | Failure::Mute(_)
            );
            let help = failure.help(&arguments.command);
            let code = failure.report();
            if let Some(help) = help {
                say(&format!("help: {help}"));
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
