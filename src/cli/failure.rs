//! How a command ends when it does not end well.

use std::borrow::Cow;
use std::io::{self, Write};
use std::process::ExitCode;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::mistaken::{self, Mistake};
use super::source_root::in_sources;
use super::{Command, output, progress, terminal, workflow};
use crate::apply::markdown;
use crate::error::Error;
use crate::job::NotEdited;
use crate::ledger::{Conflict, Location};
use crate::look::{Absent, Unseen};
use crate::page;
use crate::printable;
use crate::problem::{Problem, Rejected, sarif};

/// Lines are no longer than this where nobody says how wide the terminal is. In columns.
const WIDTH: usize = 100;

/// How problems of patches are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProblemFormat {
    /// Under the lines of the patch, for people.
    Text,
    /// A list of problems
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
    /// Two of its paths are in each other's way.
    Conflict(String),
    /// It has a word that belongs elsewhere.
    Mistaken(Mistake),
    /// It asks for messages where they would destroy something.
    Mute(String),
    /// The command line names something that the archive does not have.
    Absent(Absent),
    /// The world is not as it should be.
    World(Error),
    /// An archive was checked and is not sound; the findings are printed already.
    Unsound,
    /// Something would change, and `--detailed-exitcode` asks whether; the plan is printed already.
    Changes,
    /// Two archives differ, and who asked wants to know by the exit code; what differs is printed already.
    Different,
    /// A difference that no patch can say, and what can be done about it; nothing was written.
    Unsayable(Vec<String>, &'static str),
    /// The inputs of patches are not those of the lock of a fleet.
    Drifted(Vec<String>),
    /// Some entries of a fleet failed, which has been told.
    Entries {
        /// Every one of them because its patches do not fit.
        are_rejected: bool,
    },
    /// The reader of an archive on standard output has gone before its end, and knows that.
    CutShort,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Conflict(conflict) if conflict.is_about_standard_error() => {
                Self::Mute(conflict.to_string())
            }
            Error::Conflict(conflict) => Self::Conflict(conflict.to_string()),
            Error::NotPatch { .. } => {
                Self::Usage(format!("{error}: patches come first, the image last"))
            }
            error => Self::World(error),
        }
    }
}

impl From<Conflict> for Failure {
    fn from(conflict: Conflict) -> Self {
        Error::from(conflict).into()
    }
}

impl From<Unseen> for Failure {
    fn from(unseen: Unseen) -> Self {
        match unseen {
            Unseen::Absent(absent) => Self::Absent(absent),
            Unseen::Failed(error) => error.into(),
        }
    }
}

impl From<NotEdited> for Failure {
    fn from(failed: NotEdited) -> Self {
        match failed {
            NotEdited::Absent(absent) => Self::Absent(absent),
            NotEdited::Rejected(rejected) => rejected.into(),
            NotEdited::Failed(error) => error.into(),
            NotEdited::Unsayable(missing) => {
                Self::Unsayable(missing, "undo these in the editor, and edit again")
            }
        }
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

    /// Returns what can be done about it, where the command that failed decides that.
    pub(super) fn help(&self, command: &Command) -> Option<Cow<'static, str>> {
        if let Self::World(Error::Io { place, source }) = self
            && source.kind() == io::ErrorKind::NotFound
        {
            return mistaken::remedy(place).map(Cow::Owned);
        }
        if let Self::World(Error::NotAnImage { place, .. } | Error::NotTar { place, .. }) = self
            && [".yaml", ".yml"].iter().any(|end| place.ends_with(end))
        {
            return Some(format!("for a patch, use `ocipatch check {place}`").into());
        }
        if let Self::World(Error::NotEmpty { place }) = self {
            return mistaken::inside(place, command).map(Cow::Owned);
        }
        if let (Self::World(Error::Output { place, .. }), Command::Apply(apply)) = (self, command)
            && apply
                .output_path()
                .is_some_and(|path| printable::path(path) == *place)
        {
            return mistaken::push(place).map(Cow::Owned);
        }
        self.fixed_help(command).map(Cow::Borrowed)
    }

