//! Output that is there complete or not at all, and after it the files that describe it.

use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use super::compared::{is_there, is_written};
use super::extract::extract;
use super::file::{Complete, OutputFile, SideFile, enter_all, open_stream, parent, quoted};
use super::in_place::{Replaced, revise_directory};
use super::lock::refuse_special;
use super::new_directory::{new_directory, sync_tree};
use super::pending::{PendingFile, sync_directory};
use super::registry::{self, Push};
use super::write::{Sink, write_tar};
use crate::archive::draft::Draft;
use crate::archive::source::piece::Piece;
use crate::compression::Compression;
use crate::error::Error;
use crate::ledger::{Extent, Ledger, Location, WrittenAs, followed};
use crate::printable;
use crate::watch::{self, Counted};

/// Where a revised archive goes.
#[derive(Debug)]
pub enum Destination {
    /// A tar file, replaced if it exists. Its name may ask for a compression ([`Compression::of_name`]); by default, it has that of
    /// the archive.
    File(PathBuf),
    /// A directory that does not exist or is empty.
    Directory(PathBuf),
    /// A pipe or file that is open already, such as standard output.
    Stream(File),
    /// The archive itself.
    InPlace(PathBuf, Replaced),
    /// Registries, under names that say where.
    Registry(Push),
}

impl Destination {
    /// Returns what it is written as.
    fn role(&self) -> WrittenAs {
        match self {
            Self::InPlace(..) => WrittenAs::InPlace,
            Self::File(_) | Self::Directory(_) | Self::Stream(_) | Self::Registry(_) => {
                WrittenAs::Output
            }
        }
    }

    /// Enters the destination in a ledger.
    pub fn enter(&self, ledger: &mut Ledger) -> Result<(), Error> {
        let (extent, location) = match self {
            Self::Stream(file) => (Extent::File, Location::of_open(file, STREAM)),
            Self::Directory(path) => (Extent::Tree, Location::of(path)),
            Self::InPlace(path, _) if path.is_dir() => (Extent::Tree, Location::of(path)),
            Self::File(path) | Self::InPlace(path, _) => (Extent::File, Location::of(path)),
            Self::Registry(_) => return Ok(()),
        };
        Ok(ledger.write(self.role(), extent, location)?)
    }

    /// Returns the destination in words.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::File(path) | Self::Directory(path) | Self::InPlace(path, _) => quoted(path),
            Self::Stream(_) => STREAM.to_owned(),
            Self::Registry(push) => push.shown(),
        }
    }
}

impl Draft<'_> {
    /// Enters what else the command reads and writes; a path that is both is an error.
    pub fn enter(&mut self, ledger: &Ledger) -> Result<(), Error> {
        Ok(self.ledger.merge(ledger)?)
    }
}

/// What an open destination is called: hardly ever is it anything else.
const STREAM: &str = "standard output";

/// Writes `draft` to `destination`; on any failure nothing is there that was not there before.
///
/// A destination that is an input, or that contains one or is inside one, is an error ([`Error::Conflict`]).
pub fn publish(draft: &Draft<'_>, destination: &Destination) -> Result<(), Error> {
    publish_with(draft, destination, &[])
}

