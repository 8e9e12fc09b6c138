//! `ocipatch schema`, `ocipatch completions`, `ocipatch man`

use clap::{CommandFactory, ValueEnum};

use super::failure::Failure;
use super::{Arguments, output};
use crate::error::Error;

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
    Ok(output::text(schema)?)
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
