//! Directories that are there complete or not at all.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, renameat, statat};
use rustix::io::Errno;

use super::file::quoted;
use super::pending::{missing, sync_directory};
use crate::archive::hidden::claim::{claim, list, make_directory, open_directory, sweep};
use crate::archive::hidden::tree::remove_tree;
use crate::error::Error;
use crate::ledger::followed;
use crate::printable;

/// Makes a directory of what `fill` puts into it; it has a hidden name until that is complete. Of several runs that make
/// the same directory one succeeds.
pub(in crate::archive) fn new_directory<T>(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<T, Error>,
) -> Result<T, Error> {
    let not_empty = || Error::NotEmpty {
        place: printable::path(path),
    };
    // A link is followed, so that the directory it names is made and the link stays.
    let (target, _) = followed(path).map_err(Error::at(path))?;
    let Some(name) = target.file_name() else {
        return Err(Error::Output {
            place: printable::path(path),
            reason: "is not a valid name for a new directory".to_owned(),
        });
    };
    match open_directory(&target).and_then(list) {
        Ok(names) if names.is_empty() => {}
        Ok(_) => return Err(not_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(Error::io(path, error)),
    }
    let parent = target.parent().unwrap_or(Path::new(""));
    let directory = open_directory(parent).map_err(|error| missing(path, parent, error))?;
    sweep(&directory, name);
    let make = |hidden: &OsStr| make_directory(&directory, hidden, Mode::from(0o777), |_| Ok(()));
    // The lock is held until the directory has its name.
    let (_lock, hidden) = claim(&directory, name, make).map_err(Error::at(path))?;
    let made = fill(&target.with_file_name(&hidden)).and_then(|filled| {
        // Renaming onto an empty directory replaces it.
        match renameat(&directory, &hidden, &directory, name) {
            Ok(()) => Ok(filled),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Err(not_empty()),
            Err(errno) => Err(Error::io(path, errno.into())),
        }
    });
    match made {
        Ok(filled) => {
            let synced = sync_directory(parent).map(|()| filled);
            synced.map_err(|error| error.after(&[quoted(path)], &[]))
        }
        Err(error) => {
            // What stops it from being removed now is met again by the next run.
            let _ = remove_tree(&directory, &hidden);
            Err(error)
        }
    }
}

/// Makes the names in a directory and below it last; the files are synced already.
pub(in crate::archive) fn sync_tree(root: &Path) -> Result<(), Error> {
    let mut directories: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let failed = |error| Error::io(&directory, error);
        let handle = File::open(&directory).map_err(failed)?;
        for name in list(&handle).map_err(failed)? {
            let status = statat(&handle, &name, AtFlags::SYMLINK_NOFOLLOW);
            let mode = status.map_err(|errno| failed(errno.into()))?.st_mode;
            if FileType::from_raw_mode(mode) == FileType::Directory {
                directories.push(directory.join(name));
            }
        }
        handle.sync_all().map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{new_directory, sync_tree};
    use crate::archive::hidden::Place;
    use crate::archive::tests::names;
    use crate::error::Error;

    /// What is in the way is found before anything is made.
    fn never(_: &Path) -> Result<u8, Error> {
        panic!("there is no directory to fill")
    }

    fn fill(directory: &Path) -> Result<u8, Error> {
        let path = directory.join("file");
        fs::write(&path, "").map_err(Error::at(&path))?;
        Ok(7)
    }

    #[test]
    fn a_directory_is_made_where_nothing_is_in_the_way() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("out");
        let refused = |error: Result<u8, Error>| error.unwrap_err().to_string();
        let not_empty = format!("`{}` is a directory that is not empty", out.display());
        // A killed run has left something there.
        let place = Place::of(File::open(home.path()).unwrap()).unwrap();
        fs::create_dir(home.path().join(place.name("out".as_ref()))).unwrap();
        for is_there in [false, true] {
            if is_there {
                fs::create_dir(&out).unwrap();
            }
            let made = new_directory(&out, |hidden| {
                assert_ne!(hidden, out);
                assert_eq!(names(home.path()).len(), 1 + usize::from(is_there));
                fill(hidden)
            });
            assert_eq!((made.unwrap(), names(&out)), (7, vec!["file".to_owned()]));
            assert_eq!(names(home.path()), ["out"]);
            assert_eq!(refused(new_directory(&out, never)), not_empty);
            fs::remove_dir_all(&out).unwrap();
        }
        // Somebody else makes it meanwhile.
        let made = new_directory(&out, |hidden| {
            fs::create_dir(&out).unwrap();
            fs::write(out.join("other"), "").unwrap();
            fill(hidden)
        });
        assert_eq!(refused(made), not_empty);
        assert_eq!(
            (names(home.path()), names(&out)),
            (vec!["out".to_owned()], vec!["other".to_owned()])
        );
        fs::remove_dir_all(&out).unwrap();
        let made = new_directory(&out, |hidden| {
            fs::write(&out, "").unwrap();
            fill(hidden)
        });
        assert_eq!(
            refused(made),
            format!("`{}`: Not a directory (os error 20)", out.display())
        );
        assert_eq!(names(home.path()), ["out"]);
        assert_eq!(
            refused(new_directory(&out, never)),
            format!("`{}`: Not a directory (os error 20)", out.display())
        );
    }

    #[test]
    fn what_cannot_be_filled_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("out");
        let made = new_directory(&out, |hidden| {
            fill(hidden)?;
            Err::<u8, _>(Error::io(Path::new("x"), io::ErrorKind::Other.into()))
        });
        assert_eq!(made.unwrap_err().to_string(), "`x`: other error");
        assert_eq!(names(home.path()), Vec::<String>::new());
    }

    #[test]
    fn a_directory_needs_a_name_and_a_place() {
        let home = tempfile::tempdir().unwrap();
        let told = |path: &Path| new_directory(path, never).unwrap_err().to_string();
        assert_eq!(
            told(Path::new("/..")),
            "`/..` is not a valid name for a new directory"
        );
        let below = home.path().join("gone/out");
        let missing = format!(
            "`{}` cannot be written: there is no directory `{}`",
            below.display(),
            home.path().join("gone").display()
        );
        assert_eq!(told(&below), missing);
        symlink("target", home.path().join("link")).unwrap();
        new_directory(&home.path().join("link"), fill).unwrap();
        assert_eq!(names(home.path()), ["link", "target"]);
        assert!(home.path().join("link").is_symlink());
    }

    #[test]
    fn a_tree_lasts_down_to_its_last_directory() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("a/b")).unwrap();
        fs::write(home.path().join("a/file"), "").unwrap();
        // It leads nowhere that could be waited for.
        symlink("/proc/self", home.path().join("a/link")).unwrap();
        sync_tree(home.path()).unwrap();
        let gone = home.path().join("gone");
        let message = format!(
            "`{}`: No such file or directory (os error 2)",
            gone.display()
        );
        assert_eq!(sync_tree(&gone).unwrap_err().to_string(), message);
    }
}