    fn fixed_help(&self, command: &Command) -> Option<&'static str> {
        match (self, command) {
            (Self::World(Error::Halves(_)), Command::Apply(_) | Command::Plan(_)) => Some(
                "select one document in the patch, with `target: {trust: manifest.json}` or `target: {trust: index.json}`",
            ),
            (Self::World(Error::Halves(_)), _) => Some(
                "`ocipatch inspect --trust manifest.json` and `--trust index.json` show what each of them says",
            ),
            (Self::World(Error::Mismatch { .. } | Error::OtherLayers { .. }), _) => Some(
                "`ocipatch verify` lists everything that is wrong; if an archive was edited by hand, `ocipatch repair` derives names, digests and sizes again",
            ),
            _ => None,
        }
    }

    /// Tells the user, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        match self {
            Self::Rejected(rejected, format) => match print(&rejected, format) {
                Ok(()) => ExitCode::from(1),
                Err(failure) => failure.report(),
            },
            Self::Usage(message) | Self::Conflict(message) => {
                say_lines(&usage(&message));
                ExitCode::from(2)
            }
            Self::Mistaken(Mistake { message, help }) => {
                say(&format!("error: {message}"));
                say(&format!("help: {help}"));
                ExitCode::from(2)
            }
            Self::Mute(message) => {
                // A file there may be what standard error is.
                if !Location::standard_output().is_file() {
                    let usage = printable::lines(&usage(&message));
                    let _ = writeln!(io::stdout().lock(), "{usage}");
                }
                ExitCode::from(2)
            }
            Self::Absent(absent) => {
                say(&format!("error: {absent}"));
                if let Some(help) = absent.help {
                    say(&format!("help: {help}"));
                }
                ExitCode::from(2)
            }
            Self::World(error) => {
                say_lines(&format!("error: {error}"));
                // The image is another one: what was planned does not fit it.
                let was_moved = matches!(error, Error::Moved { .. });
                ExitCode::from(if was_moved { 1 } else { 3 })
            }
            Self::Unsayable(missing, help) => {
                say_lines(&unsayable(&missing, help));
                ExitCode::from(1)
            }
            Self::Drifted(lines) => {
                for line in lines {
                    say(&format!("error: {line}"));
                }
                say("help: `ocipatch fleet lock` writes the lock again; nothing was sent");
                ExitCode::from(1)
            }
            Self::Different | Self::Entries { are_rejected: true } => ExitCode::from(1),
            Self::Unsound
            | Self::CutShort
            | Self::Entries {
                are_rejected: false,
            } => ExitCode::from(3),
            Self::Changes => ExitCode::from(2),
        }
    }
}

fn print(rejected: &Rejected, format: ProblemFormat) -> Result<(), Failure> {
    match format {
        ProblemFormat::Text => draw(rejected),
        ProblemFormat::Json => {
            let report = serde_json::json!({ "formatVersion": 1, "problems": rejected.to_json() });
            output::json(&report)?;
        }
        ProblemFormat::Github => {
            output::report(&workflow::commands(rejected))?;
            draw(rejected);
        }
        ProblemFormat::Sarif => output::json(&sarif(Some(rejected), &[], in_sources))?,
        ProblemFormat::Markdown => {
            let heading = rejected.heading(markdown::span);
            let report = markdown::fenced("text", &drawn(rejected, false, WIDTH));
            output::document(&format!("### {heading}\n\n{report}"))?;
        }
    }
    Ok(())
}

fn usage(message: &str) -> String {
    let message = printable::line(message);
    format!("error: {message}\n\nFor more information, try '--help'.")
}

/// Shows every problem on standard error.
fn draw(rejected: &Rejected) {
    let width = terminal::width(&io::stderr()).unwrap_or(WIDTH);
    if terminal::in_colour(&io::stderr()) {
        // Nothing but the colours is in it that does not come through `printable`.
        say_drawn(&drawn(rejected, true, width));
    } else {
        say_lines(&drawn(rejected, false, width));
    }
    say_lines(&topics(rejected));
}

/// Where there is more about the problems of a report, as a command; each code once.
fn topics(rejected: &Rejected) -> String {
    let mut codes: Vec<&str> = Vec::new();
    for problem in rejected.problems() {
        if !codes.contains(&problem.code().as_str()) {
            codes.push(problem.code().as_str());
        }
    }
    let problems = if codes.len() == 1 {
        "problem"
    } else {
        "problems"
    };
    format!(
        "\nFor more about the {problems}: ocipatch explain {}",
        codes.join(" ")
    )
}

/// Every problem under its line.
fn drawn(rejected: &Rejected, in_colour: bool, width: usize) -> String {
    let theme = if in_colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let mut text = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width);
    if handler.render_report(&mut text, rejected).is_err() {
        let messages: Vec<String> = rejected.problems().map(Problem::message).collect();
        text = messages.join("\n");
    }
    text.trim_end().to_owned()
}

fn unsayable(missing: &[String], help: &str) -> String {
    let n = match missing.len() {
        1 => "1 difference that no operation can express".to_owned(),
        n => format!("{n} differences that no operation can express"),
    };
    let lines: Vec<String> = missing.iter().map(|line| printable::line(line)).collect();
    let lines = lines.join("\n  ");
    format!("error: {n}:\n  {lines}\nhelp: {help}\nnothing was written")
}

/// Writes a line of talk; where even that fails there is nobody to tell.
pub(super) fn say(line: &str) {
    say_lines(&printable::line(line));
}

/// Writes several lines of talk, the names in which are escaped already.
pub(super) fn say_lines(text: &str) {
    let text = printable::lines(text);
    if !terminal::in_colour(&io::stderr()) {
        return say_drawn(&text);
    }
    let lines: Vec<String> = text.split('\n').map(page::with_mark).collect();
    say_drawn(&lines.join("\n"));
}

/// Writes several lines of talk whose colours are their own; the names in them are escaped already.
pub(super) fn say_drawn(text: &str) {
    let text = terminal::fitted(text);
    let _ = progress::beside(|| writeln!(io::stderr().lock(), "{text}"));
}
