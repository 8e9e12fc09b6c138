//! Names of commands that other programs have, and what does the same here.

use std::ffi::OsString;

use super::command_line::{spelled, typed};

/// What does the same as a command of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Instead {
    /// These words in place of the name; what follows it stays.
    Words(&'static str),
    /// Something else, in words.
    Help(&'static str),
}

const PATCH_OR_IMAGE: Instead =
    Instead::Help("`ocipatch check PATCH` checks a patch, `ocipatch verify IMAGE` an image");
const OPERATION: Instead = Instead::Help(
    "a patch does this with an operation: `ocipatch init IMAGE > fix.yaml` starts a patch, `ocipatch apply fix.yaml IMAGE -o OUT` applies it",
);
const COPY: Instead = Instead::Help(
    "`ocipatch apply docker://NAME -o FILE` reads an image from a registry, `ocipatch apply FILE -o docker://NAME` sends one",
);

/// Lower-case names, and what to type instead.
const COMMANDS: &[(&str, Instead)] = &[
    ("add", OPERATION),
    ("annotate", OPERATION),
    ("append", OPERATION),
    ("build", OPERATION),
    ("compare", Instead::Words("diff")),
    ("completion", Instead::Words("completions")),
    ("config", Instead::Words("inspect --format=json")),
    (
        "convert",
        Instead::Help("`ocipatch apply IMAGE --to oci-archive -o OUT` converts an image"),
    ),
    ("copy", COPY),
    ("cp", COPY),
    ("create", Instead::Words("init")),
    ("describe", Instead::Words("inspect")),
    ("digest", Instead::Words("inspect")),
    ("dry-run", Instead::Words("plan")),
    ("env", OPERATION),
    ("extract", Instead::Words("export")),
    ("files", Instead::Words("inspect --files")),
    ("fix", Instead::Words("repair")),
    ("flatten", OPERATION),
    ("history", Instead::Words("inspect")),
    ("info", Instead::Words("inspect")),
    ("label", OPERATION),
    ("layers", Instead::Words("inspect")),
    ("lint", Instead::Words("check")),
    ("list", Instead::Words("inspect --files")),
    (
        "load",
        Instead::Help("`ocipatch apply PATCH IMAGE -o - | docker load` loads the patched image"),
    ),
    ("ls", Instead::Words("inspect --files")),
    ("manifest", Instead::Words("inspect --format=json")),
    ("manual", Instead::Words("man")),
    ("modify", Instead::Words("apply")),
    ("mutate", Instead::Words("apply")),
    ("new", Instead::Words("init")),
    ("patch", Instead::Words("apply")),
    ("preview", Instead::Words("plan")),
    ("pull", COPY),
    ("push", COPY),
    ("rebase", OPERATION),
    ("retag", OPERATION),
    ("run", Instead::Words("apply")),
    ("save", COPY),
    ("show", Instead::Words("inspect")),
    ("squash", OPERATION),
    ("tag", OPERATION),
    ("test", Instead::Words("plan")),
    ("tree", Instead::Words("inspect --files")),
    ("untar", Instead::Words("unpack")),
    ("validate", PATCH_OR_IMAGE),
    ("version", Instead::Words("--version")),
];

/// Returns what to type instead of a command that does not exist.
pub(in crate::cli) fn instead_of(name: &str) -> Option<String> {
    let name_in_table = name.to_lowercase();
    let (_, instead) = COMMANDS.iter().find(|(known, _)| *known == name_in_table)?;
    Some(match instead {
        Instead::Help(help) => (*help).to_owned(),
        Instead::Words("--version") => "`ocipatch --version`".to_owned(),
        Instead::Words(words) => {
            let mut line: Vec<OsString> = typed();
            let at = line.iter().position(|word| word == name)?;
            line.splice(at..=at, words.split(' ').map(Into::into));
            format!("`{}`", spelled(&line))
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{COMMANDS, Instead};
    use crate::cli::Arguments;

    #[test]
    fn no_command_has_a_name_of_the_table_and_every_target_is_one() {
        let program = Arguments::command();
        let is_command = |name: &str| program.find_subcommand(name).is_some();
        for (name, instead) in COMMANDS {
            assert!(!is_command(name), "{name}");
            if let Instead::Words(words) = instead {
                let first = words.split(' ').next().unwrap();
                assert!(is_command(first) || first == "--version", "{name}: {words}");
            }
        }
        assert!(COMMANDS.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
