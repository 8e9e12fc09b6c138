//! Files without a name: room for a stream that has to be read more than once.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

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
