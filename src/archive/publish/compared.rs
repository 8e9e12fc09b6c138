//! Telling whether a file holds already what would be written to it, without writing anything.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;

use super::destination::{compression_at, given, write_through};
use super::file::SideFile;
use super::write::Sink;
use crate::archive::draft::Draft;
use crate::compression::Compression;
use crate::error::Error;
use crate::ledger::{Descriptor, followed};
use crate::printable;

/// A writer that compares what it gets with a file, and fails at the first difference.
#[derive(Debug)]
pub(in crate::archive) struct Comparison {
    there: BufReader<File>,
    buffer: Vec<u8>,
    /// Shared with whoever gave this away to a compressor.
    differs: Rc<Cell<bool>>,
}

impl Comparison {
    fn with(there: File) -> (Self, Rc<Cell<bool>>) {
        let differs = Rc::new(Cell::new(false));
        let comparison = Self {
            there: BufReader::with_capacity(1 << 17, there),
            buffer: Vec::new(),
            differs: Rc::clone(&differs),
        };
        (comparison, differs)
    }

    /// Tells whether the file ends here too.
    fn ends_here(mut self) -> io::Result<bool> {
        Ok(self.there.read(&mut [0])? == 0)
    }
}

impl Write for Comparison {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.resize(bytes.len(), 0);
        let read = self.there.read_exact(&mut self.buffer);
        let is_short = matches!(&read, Err(error) if error.kind() == io::ErrorKind::UnexpectedEof);
        if is_short || read.is_ok() && self.buffer != bytes {
            self.differs.set(true);
            return Err(io::Error::other("the file has other bytes"));
        }
        read.map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a regular file that is not named by a descriptor of this process; nothing if that is not what is there.
fn open(path: &Path) -> Result<Option<File>, Error> {
    let failed = |error| Error::io(path, error);
    let (target, descriptor) = followed(path).map_err(failed)?;
    let is_file = std::fs::metadata(&target).is_ok_and(|there| there.is_file());
    if !is_file || descriptor != Descriptor::None {
        return Ok(None);
    }
    File::open(&target).map(Some).map_err(failed)
}

/// Tells whether a file has the bytes that the draft would be written as. Both are read, up to the first difference.
pub(super) fn is_written(draft: &Draft<'_>, path: &Path) -> Result<bool, Error> {
    let failed = |error| Error::io(path, error);
    let Some(there) = open(path)? else {
        return Ok(false);
    };
    let n_bytes = there.metadata().map_err(failed)?.len();
    let compression = compression_at(draft, path);
    let given = given(draft, compression);
    if given.is_some_and(|given| given.n_bytes() != n_bytes) {
        return Ok(false);
    }
    let (comparison, differs) = Comparison::with(there);
    let encoder = match given {
        Some(_) => Compression::None.encoder(comparison),
        None => compression.encoder(comparison),
    };
    let mut sink = Sink::Compared(encoder.map_err(failed)?);
    let written = write_through(draft, compression, &mut sink, &printable::path(path));
    let ended = written.and_then(|()| {
        sink.compared()
            .and_then(Comparison::ends_here)
            .map_err(failed)
    });
    // A change of the input explains whatever was found.
    draft.source.check()?;
    if differs.get() { Ok(false) } else { ended }
}

/// Tells whether a file that describes an output is there already.
pub(super) fn is_there(file: &SideFile<'_>) -> Result<bool, Error> {
    let Some(there) = open(&file.path)? else {
        return Ok(false);
    };
    let (mut comparison, differs) = Comparison::with(there);
    let written = (file.write)(&mut comparison);
    if differs.get() {
        return Ok(false);
    }
    written?;
    comparison.ends_here().map_err(Error::at(&file.path))
}
