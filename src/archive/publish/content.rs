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

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{self, Write};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::Path;

    use rustix::io::{FdFlags, fcntl_getfd};

    use super::{create, set_metadata, set_mtime_at, write_layer};
    use crate::archive::draft::StoredLayer;
    use crate::compression::Compression;
    use crate::digest::{DiffId, Digest};
    use crate::error::Error;
    use crate::tarball::Mtime;

    #[test]
    fn a_new_file_takes_no_place_and_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let directory = File::open(home.path()).unwrap();
        symlink("target", home.path().join("link")).unwrap();
        create(&directory, "link").unwrap_err();
        let mut file = create(&directory, "file").unwrap();
        create(&directory, "file").unwrap_err();
        file.write_all(b"text").unwrap();
        assert!(fcntl_getfd(&file).unwrap().contains(FdFlags::CLOEXEC));
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o7777,
            0o600
        );
        assert_eq!(fs::read(home.path().join("file")).unwrap(), b"text");
        assert!(!home.path().join("target").exists());
    }

    #[test]
    fn permissions_and_both_times_are_set() {
        let home = tempfile::tempdir().unwrap();
        let file = File::create(home.path().join("file")).unwrap();
        let mtime = Mtime {
            seconds: -7,
            nanoseconds: 5,
        };
        set_metadata(&file, 0o751, mtime).unwrap();
        let times = |path: &str| {
            let found = home.path().join(path).symlink_metadata().unwrap();
            [
                (found.atime(), found.atime_nsec()),
                (found.mtime(), found.mtime_nsec()),
            ]
        };
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o751);
        assert_eq!(times("file"), [(-7, 5); 2]);
        symlink("file", home.path().join("link")).unwrap();
        let directory = File::open(home.path()).unwrap();
        set_mtime_at(&directory, "link", Mtime::of_seconds(9)).unwrap();
        assert_eq!(times("link"), [(9, 0); 2]);
        assert_eq!(times("file"), [(-7, 5); 2]);
        set_mtime_at(&directory, "gone", mtime).unwrap_err();
    }

    /// Takes what it is given but for the call of that number.
    struct Failing {
        taken: Vec<u8>,
        n_calls: usize,
        fails_at: (usize, io::ErrorKind),
    }

    impl Failing {
        fn call(&mut self) -> io::Result<()> {
            self.n_calls += 1;
            if self.n_calls == self.fails_at.0 {
                return Err(self.fails_at.1.into());
            }
            Ok(())
        }
    }

    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.call()?;
            self.taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.call()
        }
    }

    /// Writes a layer of two pieces, the second of which may be one that cannot be read.
    fn written(fails_at: (usize, io::ErrorKind), is_readable: bool) -> Result<Vec<u8>, String> {
        let piece = vec![7; 200_000];
        let write = move |out: &mut dyn Write| {
            out.write_all(&piece)
                .map_err(Error::in_place("a new layer"))?;
            if !is_readable {
                let error = io::ErrorKind::PermissionDenied.into();
                return Err(Error::io(Path::new("source"), error));
            }
            out.write_all(&piece[..9])
                .map_err(Error::in_place("a new layer"))
        };
        let layer = StoredLayer {
            diff_id: DiffId::parse_hex(&Digest::of(b"").hex()).unwrap(),
            digest: Digest::of(b""),
            size: 200_009,
            compression: Compression::None,
            write: Box::new(write),
        };
        let mut output = Failing {
            taken: Vec::new(),
            n_calls: 0,
            fails_at,
        };
        let failed = |error| Error::io(Path::new("out.tar"), error);
        write_layer(&layer, &mut output, failed).map_err(|error| error.to_string())?;
        Ok(output.taken)
    }

    #[test]
    fn whoever_fails_is_named() {
        let never = (0, io::ErrorKind::StorageFull);
        assert_eq!(written(never, true).unwrap(), vec![7; 200_009]);
        for call in [1, 2, 3] {
            let full = (call, io::ErrorKind::StorageFull);
            let told = written(full, true).unwrap_err();
            assert_eq!(told, "`out.tar`: no storage space", "{call}");
        }
        let source = Err("`source`: permission denied".to_owned());
        assert_eq!(written(never, false), source);
        // An output that is asked again has not failed.
        let again = (1, io::ErrorKind::Interrupted);
        assert_eq!(written(again, false), source);
        assert_eq!(written(again, true).unwrap().len(), 200_009);
    }
}
