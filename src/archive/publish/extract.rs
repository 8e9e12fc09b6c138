//! The entries of a draft in a directory, following no link on the way.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::Mode;
use rustix::io::Errno;

use super::content::{create, set_metadata, set_mtime_at, write_content};
use crate::archive::draft::{Draft, DraftEntry};
use crate::archive::no_follow::open_directory;
use crate::archive::source::names;
use crate::error::Error;
use crate::tarball::{ImpliedDirectories, Kind, Mtime, TooManyImplied};
use crate::watch::{self, Counted};

/// Writes every entry of `draft` into the empty directory `root`.
pub(in crate::archive) fn extract(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    // Not the name that it has for now.
    watch::begins(
        || "writing files".to_owned(),
        draft.n_bytes(),
        Counted::Written,
    );
    let handle = File::open(root).map_err(Error::at(root))?;
    let mut directories = Vec::new();
    let mut implied = ImpliedDirectories::default();
    for entry in &draft.entries {
        let (name, kind, mode, mtime, n_link_bytes) = match entry {
            DraftEntry::Kept(index) => {
                let kept = &draft.source.entries()[*index];
                let n_link_bytes = kept.link_name.len();
                (&kept.name, kept.kind, kept.mode, kept.mtime, n_link_bytes)
            }
            DraftEntry::New(new) => (&new.name, new.content.kind(), new.mode, new.mtime, 0),
        };
        let mtime = Mtime::of_seconds(mtime);
        let path = root.join(name);
        let failed = |source: io::Error| Error::io(&path, source);
        implied.count_text(name.len() + n_link_bytes);
        let made = make_parent(&handle, name, |path_bytes| implied.count(path_bytes));
        let (parent, file_name) = made.map_err(|error| match error.downcast() {
            Ok(many) => Error::BadEntry {
                name: name.clone(),
                reason: format!("lies too deep: {}", TooManyImplied::to_string(&many)),
            },
            Err(error) => failed(error),
        })?;
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
                    let reason = "links outside the archive".to_owned();
                    return Err(Error::BadEntry {
                        name: name.clone(),
                        reason,
                    });
                }
                let made = rustix::fs::symlinkat(target.as_slice(), &parent, file_name)
                    .and_then(|()| set_mtime_at(&parent, file_name, mtime));
                match made {
                    // The same entry twice, which the index has found to be identical.
                    Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                    Err(error) => return Err(failed(error.into())),
                }
            }
            Kind::File | Kind::HardLink => {
                let file = match create(&parent, file_name) {
                    Ok(file) => file,
                    // The same entry twice, which the index has found to be identical.
                    Err(Errno::EXIST) => continue,
                    Err(error) => return Err(failed(error.into())),
                };
                match entry {
                    DraftEntry::Kept(_) => {
                        // Of a hard link that leads nowhere there is none.
                        let data = draft.source.resolve(name, "itself")?;
                        write_content(draft, &crate::archive::Content::Entry(data), &file, &path)?;
                    }
                    DraftEntry::New(new) => write_content(draft, &new.content, &file, &path)?,
                }
                set_metadata(&file, mode & 0o777 | 0o600, mtime).map_err(failed)?;
                file.sync_all().map_err(failed)?;
            }
            Kind::Unsupported(flag) => {
                return Err(Error::BadEntry {
                    name: name.clone(),
                    reason: format!("has {flag}, which image archives do not contain"),
                });
            }
            _ => {
                let reason =
                    "is a device or a pipe, which image archives do not contain".to_owned();
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

/// Opens the directory that is to hold `name`, making what is missing, following no link. Each directory that is missing is
/// given to `count` before it is made, by the length of its path below `root`.
pub(in crate::archive) fn make_parent<'n>(
    root: &impl AsFd,
    name: &'n str,
    mut count: impl FnMut(usize) -> Result<(), TooManyImplied>,
) -> io::Result<(OwnedFd, &'n str)> {
    let mut directory = root.as_fd().try_clone_to_owned()?;
    let mut rest = name;
    while let Some((component, after)) = rest.split_once('/') {
        directory = match open_directory(&directory, component) {
            Err(Errno::NOENT) => {
                count(name.len() - after.len()).map_err(io::Error::other)?;
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::make_parent;

    #[test]
    fn each_missing_directory_is_counted_by_its_path() {
        let home = tempfile::tempdir().unwrap();
        let root = File::open(home.path()).unwrap();
        for (name, expected) in [
            ("top", &[][..]),
            ("a/bc/x", &[2, 5]),
            ("a/bc/y", &[]),
            ("a/d/x", &[4]),
        ] {
            let mut counted = Vec::new();
            let made = make_parent(&root, name, |n_bytes| {
                counted.push(n_bytes);
                Ok(())
            });
            assert_eq!(
                made.unwrap().1,
                &name[name.len() - name.rsplit('/').next().unwrap().len()..]
            );
            assert_eq!(counted, expected, "{name}");
        }
        assert!(home.path().join("a/bc").is_dir());
    }
}
