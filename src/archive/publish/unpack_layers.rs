//! The files of each layer, to look at: as the layer has them, whiteouts included, owned by whoever unpacks.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::io::Errno;

use super::content::{create, set_metadata, set_mtime_at};
use super::extract::make_parent;
use super::new_directory::new_directory;
use super::pack::{fill, refuse_overlap};
use crate::archive::hidden::OWN_DIRECTORY;
use crate::archive::no_follow::open_directory;
use crate::archive::source::Source;
use crate::archive::source::directory::open_parent;
use crate::archive::{Archive, names};
use crate::error::Error;
use crate::tarball::{Entry, ImpliedDirectories, Input, Kind, Mtime, TarReader, TooManyImplied};

/// Unpacks the archive `source` into `directory`, which must not exist or be empty, and each of its layers below
/// `.ocipatch/layers` there; returns one directory per layer.
pub fn unpack_with_layers(source: Source, directory: &Path) -> Result<Vec<PathBuf>, Error> {
    refuse_overlap(&source, directory)?;
    let archive = Archive::open(source)?;
    let made = new_directory(directory, |directory| {
        fill(archive.source(), directory)?;
        let layers = extract_layers(&archive, directory)?;
        archive.source().check().map(|()| layers)
    })?;
    Ok(made.iter().map(|path| directory.join(path)).collect())
}

/// Returns the directories as paths below `directory`.
fn extract_layers(archive: &Archive, directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let root = Path::new(OWN_DIRECTORY).join("layers");
    let path = directory.join(&root);
    std::fs::create_dir_all(&path).map_err(Error::at(&path))?;
    let mut blobs = HashSet::new();
    let mut made = Vec::new();
    for layer in archive.images().iter().flat_map(|image| &image.layers) {
        let Some(blob) = layer.blob() else {
            // A layout may leave it out.
            continue;
        };
        if !blobs.insert(blob) {
            continue;
        }
        let name = root.join(format!("{}-{}", blobs.len(), layer.diff_id.short()));
        let path = directory.join(&name);
        std::fs::create_dir(&path).map_err(Error::at(&path))?;
        let layer_name = archive.layer_name(layer);
        let mut reader = TarReader::new(archive.open_layer(layer)?);
        extract_all(&mut reader, layer_name, &path)?;
        made.push(name);
    }
    Ok(made)
}

fn extract_all(reader: &mut TarReader<impl Input>, layer: &str, root: &Path) -> Result<(), Error> {
    let handle = File::open(root).map_err(Error::at(root))?;
    let mut directories = Vec::new();
    let mut parents = Parents {
        root: &handle,
        last: None,
        implied: ImpliedDirectories::default(),
    };
    while let Some(entry) = reader
        .next()
        .map_err(|error| Error::unreadable_layer(layer.to_owned(), error))?
    {
        // Names that leave the layer have no place here, engines put them elsewhere; names that no path can be have none anywhere.
        let is_a_path = |name: &String| !name.is_empty() && name.len() <= names::MAX_BYTES;
        let Some(name) = names::clean(&entry.name).filter(is_a_path) else {
            continue;
        };
        parents.implied.count_header(&entry);
        let parent = parents
            .make(&name)
            .map_err(|error| match error.downcast() {
                Ok(many) => {
                    let reason = format!("entry `{name}`: {}", TooManyImplied::to_string(&many));
                    Error::unreadable_layer(layer.to_owned(), reason)
                }
                Err(error) => Error::io(&root.join(&name), error),
            })?;
        extract_entry(reader, &entry, &handle, parent, &name)
            .map_err(|error| Error::io(&root.join(&name), error))?;
        if entry.kind == Kind::Directory {
            directories.push((name, entry));
        }
    }
    let mut is_set = HashSet::new();
    for (name, entry) in &directories {
        // Of a path that stands twice the first entry counts.
        if !is_set.insert(name) {
            continue;
        }
        let parent = parents.make(name).map_err(Error::at(root))?;
        let (_, file_name) = name.rsplit_once('/').unwrap_or(("", name));
        let directory = match open_directory(parent, file_name) {
            Ok(directory) => directory,
            // Something else of that name came first.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            Err(errno) => return Err(Error::io(&root.join(name), errno.into())),
        };
        // Its owner must be able to look into it.
        set_metadata(
            &directory.into(),
            entry.mode & 0o777 | 0o700,
            Mtime::of_seconds(entry.mtime.seconds),
        )
        .map_err(|error| Error::io(&root.join(name), error))?;
    }
    Ok(())
}

