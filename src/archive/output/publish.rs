//! Output that is there complete or not at all: written under no name or a hidden one, synced, then renamed.

use std::fs::File;
use std::io::{self, Seek};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::extract::extract;
use super::in_place::{Replaced, revise_directory};
use super::lock::refuse_special;
use super::new_directory::{new_directory, sync_tree};
use super::pending::PendingFile;
use super::write::{Sink, write_tar};
use crate::archive::draft::Draft;
use crate::archive::source::Source;
use crate::error::Error;

/// Where a revised archive goes.
#[derive(Debug)]
pub enum Destination {
    /// A tar file, replaced if it exists.
    File(PathBuf),
    /// A directory that does not exist or is empty.
    Directory(PathBuf),
    /// A pipe or file that is open already, such as standard output.
    Stream(File),
    /// The archive itself.
    InPlace(PathBuf, Replaced),
}

/// Writes `draft` to `destination`; on any failure nothing is there that was not there before.
pub fn publish(draft: &Draft<'_>, destination: &Destination) -> Result<(), Error> {
    match destination {
        Destination::File(path) => {
            refuse_input(draft.source, path)?;
            refuse_within_input(draft.source, &behind_links(path))?;
            write_file(draft, path)
        }
        Destination::Directory(path) => {
            refuse_within_input(draft.source, path)?;
            write_directory(draft, path)
        }
        Destination::Stream(file) => {
            refuse_same_file(draft.source, file)?;
            let file = file.try_clone().map_err(|source| Error::Io {
                place: "standard output".to_owned(),
                source,
            })?;
            let written = write_to(draft, file, "standard output");
            draft.source.check().and(written.map(drop))
        }
        Destination::InPlace(path, replaced) if draft.source.is_directory() => {
            revise_directory(draft, path, *replaced)
        }
        Destination::InPlace(path, _) => {
            refuse_special(path)?;
            if draft.is_unchanged() {
                return PendingFile::tidy(&behind_links(path));
            }
            write_over(draft, path)
        }
    }
}

/// `-o` may not name the input: it is never touched unless that is asked for.
fn refuse_input(source: &Source, path: &Path) -> Result<(), Error> {
    let Some(given) = source.given_file() else {
        return Ok(());
    };
    let (Ok(input), Ok(output)) = (given.metadata(), std::fs::metadata(path)) else {
        return Ok(());
    };
    if (input.dev(), input.ino()) == (output.dev(), output.ino()) {
        let reason = "is the input; to change it say `--in-place`".to_owned();
        return Err(Error::Output {
            place: path.display().to_string(),
            reason,
        });
    }
    Ok(())
}

/// A file more in the directory that is the input would be one of its entries.
fn refuse_within_input(source: &Source, path: &Path) -> Result<(), Error> {
    let Some(root) = source.root() else {
        return Ok(());
    };
    // The name may be new, and any directory on the way a link.
    let parent = path.parent().unwrap_or(Path::new(""));
    let (Ok(root), Ok(parent)) = (root.metadata(), Path::new(".").join(parent).canonicalize())
    else {
        return Ok(());
    };
    let is_root = |directory: &Path| {
        let directory = directory.metadata();
        directory
            .is_ok_and(|directory| (directory.dev(), directory.ino()) == (root.dev(), root.ino()))
    };
    if parent.ancestors().any(is_root) {
        let reason = "is within the input; to change that say `--in-place`".to_owned();
        return Err(Error::Output {
            place: path.display().to_string(),
            reason,
        });
    }
    Ok(())
}

/// A redirection to the input that does not truncate it (`1<>`, `>>`) would have it read while it is written over.
fn refuse_same_file(source: &Source, output: &File) -> Result<(), Error> {
    let Some(given) = source.given_file() else {
        return Ok(());
    };
    let (Ok(input), Ok(output)) = (given.metadata(), output.metadata()) else {
        return Ok(());
    };
    if output.is_file() && (input.dev(), input.ino()) == (output.dev(), output.ino()) {
        return Err(Error::Output {
            place: "standard output".to_owned(),
            reason: "is the input; to change it say `--in-place`".to_owned(),
        });
    }
    Ok(())
}

