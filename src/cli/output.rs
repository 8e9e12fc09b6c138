//! Data on standard output.

use std::io::{self, BufWriter, IsTerminal, Write};

use crate::error::Error;

/// Prints text as it is.
pub(super) fn text(text: &str) -> Result<(), Error> {
    stream(|out| out.write_all(text.as_bytes()))
}

/// Prints what `write` writes, so that a long text need not be in memory at once.
pub(super) fn stream(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    let written = write(&mut stdout).and_then(|()| stdout.flush());
    written.map_err(|source| Error::Io {
        place: "standard output".to_owned(),
        source,
    })
}

/// Prints a JSON document over several lines.
pub(super) fn json(value: &impl serde::Serialize) -> Result<(), Error> {
    stream(|out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)
    })
}

/// Whether colour is welcome on standard error (no-color.org).
pub(super) fn wants_colour_on_stderr() -> bool {
    let is_welcome = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    is_welcome && io::stderr().is_terminal()
}
