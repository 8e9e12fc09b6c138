//! Entries as files on a disk, with the permissions and times that they are to have.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, Mode, OFlags, Timespec, Timestamps, fchmod, futimens, openat, utimensat,
};
use rustix::io::Errno;
use rustix::path::Arg;

use super::write::Sink;
use crate::archive::draft::{Content, Draft, StoredLayer};
use crate::error::Error;
use crate::system;
use crate::tarball::Mtime;
use crate::watch::{Counted, Counting};

/// Makes a file where nothing is, not even a link. Until it has its permissions only its owner may read it.
pub(super) fn create(directory: impl AsFd, name: impl Arg) -> Result<File, Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::from_raw_mode(0o600)).map(File::from)
}

/// Writes the data of a new entry.
pub(in crate::archive) fn write_content(
    draft: &Draft<'_>,
    content: &Content,
    file: &File,
    path: &Path,
) -> Result<(), Error> {
    let failed = |source| Error::io(path, source);
    match content {
        Content::Directory | Content::Symlink(_) => Ok(()),
        Content::Bytes(bytes) => (&mut &*file).write_all(bytes).map_err(failed),
        Content::Entry(index) => {
            let data = draft.source.data(*index)?;
            let mut sink = Sink::Plain(file.try_clone().map_err(failed)?);
            sink.copy_data(data).map(drop).map_err(failed)
        }
        Content::Stored(index) => {
            let counted = Counted::Written;
            let out = Counting { out: file, counted };
            write_layer(&draft.layers[*index], out, failed)
        }
    }
}

/// Writes the bytes of a new layer; `failed` makes the error of an `output` that does not take them, which the layer
/// cannot name.
pub(super) fn write_layer(
    layer: &StoredLayer<'_>,
    output: impl Write,
    failed: impl Fn(io::Error) -> Error,
) -> Result<(), Error> {
    let mut watched = Watched {
        output,
        has_failed: false,
    };
    let mut buffered = io::BufWriter::with_capacity(128 * 1024, &mut watched);
    let written = (layer.write)(&mut buffered);
    let flushed = match &written {
        Ok(()) => buffered.flush().map_err(&failed),
        Err(_) => Ok(()),
    };
    // What it still holds is of no use.
    let _ = buffered.into_parts();
    match written {
        Err(Error::Io { source, .. }) if watched.has_failed => Err(failed(source)),
        written => written.and(flushed),
    }
}

/// Tells whether a failure was that of the output.
struct Watched<W> {
    output: W,
    has_failed: bool,
}

impl<W: Write> Watched<W> {
    fn watch<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        let is_failure = |error: &io::Error| error.kind() != io::ErrorKind::Interrupted;
        self.has_failed |= result.as_ref().is_err_and(is_failure);
        result
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes);
        self.watch(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.output.flush();
        self.watch(flushed)
    }
}

/// Sets the permissions and both times, whatever the umask and the clock say.
pub(in crate::archive) fn set_metadata(file: &File, mode: u32, mtime: Mtime) -> io::Result<()> {
    fchmod(file, system::mode(mode))?;
    set_mtime(file, mtime)
}

pub(in crate::archive) fn set_mtime(file: &File, mtime: Mtime) -> io::Result<()> {
    Ok(futimens(file, &both_times(mtime))?)
}

/// Sets both times of what is at a name, following no link; some file systems have no times of links.
pub(in crate::archive) fn set_mtime_at(
    directory: impl AsFd,
    name: impl Arg,
    mtime: Mtime,
) -> Result<(), Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    match utimensat(directory, name, &both_times(mtime), flags) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        set => set,
    }
}

fn both_times(mtime: Mtime) -> Timestamps {
    let time = Timespec {
        tv_sec: mtime.seconds,
        tv_nsec: mtime.nanoseconds.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