/// Writes `draft` to `destination` as [`publish`] does, and files that describe it.
///
/// The files are complete and durable before the output appears, and get their names, in order, after it. What fails in
/// between is [`Error::Unfinished`]. A file that is an input, the output or another one of the files is an error before
/// anything is written.
pub fn publish_with(
    draft: &Draft<'_>,
    destination: &Destination,
    side_files: &[SideFile<'_>],
) -> Result<(), Error> {
    check(draft, destination, side_files)?;
    let side_files = Complete::write(side_files)?;
    match write(draft, destination) {
        Ok(()) => {
            let is_written = |error: Error| error.after(&[destination.shown()], &[]);
            side_files.name().map_err(is_written)
        }
        Err(error @ Error::Unfinished { .. }) => Err(error.after(&[], &side_files.shown())),
        Err(error) => Err(error),
    }
}

/// Does what [`publish_with`] does, unless the destination is a file that has these bytes already: then the file stays, and so do
/// those of `side_files` that would not change. Returns whether the archive was written.
pub fn publish_if_changed(
    draft: &Draft<'_>,
    destination: &Destination,
    side_files: &[SideFile<'_>],
) -> Result<bool, Error> {
    check(draft, destination, side_files)?;
    match destination {
        Destination::File(path) if is_written(draft, path)? => {}
        _ => return publish_with(draft, destination, side_files).map(|()| true),
    }
    let mut stale = Vec::new();
    for file in side_files {
        if !is_there(file)? {
            stale.push(file);
        }
    }
    Complete::write(stale)?.name()?;
    Ok(false)
}

/// Refuses what cannot be written, and whatever would replace an input.
fn check(
    draft: &Draft<'_>,
    destination: &Destination,
    side_files: &[SideFile<'_>],
) -> Result<(), Error> {
    draft.check_form()?;
    let mut ledger = draft.ledger.clone();
    ledger.forget(destination.role());
    destination.enter(&mut ledger)?;
    enter_all(side_files, &mut ledger)
}

fn write(draft: &Draft<'_>, destination: &Destination) -> Result<(), Error> {
    if !matches!(destination, Destination::Registry(_)) {
        let what = || format!("writing {}", destination.shown());
        watch::begins(what, draft.n_bytes(), Counted::Written);
    }
    match destination {
        Destination::Directory(path) => write_directory(draft, path),
        Destination::Stream(file) => {
            let file = file.try_clone().map_err(Error::in_place(STREAM))?;
            let written = write_to(draft, file, draft.compression(), STREAM);
            draft.source.check().and(written.map(drop))
        }
        Destination::InPlace(path, replaced) if draft.source.is_directory() => {
            revise_directory(draft, path, *replaced)
        }
        Destination::InPlace(path, _) => {
            refuse_special(path)?;
            if draft.is_unchanged() {
                let (target, _) = followed(path).map_err(Error::at(path))?;
                return PendingFile::tidy(&target);
            }
            write_over(draft, path)
        }
        Destination::File(path) => write_file(draft, path),
        Destination::Registry(push) => registry::push(draft, push),
    }
}

/// Writes the archive to where it was read from, if that is still there as it was.
fn write_over(draft: &Draft<'_>, path: &Path) -> Result<(), Error> {
    match OutputFile::open(path)? {
        OutputFile::Pending(pending) => {
            write_pending(draft, &pending, draft.compression(), path)?;
            name_file(pending, path, || draft.source.check_at(path))
        }
        OutputFile::Stream(_) => Err(Error::Output {
            place: printable::path(path),
            reason: "is an open file, which cannot be replaced; use its own path".to_owned(),
        }),
    }
}

fn write_file(draft: &Draft<'_>, path: &Path) -> Result<(), Error> {
    let compression = compression_at(draft, path);
    match OutputFile::open(path)? {
        OutputFile::Pending(pending) => {
            write_pending(draft, &pending, compression, path)?;
            name_file(pending, path, || Ok(()))
        }
        OutputFile::Stream(stream) => {
            let stream = open_stream(&stream).map_err(Error::at(path))?;
            let written = write_to(draft, stream, compression, &printable::path(path));
            draft.source.check().and(written.map(drop))
        }
    }
}

/// Writes the archive to a file that nobody sees yet.
fn write_pending(
    draft: &Draft<'_>,
    pending: &PendingFile,
    compression: Compression,
    path: &Path,
) -> Result<(), Error> {
    let place = printable::path(path);
    let file = pending.file.try_clone().map_err(Error::at(path))?;
    if compression == Compression::None {
        reserve(draft, &file).map_err(Error::at(path))?;
    }
    let written = write_to(draft, file, compression, &place);
    // A change of the input explains whatever went wrong.
    draft.source.check()?;
    let mut file = written?;
    // What was reserved too much goes.
    let end = file.stream_position().map_err(Error::at(path))?;
    file.set_len(end).map_err(Error::at(path))?;
    Ok(())
}

/// Makes a file durable and gives it its name, if `check`, which is called right before that, finds no reason against it.
pub(in crate::archive) fn name_file(
    pending: PendingFile,
    path: &Path,
    check: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    pending.file.sync_all().map_err(Error::at(path))?;
    let directory = parent(pending.target()).to_owned();
    pending.name_if(check)?;
    sync_directory(&directory).map_err(|error| error.after(&[quoted(path)], &[]))
}

/// Reserves the room that a plain tar takes: a full disk is known before anything is copied, and what is written back
/// while it grows has its place already.
fn reserve(draft: &Draft<'_>, file: &File) -> io::Result<()> {
    use rustix::io::Errno;
    let Some(n_bytes) = draft.tar_bytes().filter(|&n_bytes| n_bytes > 0) else {
        return Ok(());
    };
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, n_bytes) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(error.into()),
        // A file system that cannot reserve room has to be asked byte by byte.
        _ => Ok(()),
    }
}

/// Writes the archive; unchanged in the compression that it came in, that is the very bytes.
fn write_to(
    draft: &Draft<'_>,
    file: File,
    compression: Compression,
    place: &str,
) -> Result<File, Error> {
    let failed = Error::in_place(place);
    let mut sink = match compression {
        _ if given(draft, compression).is_some() => Sink::Plain(file),
        Compression::None => {
            let write_back = super::write::WriteBack::start(&file).map_err(failed)?;
            Sink::Durable(file, write_back)
        }
        compression => Sink::Compressed(compression.encoder(file).map_err(failed)?),
    };
    write_through(draft, compression, &mut sink, place)?;
    sink.finish().map_err(failed)
}

/// Writes the archive to a sink for this compression that does not end here.
pub(super) fn write_through(
    draft: &Draft<'_>,
    compression: Compression,
    sink: &mut Sink,
    place: &str,
) -> Result<(), Error> {
    match given(draft, compression) {
        Some(given) => sink.copy(given).map_err(Error::in_place(place)),
        None => write_tar(draft, sink, place),
    }
}

/// Returns the bytes of the archive as it was given, if they are what is written.
pub(super) fn given<'a>(draft: &Draft<'a>, compression: Compression) -> Option<Piece<'a>> {
    let is_same = draft.is_unchanged() && compression == draft.compression();
    draft.source.given().filter(|_| is_same)
}

/// Returns the compression of a file: its name may ask for one, or else it is that of the archive.
pub(super) fn compression_at(draft: &Draft<'_>, path: &Path) -> Compression {
    Compression::of_name(path).unwrap_or(draft.compression())
}

fn write_directory(draft: &Draft<'_>, path: &Path) -> Result<(), Error> {
    new_directory(path, |temporary| {
        let extracted = extract(draft, temporary);
        // A change of the input explains whatever went wrong.
        draft.source.check().and(extracted)?;
        sync_tree(temporary)
    })
}