/// Writes the archive to where it was read from, if that is still there as it was.
fn write_over(draft: &Draft<'_>, path: &Path) -> Result<(), Error> {
    let pending = write_pending(draft, path)?;
    pending.publish_if(|| draft.source.check_at(path))
}

fn write_file(draft: &Draft<'_>, path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        let reason = "is a directory".to_owned();
        return Err(Error::Output {
            place: path.display().to_string(),
            reason,
        });
    }
    let place = path.display().to_string();
    if !is_replaceable(path) {
        let file = std::fs::OpenOptions::new().write(true).open(path);
        let written = write_to(draft, file.map_err(Error::at(path))?, &place);
        return draft.source.check().and(written.map(drop));
    }
    write_pending(draft, path)?.publish()
}

/// Writes the archive beside `path`.
fn write_pending(draft: &Draft<'_>, path: &Path) -> Result<PendingFile, Error> {
    let place = path.display().to_string();
    // A link is followed, so that the file it names is replaced and not the link.
    let target = behind_links(path);
    let pending = PendingFile::create(&target)?;
    inherit(&pending.file, &target).map_err(Error::at(path))?;
    let file = pending.file.try_clone().map_err(Error::at(path))?;
    reserve(draft, &file).map_err(Error::at(path))?;
    let written = write_to(draft, file, &place);
    // A change of the input explains whatever went wrong.
    draft.source.check()?;
    let mut file = written?;
    // What was reserved too much goes.
    let end = file.stream_position().map_err(Error::at(path))?;
    file.set_len(end).map_err(Error::at(path))?;
    Ok(pending)
}

/// Reserves the room that a plain tar takes: a full disk is known before anything is copied, and what is written back
/// while it grows has its place already.
fn reserve(draft: &Draft<'_>, file: &File) -> io::Result<()> {
    use rustix::io::Errno;
    if draft.compression() != crate::compression::Compression::None {
        return Ok(());
    }
    let Some(n_bytes) = draft.tar_bytes().filter(|&n_bytes| n_bytes > 0) else {
        return Ok(());
    };
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, n_bytes) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(error.into()),
        // A file system that cannot reserve room has to be asked byte by byte.
        _ => Ok(()),
    }
}

/// Tells whether another file may take the place of what is at `path`. A device or a pipe is written to instead:
/// nobody who says `-o /dev/null` wants that gone.
pub(crate) fn is_replaceable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) || !path.exists()
}

/// Passes on the permissions of the file that is about to be replaced, and its owner where the system lets us.
fn inherit(file: &File, target: &Path) -> io::Result<()> {
    let Ok(old) = std::fs::metadata(target) else {
        return Ok(());
    };
    let _ = std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()));
    let mode = std::fs::Permissions::from_mode(old.mode() & 0o777);
    file.set_permissions(mode)
}

/// Writes the archive in the compression that it came in; unchanged, that is the very bytes.
fn write_to(draft: &Draft<'_>, file: File, place: &str) -> Result<File, Error> {
    let failed = |source| Error::Io {
        place: place.to_owned(),
        source,
    };
    if draft.is_unchanged()
        && let Some(given) = draft.source.given_file()
    {
        let length = given.metadata().map_err(failed)?.len();
        let mut sink = Sink::Plain(file);
        sink.copy(given, 0, length).map_err(failed)?;
        return sink.finish().map_err(failed);
    }
    let mut sink = match draft.compression() {
        crate::compression::Compression::None => {
            let write_back = super::write::WriteBack::start(&file).map_err(failed)?;
            Sink::Durable(file, write_back)
        }
        compression => Sink::Compressed(compression.encoder(file).map_err(failed)?),
    };
    write_tar(draft, &mut sink, place)?;
    sink.finish().map_err(failed)
}

/// Follows links to the name that a file is to have, whether there is one yet or not.
pub(in crate::archive) fn behind_links(path: &Path) -> PathBuf {
    const MAX_HOPS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_HOPS {
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => break,
        }
    }
    path
}

fn write_directory(draft: &Draft<'_>, path: &Path) -> Result<(), Error> {
    new_directory(path, |temporary| {
        let extracted = extract(draft, temporary);
        // A change of the input explains whatever went wrong.
        draft.source.check().and(extracted)?;
        sync_tree(temporary)
    })
}
