//! Files without a name: room for a stream that has to be read more than once.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, unlinkat};

use super::inlet::{Counted, Packed, Pipe};
use super::spooling::{LIMITS, Limits, Spooling};
use crate::archive::hidden::claim;
use crate::compression::Compression;
use crate::error::Error;
use crate::watch;

/// What is read to tell the compression: a page, so that the kernel has whole ones left to copy.
const FIRST_BYTES: u64 = 4096;

/// Keeps the rest of a stream in a nameless file of `directory`, decompressed, and says how it was compressed.
///
/// Of a compressed stream both would take more than the room of one. Where the stream stops being a tar, so does what is
/// kept of it.
pub(in crate::archive) fn keep(
    input: &mut File,
    place: &str,
    directory: &Path,
) -> Result<(File, Compression), Error> {
    let mut first = Vec::new();
    let read = input.take(FIRST_BYTES).read_to_end(&mut first);
    read.map_err(Error::in_place(place))?;
    let compression = Compression::detect(&first);
    if compression != Compression::None {
        let stream = first.as_slice().chain(&*input);
        let plain = unpack(stream, None, compression, place, directory, LIMITS)?;
        return Ok((plain, compression));
    }
    let mut file = nameless(directory)?;
    let written = file.write_all(&first);
    written.map_err(|error| Error::spool(directory, error))?;
    let input = Pipe { input, place };
    watch::begins(|| format!("reading {place}"), 0, watch::Counted::Read);
    let spooling = Spooling::new(file, input, (place, directory), LIMITS);
    Ok((spooling.behind(&first).fill()?, compression))
}

/// Decompresses an archive of `length` bytes into a nameless file of `directory`.
pub(in crate::archive) fn decompress(
    stream: impl Read,
    length: u64,
    compression: Compression,
    place: &str,
    directory: &Path,
) -> Result<File, Error> {
    unpack(stream, Some(length), compression, place, directory, LIMITS)
}

/// Does what [`decompress`] does within `limits`; the length of a stream is unknown.
pub(super) fn unpack(
    stream: impl Read,
    length: Option<u64>,
    compression: Compression,
    place: &str,
    directory: &Path,
    limits: Limits,
) -> Result<File, Error> {
    let n_packed = Cell::new(length.unwrap_or(0));
    let counted = Counted {
        stream,
        n_read: length.is_none().then_some(&n_packed),
    };
    let damaged = |source: io::Error| Error::NotTar {
        place: place.to_owned(),
        offset: 0,
        reason: format!("a damaged {} stream: {source}", compression.name()),
    };
    let decoder = compression.decoder(counted).map_err(damaged)?;
    let input = Packed {
        decoder: BufReader::with_capacity(256 * 1024, decoder),
        n_read: &n_packed,
        damaged: &damaged,
    };
    let file = nameless(directory)?;
    let n_bytes = length.unwrap_or(0);
    watch::begins(|| format!("reading {place}"), n_bytes, watch::Counted::Read);
    Spooling::new(file, input, (place, directory), limits).fill()
}

/// Room for streams that are written one after another, in one file: each would take a handle as long as it is needed.
#[derive(Debug)]
pub struct Spool<'a> {
    directory: &'a Path,
    file: Option<Arc<File>>,
}

impl<'a> Spool<'a> {
    /// Nothing is opened before something is written.
    #[must_use]
    pub fn new(directory: &'a Path) -> Self {
        Self {
            directory,
            file: None,
        }
    }

    /// Returns the file, and where the next stream begins in it: where it stands.
    pub fn begin(&mut self) -> Result<(Arc<File>, u64), Error> {
        if let Some(file) = &self.file {
            let position = (&**file).stream_position();
            let position = position.map_err(|error| self.error(error))?;
            return Ok((Arc::clone(file), position));
        }
        let file = Arc::new(nameless(self.directory)?);
        self.file = Some(Arc::clone(&file));
        Ok((file, 0))
    }

    /// Returns the error of a stream that could not be written.
    #[must_use]
    pub fn error(&self, error: io::Error) -> Error {
        Error::spool(self.directory, error)
    }
}

/// Opens a new file in `directory` that no name leads to; it is gone when it is closed, however that happens.
/// Returns an empty file of `directory` without a name.
pub(in crate::archive) fn nameless(directory: &Path) -> Result<File, Error> {
    open_nameless(directory).map_err(|error| Error::spool(directory, error))
}

fn open_nameless(directory: &Path) -> io::Result<File> {
    /// What a file is called that has a name for a moment.
    const NAME: &str = "spool";
    let directory = claim::open_directory(directory)?;
    let mode = Mode::from(0o600);
    if let Some(file) = claim::nameless(&directory, mode)? {
        return Ok(file);
    }
    // Not every file system has nameless files: take a name, and give it back at once.
    let name = OsStr::new(NAME);
    claim::sweep(&directory, name);
    let (file, hidden) = claim::claim_file(&directory, name, mode)?;
    unlinkat(&directory, &hidden, AtFlags::empty())?;
    Ok(file)
}