/// The directories of a layer: most entries have the parent of the one before them, or one below that.
struct Parents<'a> {
    root: &'a File,
    last: Option<(String, OwnedFd)>,
    implied: ImpliedDirectories,
}

impl Parents<'_> {
    /// Opens the directory that is to hold `name`, making what is missing.
    fn make(&mut self, name: &str) -> io::Result<&OwnedFd> {
        let (path, _) = name.rsplit_once('/').unwrap_or_default();
        let last = self.last.take();
        let above = last.filter(|(last, _)| {
            let rest = path.strip_prefix(last.as_str());
            !last.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let n_above = above.as_ref().map_or(0, |(last, _)| last.len() + 1);
        let from = above
            .as_ref()
            .map_or(self.root.as_fd(), |(_, it)| it.as_fd());
        let count = |path_bytes| self.implied.count(n_above + path_bytes);
        let (parent, _) = make_parent(&from, &name[n_above..], count)?;
        Ok(&self.last.insert((path.to_owned(), parent)).1)
    }
}

fn extract_entry(
    reader: &mut TarReader<impl Input>,
    entry: &Entry,
    root: &File,
    parent: &OwnedFd,
    name: &str,
) -> io::Result<()> {
    let (_, file_name) = name.rsplit_once('/').unwrap_or(("", name));
    let mtime = Mtime::of_seconds(entry.mtime.seconds);
    let result = match entry.kind {
        Kind::Directory => rustix::fs::mkdirat(parent, file_name, Mode::from_raw_mode(0o755)),
        Kind::Symlink => rustix::fs::symlinkat(entry.link_name.as_slice(), parent, file_name)
            .and_then(|()| set_mtime_at(parent, file_name, mtime)),
        Kind::HardLink => match names::clean(&entry.link_name) {
            Some(target) => {
                let (other, other_name) = match open_parent(root, &target) {
                    // In a directory that only a lower layer has.
                    Err(error)
                        if matches!(
                            error.kind(),
                            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                        ) =>
                    {
                        return Ok(());
                    }
                    result => result?,
                };
                rustix::fs::linkat(
                    &other,
                    other_name,
                    parent,
                    file_name,
                    rustix::fs::AtFlags::empty(),
                )
            }
            None => Ok(()),
        },
        Kind::File => match create(parent, file_name) {
            Ok(mut file) => {
                write_content(reader, entry, &mut file)?;
                // Set-id bits are for the image, not for the machine that looks at it.
                set_metadata(&file, entry.mode & 0o777 | 0o400, mtime)?;
                Ok(())
            }
            Err(error) => Err(error),
        },
        // Devices and pipes are no content to look at.
        _ => Ok(()),
    };
    match result {
        // A path twice in one layer: engines differ, the first one is shown. A link to a lower layer has no target here.
        Err(Errno::EXIST | Errno::NOENT) => Ok(()),
        result => Ok(result?),
    }
}

/// Writes the content of an entry; holes stay holes, whatever a header promises.
fn write_content(
    reader: &mut TarReader<impl Input>,
    entry: &Entry,
    file: &mut File,
) -> io::Result<()> {
    let Some(map) = &entry.sparse else {
        return io::copy(reader, file).map(drop);
    };
    for (offset, n_bytes) in map.pieces() {
        file.seek(SeekFrom::Start(offset))?;
        io::copy(&mut reader.by_ref().take(n_bytes), file)?;
    }
    file.set_len(entry.size)
}
