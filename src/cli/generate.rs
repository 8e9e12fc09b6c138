//! `ocipatch schema`, `ocipatch completions`, `ocipatch man`

use std::path::PathBuf;

use clap::{Args, CommandFactory, ValueEnum, ValueHint};
use clap_complete::Shell;

use super::failure::Failure;
use super::{Arguments, manual, output};
use crate::archive::{SideFile, write_files};
use crate::ledger::{Extent, Ledger, Location, WrittenAs};

/// The files and outputs that have a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum SchemaKind {
    /// Patch files (the default)
    Patch,
    /// Fleet files
    Fleet,
    /// The output of `plan --format json`
    Plan,
    /// The output of `diff --format json`
    Diff,
    /// The output of `inspect --format json`
    Inspect,
    /// The output of `verify --format json`
    Verify,
}

pub(super) fn schema(kind: SchemaKind) -> Result<(), Failure> {
    let schema = match kind {
        SchemaKind::Patch => return Ok(output::json(&crate::patch::schema())?),
        SchemaKind::Fleet => return Ok(output::json(&crate::fleet::schema())?),
        // Written by hand, and held against what the commands print.
        SchemaKind::Plan => include_str!("../../schema/plan.schema.json"),
        SchemaKind::Diff => include_str!("../../schema/diff.schema.json"),
        SchemaKind::Inspect => include_str!("../../schema/inspect.schema.json"),
        SchemaKind::Verify => include_str!("../../schema/verify.schema.json"),
    };
    Ok(output::document(schema)?)
}

/// What `clap_complete` leaves out for bash: behind a command, a word that is not an option is a known word or a file.
const BASH_FILES: &str = r#"
_ocipatch_words() {
    _ocipatch "$@"
    local cur="${COMP_WORDS[COMP_CWORD]}" word words=()
    if [[ ${COMP_CWORD} -lt 2 || ${cur} == -* ]]; then
        return 0
    fi
    for word in "${COMPREPLY[@]}"; do
        if [[ ${word} != -* ]]; then
            words+=("${word}")
        fi
    done
    if [[ ${#words[@]} -eq 0 ]]; then
        local IFS=$'\n'
        words=($(compgen -f -- "${cur}"))
        compopt -o filenames 2>/dev/null
    fi
    COMPREPLY=("${words[@]}")
}
complete -F _ocipatch_words -o bashdefault -o default ocipatch
"#;

pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "ocipatch", &mut script);
    if shell == Shell::Bash {
        script.extend(BASH_FILES.bytes());
    }
    Ok(output::report(&String::from_utf8_lossy(&script))?)
}

/// Prints the page of the program, or of one of its commands.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The command, such as `apply`
    command: Option<String>,
    /// Write all pages to this directory, as packages do
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    all: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(&self, mut ledger: Ledger) -> Result<(), Failure> {
        let Some(directory) = &self.all else {
            let page = manual::page(self.command.as_deref())?;
            return Ok(output::report(&page)?);
        };
        let location = Location::of(directory);
        ledger.write(WrittenAs::Output, Extent::Directory, location)?;
        let pages = manual::pages()?
            .into_iter()
            .map(|(name, page)| SideFile::text(WrittenAs::Output, directory.join(name), page));
        Ok(write_files(
            &ledger,
            Some(directory),
            &pages.collect::<Vec<_>>(),
        )?)
    }
}
