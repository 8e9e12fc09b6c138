//! `ocipatch schema`, `ocipatch completions`, `ocipatch man`

use clap::{CommandFactory, ValueEnum};

use super::failure::Failure;
use super::{Arguments, output};
use crate::error::Error;

/// The files that have a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum SchemaKind {
    /// Patch files (the default)
    Patch,
    /// Fleet files
    Fleet,
}

pub(super) fn schema(kind: SchemaKind) -> Result<(), Failure> {
    let schema = match kind {
        SchemaKind::Patch => crate::patch::schema(),
        SchemaKind::Fleet => crate::fleet::schema(),
    };
    Ok(output::json(&schema)?)
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "ocipatch", &mut script);
    Ok(output::report(&String::from_utf8_lossy(&script))?)
}

/// Prints the page of the program, or of one of its commands.
pub(super) fn man(command: Option<&str>) -> Result<(), Failure> {
    let mut program = Arguments::command();
    program.build();
    let about = match command {
        None => &program,
        Some(name) => {
            let known = program
                .get_subcommands()
                .find(|known| known.get_name() == name);
            known.ok_or_else(|| Failure::Usage(format!("there is no command `{name}`")))?
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(about.clone())
        .render(&mut page)
        .map_err(|source| Error::Io {
            place: "the manual page".to_owned(),
            source,
        })?;
    Ok(output::report(&String::from_utf8_lossy(&page))?)
}
