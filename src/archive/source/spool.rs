//! Files without a name: room for a stream that has to be read more than once.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

use super::inlet::{Counted, Packed, Pipe, unreadable};
use super::spooling::{LIMITS, Limits, Spooling};
use crate::compression::Compression;
use crate::error::Error;

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
    read.map_err(|source| unreadable(place, source))?;
    let compression = Compression::detect(&first);
    if compression != Compression::None {
        let stream = first.as_slice().chain(&*input);
        let plain = unpack(stream, None, compression, place, directory, LIMITS)?;
        return Ok((plain, compression));
    }
    let mut file = nameless(directory).map_err(Error::at(directory))?;
    file.write_all(&first).map_err(Error::at(directory))?;
    let input = Pipe { input, place };
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
    let file = nameless(directory).map_err(Error::at(directory))?;
    Spooling::new(file, input, (place, directory), limits).fill()
}

/// Opens a new file in `directory` that no name leads to; it is gone when it is closed, however that happens.
pub fn nameless(directory: &Path) -> io::Result<File> {
    match rustix::fs::openat(
        CWD,
        directory,
        OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC,
        Mode::from(0o600),
    ) {
        Ok(file) => return Ok(file.into()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::NOENT) => {
        }
        Err(error) => return Err(error.into()),
    }
    // Not every file system has O_TMPFILE: take a name, and give it back at once.
    for n in 0..u32::MAX {
        let path = directory.join(format!(
            ".ocipatch-{}-{n}",
            rustix::process::getpid().as_raw_nonzero()
        ));
        let options = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, &path, options, Mode::from(0o600)) {
            Ok(file) => {
                rustix::fs::unlinkat(CWD, &path, rustix::fs::AtFlags::empty())?;
                return Ok(file.into());
            }
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
