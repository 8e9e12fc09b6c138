//! What was typed by mistake, and what to type instead: every message here ends in a command.
//!
//! A mistake is only looked for after something failed, so that nothing that works is refused.

mod command_line;
mod commands;
mod options;
mod positionals;
mod transports;

use std::io::{self, IsTerminal};
use std::path::Path;

pub(super) use self::command_line::{retyped, with_output};
pub(super) use self::commands::instead_of;
pub(super) use self::options::instead_of_option;
pub(super) use self::positionals::{Positionals, instead_of_patches, nothing_typed};
pub(super) use self::transports::{refuse_output, remedy};

use super::Command;
use super::failure::Failure;
use crate::reference::WORD;

/// What is wrong with a command line, and the one that is right.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) help: String,
}

impl From<Mistake> for Failure {
    fn from(mistake: Mistake) -> Self {
        Self::Mistaken(mistake)
    }
}

/// Refuses to wait for somebody to type an archive or a patch.
pub(super) fn refuse_terminal(what: &str) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Ok(());
    }
    let line = retyped(|_| None);
    let help = match what {
        "image" => format!("pipe an archive to it: `docker save app:1 | {line}`"),
        _ => format!("name a file instead, or redirect one: `{line} < fix.yaml`"),
    };
    let message = format!("`-` reads the {what} from standard input, which is a terminal");
    Err(Mistake { message, help }.into())
}

/// Says what to type for an output that looks like the name of an image, and cannot be written as a file.
pub(super) fn push(place: &str) -> Option<String> {
    let line = with_output(&format!("{WORD}{place}"), None);
    transports::is_name(Path::new(place)).then(|| format!("to push the image, use `{line}`"))
}

/// Says what to type where the output is a directory that has something in it.
pub(super) fn inside(directory: &str, command: &Command) -> Option<String> {
    let directory = directory.trim_end_matches('/');
    Some(match command {
        Command::Apply(apply) => {
            let name = stem(apply.image());
            let inside = format!("{directory}/{name}");
            if apply.writes_directory() {
                format!("name a new directory: `{}`", with_output(&inside, None))
            } else {
                let line = with_output(&format!("{inside}.tar"), None);
                format!("write a file in it: `{line}`")
            }
        }
        Command::Export(export) => {
            let inside = format!("{directory}/{}", stem(export.image()));
            format!("name a new directory: `{}`", with_output(&inside, None))
        }
        Command::Unpack(unpack) => {
            let inside = format!("{directory}/{}", stem(unpack.image()));
            let line = retyped(|word| {
                let is_it = word.to_str()?.trim_end_matches('/') == directory;
                is_it.then(|| inside.as_str().into())
            });
            format!("name a new directory: `{line}`")
        }
        _ => return None,
    })
}

/// Returns the name of a file for an image: its own, without directories and what follows the first dot.
pub(super) fn stem(image: &Path) -> String {
    let text = image.to_string_lossy();
    let name = text.trim_end_matches('/').rsplit('/').next();
    let name = name.unwrap_or_default();
    let end = name.find(['.', ':', '@']).unwrap_or(name.len());
    let stem = &name[..end];
    if stem.is_empty() || stem == "-" {
        return "image".to_owned();
    }
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::stem;

    #[test]
    fn a_file_for_an_image_has_its_name() {
        for (image, name) in [
            ("app.tar", "app"),
            ("dir/app.tar.gz", "app"),
            ("layout/", "layout"),
            ("docker://r.example.com/team/app:1", "app"),
            ("app@sha256:1", "app"),
            (".hidden", "image"),
            ("-", "image"),
            ("/", "image"),
        ] {
            assert_eq!(stem(Path::new(image)), name, "{image}");
        }
    }
}
