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

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::MetadataExt as _;

    use super::{Parents, extract_all, extract_entry};
    use crate::archive::names;
    use crate::tarball::{Entry, ImpliedDirectories, Kind, Mtime, Stream, TarReader, header_group};

    #[test]
    fn directories_are_counted_by_their_whole_paths() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        let mut parents = Parents {
            root: &root,
            last: None,
            implied: ImpliedDirectories::default(),
        };
        let mut n_bytes = 0;
        for (name, made) in [
            ("top", &[][..]),
            ("a/b/x", &["a/", "a/b/"]),
            ("a/b/c/d/y", &["a/b/c/", "a/b/c/d/"]),
            ("a/b/c/d/z", &[]),
            // No part of a name is a directory.
            ("a/b/c/de/z", &["a/b/c/de/"]),
            ("a/x", &[]),
            ("ab/x", &["ab/"]),
            ("again", &[]),
        ] {
            parents.make(name).unwrap();
            n_bytes += made.iter().map(|path| path.len()).sum::<usize>();
            let counted = format!("{:?}", parents.implied);
            assert!(
                counted.contains(&format!("path_bytes: {n_bytes},")),
                "{name} {counted}"
            );
            assert!(made.iter().all(|path| home.path().join(path).is_dir()));
        }
    }

    /// An entry dated 7; a directory if its name ends in `/`, a link if it has a target.
    fn entry(name: &str, kind: Kind, mode: u32, text: &str) -> Vec<u8> {
        let is_file = kind == Kind::File;
        let mut bytes = header_group(&Entry {
            name: name.into(),
            link_name: if is_file { Vec::new() } else { text.into() },
            kind,
            size: if is_file { text.len() as u64 } else { 0 },
            mode,
            mtime: Mtime::of_seconds(7),
            ..Entry::file()
        });
        if is_file {
            bytes.extend_from_slice(text.as_bytes());
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes
    }

    fn file(name: &str, mode: u32, text: &str) -> Vec<u8> {
        entry(name, Kind::File, mode, text)
    }

    fn directory(name: &str, mode: u32) -> Vec<u8> {
        entry(name, Kind::Directory, mode, "")
    }

    #[test]
    fn a_layer_is_shown_as_it_is_and_nothing_else() {
        let long = "x/".repeat(names::MAX_BYTES / 2) + "y";
        let layer = [
            file("../outside", 0o644, "x"),
            file(&long, 0o644, "x"),
            directory("./", 0o755),
            directory("d/", 0o700),
            directory("d/", 0o755),
            file("d/first", 0o200, "one"),
            file("d/first", 0o644, "two"),
            file("d/.wh.gone", 0o644, ""),
            entry("link", Kind::Symlink, 0o777, "d"),
            directory("link/", 0o755),
            file("f", 0o644, "f"),
            directory("f/", 0o711),
            entry("same", Kind::HardLink, 0o644, "d/first"),
            entry("lower", Kind::HardLink, 0o644, "gone/file"),
            entry("below", Kind::HardLink, 0o644, "f/file"),
            entry("up", Kind::HardLink, 0o644, "../f"),
            entry("pipe", Kind::Fifo, 0o644, ""),
            entry("device", Kind::CharDevice, 0o644, ""),
            file("last", 0o6751, "last"),
        ];
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("layer");
        fs::create_dir(&root).unwrap();
        let bytes = layer.concat();
        extract_all(
            &mut TarReader::new(Stream(bytes.as_slice())),
            "layer",
            &root,
        )
        .unwrap();
        let mut lines = Vec::new();
        for (directory, prefix) in [(root.clone(), ""), (root.join("d"), "d/")] {
            for item in fs::read_dir(directory).unwrap() {
                let item = item.unwrap();
                let (path, name) = (item.path(), item.file_name().into_string().unwrap());
                let there = path.symlink_metadata().unwrap();
                assert_eq!(there.mtime(), 7, "{name}");
                let text = match fs::read_link(&path) {
                    Ok(target) => target.display().to_string(),
                    Err(_) => fs::read_to_string(&path).unwrap_or_default(),
                };
                lines.push(format!("{prefix}{name} {:o} {text}", there.mode() & 0o7777));
            }
        }
        lines.sort();
        let expected = [
            "d 700 ",
            "d/.wh.gone 644 ",
            "d/first 600 one",
            "f 644 f",
            "last 751 last",
            "link 777 d",
            "same 600 one",
        ];
        assert_eq!(lines, expected);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
        // What cannot be read is told as the layer's.
        let cut = file("f", 0o644, "text");
        let home = tempfile::tempdir().unwrap();
        let mut reader = TarReader::new(Stream(&cut[..200]));
        let told = extract_all(&mut reader, "layer", home.path()).unwrap_err();
        assert!(told.to_string().contains("`layer`"), "{told}");
    }

    /// What a link leads to may be in a lower layer.
    #[test]
    fn a_link_is_left_out_only_where_its_target_is_not_there() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("file"), "").unwrap();
        let root = File::open(home.path()).unwrap();
        let too_long = format!("{}/file", "x".repeat(300));
        for (target, is_left_out, is_there) in [
            ("file", false, true),
            ("lower/file", true, false),
            ("file/file", true, false),
            ("absent", true, false),
            (&too_long, false, false),
        ] {
            let entry = Entry {
                name: b"link".to_vec(),
                kind: Kind::HardLink,
                link_name: target.into(),
                ..Entry::file()
            };
            let mut reader = TarReader::new(Stream(&[][..]));
            let parent = File::open(home.path()).unwrap().into();
            let result = extract_entry(&mut reader, &entry, &root, &parent, "link");
            assert_eq!(result.is_ok(), is_left_out || is_there, "{target}");
            let link = home.path().join("link");
            assert_eq!(link.exists(), is_there, "{target}");
            std::fs::remove_file(link).ok();
        }
    }
}
