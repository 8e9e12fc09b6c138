//! The entries of a draft in a directory, following no link on the way.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::place::{set_metadata, write_content};
use crate::archive::draft::{Draft, DraftEntry};
use crate::archive::source::directory::open_directory;
use crate::archive::source::names;
use crate::error::Error;
use crate::tarball::Kind;

/// Writes every entry of `draft` into the empty directory `root`.
pub(in crate::archive) fn extract(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    let handle = File::open(root).map_err(Error::at(root))?;
    let mut directories = Vec::new();
    for entry in &draft.entries {
        let (name, kind, mode, mtime) = match entry {
            DraftEntry::Kept(index) => {
                let kept = &draft.source.entries()[*index];
                (&kept.name, kept.kind, kept.mode, kept.mtime)
            }
            DraftEntry::New(new) => (&new.name, new.content.kind(), new.mode, new.mtime),
        };
        let path = root.join(name);
        let failed = |source: io::Error| Error::io(&path, source);
        let (parent, file_name) = make_parent(&handle, name).map_err(failed)?;
        match kind {
            Kind::Directory => {
                match rustix::fs::mkdirat(&parent, file_name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(failed(error.into())),
                }
                directories.push((name, mtime));
            }
            Kind::Symlink => {
                let target = match entry {
                    DraftEntry::Kept(index) => draft.source.entries()[*index].link_name.clone(),
                    DraftEntry::New(new) => new.content.link_target(),
                };
                if names::resolve(name, &target).is_none() {
                    let reason = "links to a place outside the archive".to_owned();
                    return Err(Error::BadEntry {
                        name: name.clone(),
                        reason,
                    });
                }
                match rustix::fs::symlinkat(target.as_slice(), &parent, file_name) {
                    // The same entry twice, which the index has found to be identical.
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(failed(error.into())),
                }
            }
            Kind::File | Kind::HardLink => {
                let flags = OFlags::CREATE
                    | OFlags::EXCL
                    | OFlags::WRONLY
                    | OFlags::NOFOLLOW
                    | OFlags::CLOEXEC;
                let file =
                    match rustix::fs::openat(&parent, file_name, flags, Mode::from_raw_mode(0o600))
                    {
                        Ok(file) => File::from(file),
                        // The same entry twice, which the index has found to be identical.
                        Err(rustix::io::Errno::EXIST) => continue,
                        Err(error) => return Err(failed(error.into())),
                    };
                match entry {
                    DraftEntry::Kept(index) => {
                        let data = if kind == Kind::File {
                            *index
                        } else {
                            draft.source.resolve(name, "itself")?
                        };
                        write_content(draft, &crate::archive::Content::Entry(data), &file, &path)?;
                    }
                    DraftEntry::New(new) => write_content(draft, &new.content, &file, &path)?,
                }
                set_metadata(&file, mode & 0o777 | 0o600, mtime).map_err(failed)?;
                file.sync_all().map_err(failed)?;
            }
            _ => {
                let reason = "is a device or a pipe, which no archive of images holds".to_owned();
                return Err(Error::BadEntry {
                    name: name.clone(),
                    reason,
                });
            }
        }
    }
    // Last, since every file made in a directory sets its time.
    for (name, mtime) in directories.into_iter().rev() {
        let path = root.join(name);
        let directory = File::open(&path).map_err(Error::at(&path))?;
        set_metadata(&directory, 0o755, mtime).map_err(Error::at(&path))?;
    }
    Ok(())
}

/// Opens the directory that is to hold `name`, making what is missing, following no link.
pub(in crate::archive) fn make_parent<'n>(
    root: &File,
    name: &'n str,
) -> io::Result<(OwnedFd, &'n str)> {
    make_parent_counting(root, name, |_| Ok(()))
}

/// Does what [`make_parent`] does, and gives each missing directory to `count` before it is made, by the length of its path.
pub(in crate::archive) fn make_parent_counting<'n>(
    root: &File,
    name: &'n str,
    mut count: impl FnMut(usize) -> io::Result<()>,
) -> io::Result<(OwnedFd, &'n str)> {
    let mut directory: OwnedFd = root.try_clone()?.into();
    let mut rest = name;
    while let Some((component, after)) = rest.split_once('/') {
        directory = match open_directory(&directory, component) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                count(name.len() - after.len())?;
                match rustix::fs::mkdirat(&directory, component, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                open_directory(&directory, component)?
            }
            opened => opened?,
        };
        rest = after;
    }
    Ok((directory, rest))
}
