//! Files without a name: room for a stream that has to be read more than once.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

use crate::compression::Compression;
use crate::error::Error;

/// What is read to tell the compression: a page, so that the kernel has whole ones left to copy.
const FIRST_BYTES: u64 = 4096;

/// Keeps the rest of a stream in a nameless file of `directory`, decompressed, and says how it was compressed.
///
/// Of a compressed stream both would take more than the room of one.
pub(in crate::archive) fn keep(
    input: &mut File,
    place: &str,
    directory: &Path,
) -> Result<(File, Compression), Error> {
    let failed = |source: io::Error| match source.kind() {
        // A stream has room for all that comes; it is the file that has not.
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::io(directory, source)
        }
        _ => Error::Io {
            place: place.to_owned(),
            source,
        },
    };
    let mut first = Vec::new();
    input
        .take(FIRST_BYTES)
        .read_to_end(&mut first)
        .map_err(failed)?;
    let compression = Compression::detect(&first);
    if compression != Compression::None {
        let stream = first.as_slice().chain(&*input);
        return Ok((
            decompress(stream, compression, place, directory)?,
            compression,
        ));
    }
    let mut file = nameless(directory).map_err(Error::at(directory))?;
    file.write_all(&first).map_err(failed)?;
    // Between files and pipes of the system this is `splice` or `copy_file_range`: nothing passes through our memory.
    io::copy(input, &mut file).map_err(failed)?;
    Ok((file, compression))
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

/// Decompresses a whole archive into a nameless file.
pub(in crate::archive) fn decompress(
    stream: impl Read,
    compression: Compression,
    place: &str,
    spool: &Path,
) -> Result<File, Error> {
    let damaged = |source: io::Error| Error::NotTar {
        place: place.to_owned(),
        offset: 0,
        reason: format!("a damaged {} stream: {source}", compression.name()),
    };
    let mut plain = nameless(spool).map_err(Error::at(spool))?;
    let mut decoder = compression.decoder(stream).map_err(damaged)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let n = match decoder.read(&mut buffer) {
            Ok(0) => return Ok(plain),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        plain.write_all(&buffer[..n]).map_err(Error::at(spool))?;
    }
}
