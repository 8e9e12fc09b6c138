//! `ocipatch schema`, `ocipatch completions`, `ocipatch man`

use clap::CommandFactory;

use super::failure::Failure;
use super::{Arguments, output};
use crate::error::Error;

pub(super) fn schema() -> Result<(), Failure> {
    output::json(&crate::patch::schema())
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "ocipatch", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}

pub(super) fn man() -> Result<(), Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut page)
        .map_err(|source| Error::Io {
            place: "the manual page".to_owned(),
            source,
        })?;
    output::text(&String::from_utf8_lossy(&page))
}
