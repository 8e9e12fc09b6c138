//! Data on standard output.

use std::cell::Cell;
use std::io::{self, BufWriter, Write};

use super::{progress, terminal};
use crate::error::Error;
use crate::printable;

/// Prints a text for people.
pub(super) fn text(text: &str) -> Result<(), Error> {
    report(&terminal::fitted(&printable::lines(text)))
}

/// Prints a document, such as Markdown or a schema: it is the same in every locale.
pub(super) fn document(text: &str) -> Result<(), Error> {
    report(&printable::lines(text))
}

/// Prints a text whose colours are its own; the names in it are escaped already.
pub(super) fn drawn(text: &str) -> Result<(), Error> {
    report(&terminal::fitted(text))
}

/// Prints what programs read, as it is.
pub(super) fn report(text: &str) -> Result<(), Error> {
    stream(|out| out.write_all(text.as_bytes()))
}

/// Prints a report as `write` makes it, so that a long one need not be in memory at once. A reader that goes before its end
/// has seen enough, as with `git` and `rg`.
pub(super) fn stream(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    match deliver(write) {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        printed => printed,
    }
}

/// Tells whether the reader of a stream has gone.
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints what has to arrive, such as the id of an image that was written.
pub(super) fn data(text: &str) -> Result<(), Error> {
    deliver(|out| out.write_all(text.as_bytes()))
}

/// Prints what `copy` hands over, as it is. A reader that goes before its end has seen enough.
pub(super) fn pieces<E: From<Error>>(
    copy: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), Error>) -> Result<(), E>,
) -> Result<(), E> {
    let is_read = Cell::new(true);
    let failed = |source: io::Error| {
        is_read.set(source.kind() != io::ErrorKind::BrokenPipe);
        stdout_error(source)
    };
    let mut stdout = BufWriter::new(io::stdout().lock());
    let copied = copy(&mut |bytes| stdout.write_all(bytes).map_err(failed));
    let done = copied.and_then(|()| Ok(stdout.flush().map_err(failed)?));
    if is_read.get() { done } else { Ok(()) }
}

fn deliver(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    // What is printed is what the work was for.
    progress::end();
    let mut stdout = BufWriter::new(io::stdout().lock());
    let written = write(&mut stdout).and_then(|()| stdout.flush());
    written.map_err(stdout_error)
}

fn stdout_error(source: io::Error) -> Error {
    Error::Io {
        place: "standard output".to_owned(),
        source,
    }
}

/// Prints a JSON document over several lines.
pub(super) fn json(value: &impl serde::Serialize) -> Result<(), Error> {
    stream(|out| {
        printable::write_json(out, value)?;
        writeln!(out)
    })
}
