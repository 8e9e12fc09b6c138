//! How a command ends when it does not end well.

use std::io::{self, Write};
use std::process::ExitCode;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::{output, workflow};
use crate::apply::markdown;
use crate::error::Error;
use crate::ledger::{Conflict, Location};
use crate::problem::{Problem, Rejected, sarif};

/// Lines are no longer than this where nobody says how wide the terminal is. In columns.
const WIDTH: usize = 100;

/// How problems of patches are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProblemFormat {
    /// Under the lines of the patch, for people.
    Text,
    /// A list of problems.
    Json,
    /// Workflow commands of GitHub, and the text besides.
    Github,
    /// A log for code scanners.
    Sarif,
    /// A comment of a pull request.
    Markdown,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The patch is wrong or does not fit: nothing was written.
    Rejected(Rejected, ProblemFormat),
    /// The command line asks for something that cannot be.
    Usage(String),
    /// It asks for messages where they would destroy something.
    Mute(String),
    /// The world is not as it should be.
    World(Error),
    /// An archive was checked and is not sound; the findings are printed already.
    Unsound,
    /// Something would change, and `--detailed-exitcode` asks whether; the plan is printed already.
    Changes,
    /// Two archives differ, and who asked wants to know by the exit code; what differs is printed already.
    Different,
    /// A difference that no patch can say; nothing was written.
    Unsayable(Vec<String>),
    /// The reader of an archive on standard output has gone before its end, and knows that.
    CutShort,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Conflict(conflict) if conflict.is_about_standard_error() => {
                Self::Mute(conflict.to_string())
            }
            Error::Conflict(conflict) => Self::Usage(conflict.to_string()),
            error => Self::World(error),
        }
    }
}

impl From<Conflict> for Failure {
    fn from(conflict: Conflict) -> Self {
        Error::from(conflict).into()
    }
}

impl From<Rejected> for Failure {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected, ProblemFormat::Text)
    }
}

impl Failure {
    /// Returns the failure to write an archive to standard output.
    pub(super) fn of_stream(error: Error) -> Self {
        if output::is_broken_pipe(&error) {
            return Self::CutShort;
        }
        error.into()
    }

    /// Tells the user, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::Rejected(rejected, format) => match print(&rejected, format) {
                Ok(()) => ExitCode::from(1),
                Err(failure) => failure.report(),
            },
            Self::Usage(message) => {
                say(&usage(&message));
                ExitCode::from(2)
            }
            Self::Mute(message) => {
                // A file there may be what standard error is.
                if !Location::standard_output().is_file() {
                    let _ = writeln!(io::stdout().lock(), "{}", usage(&message));
                }
                ExitCode::from(2)
            }
            Self::World(error) => {
                say(&format!("error: {error}"));
                ExitCode::from(3)
            }
            Self::Unsayable(missing) => {
                say(&unsayable(&missing));
                ExitCode::from(1)
            }
            Self::Different => ExitCode::from(1),
            Self::Unsound | Self::CutShort => ExitCode::from(3),
            Self::Changes => ExitCode::from(2),
        }
    }
}

fn print(rejected: &Rejected, format: ProblemFormat) -> Result<(), Failure> {
    match format {
        ProblemFormat::Text => say(&drawn(rejected, output::wants_colour_on_stderr())),
        ProblemFormat::Json => {
            let report = serde_json::json!({ "formatVersion": 1, "problems": rejected.to_json() });
            output::json(&report)?;
        }
        ProblemFormat::Github => {
            output::text(&workflow::commands(rejected))?;
            say(&drawn(rejected, output::wants_colour_on_stderr()));
        }
        ProblemFormat::Sarif => output::json(&sarif(Some(rejected)))?,
        ProblemFormat::Markdown => {
            let report = drawn(rejected, false);
            output::text(&format!(
                "### {rejected}\n\n{}",
                markdown::fenced("text", &report)
            ))?;
        }
    }
    Ok(())
}

fn usage(message: &str) -> String {
    format!("error: {message}\n\nFor more information, try '--help'.")
}

/// Every problem under its line.
fn drawn(rejected: &Rejected, in_colour: bool) -> String {
    let theme = if in_colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH);
    if handler.render_report(&mut text, rejected).is_err() {
        let messages: Vec<&str> = rejected.problems().map(Problem::message).collect();
        text = messages.join("\n");
    }
    text.trim_end().to_owned()
}

fn unsayable(missing: &[String]) -> String {
    let n = match missing.len() {
        1 => "1 difference that no operation makes".to_owned(),
        n => format!("{n} differences that no operation makes"),
    };
    let lines = missing.join("\n  ");
    format!(
        "error: {n}:\n  {lines}\nhelp: `--partial` writes a patch without that\nnothing was written"
    )
}

/// Writes a line of talk; where even that fails there is nobody to tell.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
