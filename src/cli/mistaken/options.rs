//! Options of other programs, and of other commands.

use std::ffi::OsString;

use super::Mistake;
use super::command_line::{spelled, typed};

/// Options, the commands that people give them to, and what to do instead.
const OPTIONS: &[(&[&str], &[&str], Instead)] = &[
    (
        &["--push", "--overwrite"],
        &["plan"],
        Instead::Command("apply --check", "`plan` sends nothing"),
    ),
    (
        &["-o", "--output", "--in-place"],
        &["plan"],
        Instead::Command("apply", "`plan` writes nothing"),
    ),
    (
        &["-o", "--output"],
        &["unpack"],
        Instead::Bare("`unpack` takes the new directory after the image"),
    ),
    (
        &["-f", "--file", "-p", "--patch", "-i", "--image", "--input"],
        &["apply", "plan", "check"],
        Instead::Bare("patches come first, the image last"),
    ),
    (
        &["--build-arg", "--var", "--set", "-a"],
        &["apply", "plan", "check", "edit"],
        Instead::Option("--arg"),
    ),
    (
        &["-t", "--tag", "--retag"],
        &["apply", "plan"],
        Instead::Operation("retag: [\"app:2\"]"),
    ),
    (
        &["-l", "--label"],
        &["apply", "plan"],
        Instead::Operation("set-label: { name: value }"),
    ),
    (
        &["-e", "--env"],
        &["apply", "plan"],
        Instead::Operation("set-env: { NAME: value }"),
    ),
];

/// What to do instead of an option.
enum Instead {
    /// Run another command with it, and why.
    Command(&'static str, &'static str),
    /// Leave out the option and keep its value, and why.
    Bare(&'static str),
    /// Use another option.
    Option(&'static str),
    /// Have an operation in the patch.
    Operation(&'static str),
}

/// Returns the mistake of an option that the command does not have.
pub(in crate::cli) fn instead_of_option(option: &str) -> Option<Mistake> {
    let line = typed();
    let is_known = |word: &OsString| {
        OPTIONS
            .iter()
            .any(|(_, names, _)| names.iter().any(|name| word == name))
    };
    let command = line.iter().position(is_known)?;
    let name = line[command].to_str()?;
    let (_, _, instead) = OPTIONS
        .iter()
        .find(|(options, commands, _)| options.contains(&option) && commands.contains(&name))?;
    let help = match instead {
        Instead::Command(words, why) => {
            let words = words.split(' ').map(Into::into);
            format!("{why}; use `{}`", replaced(&line, command, words))
        }
        Instead::Bare(why) => {
            let at = line.iter().position(|word| word == option)?;
            format!("{why}: `{}`", replaced(&line, at, []))
        }
        Instead::Option(other) => {
            let at = line.iter().position(|word| word == option)?;
            format!("use `{}`", replaced(&line, at, [(*other).into()]))
        }
        Instead::Operation(operation) => format!("write `- {operation}` in the patch"),
    };
    Some(Mistake {
        message: format!("`{name}` has no option `{option}`"),
        help,
    })
}

/// Returns the line with other words for one of its words.
fn replaced(line: &[OsString], at: usize, words: impl IntoIterator<Item = OsString>) -> String {
    let mut line = line.to_vec();
    line.splice(at..=at, words);
    spelled(&line)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::OPTIONS;
    use crate::cli::Arguments;

    #[test]
    fn no_command_has_an_option_of_the_table() {
        let program = Arguments::command();
        for (options, commands, _) in OPTIONS {
            for command in *commands {
                let found = program.find_subcommand(command).unwrap();
                for option in *options {
                    let has_it = found.get_arguments().any(|it| {
                        let short = it.get_short().map(|c| format!("-{c}"));
                        let long = it.get_long().map(|name| format!("--{name}"));
                        [short, long].contains(&Some((*option).to_owned()))
                    });
                    assert!(!has_it, "{command} {option}");
                }
            }
        }
    }
}
