//! Files that get their name when they are complete, and what makes them last.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, linkat, statat};
use rustix::io::Errno;

use crate::archive::hidden::Place;
use crate::archive::hidden::claim::{
    claim_file, hold, nameless, open_directory, or_here, release, sweep,
};
use crate::error::Error;
use crate::printable;

/// A file on its way to a name. Until then it has none, or a hidden one where the file system has no nameless files.
#[derive(Debug)]
pub(crate) struct PendingFile {
    pub(crate) file: File,
    target: PathBuf,
    /// The hidden name, where the file has one already.
    hidden: Option<PathBuf>,
}

impl PendingFile {
    /// Opens a file that will get the name `target`, and removes what killed runs have left on their way to that name.
    pub(crate) fn create(target: &Path) -> Result<Self, Error> {
        let parent = target.parent().unwrap_or(Path::new(""));
        let directory = open_directory(parent).map_err(|error| missing(target, parent, error))?;
        let name = target.file_name().unwrap_or_default();
        sweep(&directory, name);
        let mode = Mode::from(0o666);
        let failed = |errno: Errno| Error::io(or_here(parent), errno.into());
        let file = nameless(&directory, mode).map_err(failed)?;
        // One that nobody can give a name is of no use.
        let (file, hidden) = if let Some(file) = file.filter(|file| proc_path(file).is_some()) {
            (file, None)
        } else {
            let claimed = claim_file(&directory, name, mode);
            let (file, hidden) = claimed.map_err(Error::at(target))?;
            (file, Some(target.with_file_name(hidden)))
        };
        Ok(Self {
            file,
            target: target.to_owned(),
            hidden,
        })
    }

    /// Removes what killed runs have left on their way to the name `target`.
    pub(in crate::archive) fn tidy(target: &Path) -> Result<(), Error> {
        let parent = target.parent().unwrap_or(Path::new(""));
        let directory = open_directory(parent).map_err(|error| missing(target, parent, error))?;
        sweep(&directory, target.file_name().unwrap_or_default());
        Ok(())
    }

    /// Returns the name that it will get.
    pub(in crate::archive) fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the content, which lasts already, its name. That lasts once its directory is synced.
    pub(in crate::archive) fn name(self) -> Result<(), Error> {
        self.name_if(|| Ok(()))
    }

    /// Gives the content its name, if `check`, which is called right before that, finds no reason against it.
    pub(in crate::archive) fn name_if(
        mut self,
        check: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let is_new = self.hidden.is_none() && self.target.symlink_metadata().is_err();
        if !is_new {
            self.hide()?;
        }
        check()?;
        // Something may have got the name since we looked: then as over a file that was there.
        if !is_new || link(&self.file, &self.target).is_err() {
            self.hide()?;
            let hidden = self.hidden.as_ref().expect("it was just hidden");
            std::fs::rename(hidden, &self.target).map_err(Error::at(&self.target))?;
            self.hidden = None;
        }
        Ok(())
    }

    /// Gives the content a hidden name, from which it can be renamed over what has its name.
    fn hide(&mut self) -> Result<(), Error> {
        if self.hidden.is_some() {
            return Ok(());
        }
        let failed = |error| Error::io(&self.target, error);
        let parent = self.target.parent().unwrap_or(Path::new(""));
        let directory = open_directory(parent).map_err(failed)?;
        hold(&self.file).map_err(failed)?;
        let place = Place::of(&directory).map_err(failed)?;
        let name = place.name(self.target.file_name().unwrap_or_default());
        let hidden = self.target.with_file_name(name);
        link(&self.file, &hidden).map_err(failed)?;
        self.hidden = Some(hidden);
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if let Some(path) = &self.hidden {
            // The failure that led here is the one to report.
            let _ = std::fs::remove_file(path);
        }
        // Under its name it may be changed in place from now on.
        release(&self.file);
    }
}

/// Says which directory is missing, where one is.
pub(super) fn missing(target: &Path, directory: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::Output {
            place: printable::path(target),
            reason: format!(
                "cannot be written: there is no directory `{}`",
                printable::path(directory)
            ),
        },
        _ => Error::io(or_here(directory), error),
    }
}

/// Returns the path by which the system knows an open file, where `/proc` is mounted.
fn proc_path(file: impl AsFd) -> Option<PathBuf> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()));
    let is_there = statat(CWD, &path, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    is_there.then_some(path)
}

/// Gives a nameless file a name that nothing has.
fn link(file: &File, path: &Path) -> io::Result<()> {
    let linked = match proc_path(file) {
        Some(open) => linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW),
        // Since Linux 6.10 everybody may do that with files of their own.
        #[cfg(all(target_os = "linux", not(ocipatch_portable)))]
        None => linkat(file, "", CWD, path, AtFlags::EMPTY_PATH),
        // There are no nameless files then.
        #[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
        None => Err(rustix::io::Errno::NOSYS),
    };
    Ok(linked?)
}

/// Makes the names in a directory last.
pub(in crate::archive) fn sync_directory(path: &Path) -> Result<(), Error> {
    let path = or_here(path);
    match File::open(path) {
        // One that nobody may list lasts with everything else.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            rustix::fs::sync();
            Ok(())
        }
        opened => opened
            .and_then(|directory| directory.sync_all())
            .map_err(Error::at(path)),
    }
}

/// Makes the names in each of these directories last.
pub(in crate::archive) fn sync_directories(paths: &[PathBuf]) -> Result<(), Error> {
    paths.iter().try_for_each(|path| sync_directory(path))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{self, Write as _};
    use std::path::{Path, PathBuf};

    use tempfile::TempDir;

    use super::{PendingFile, missing, nameless, open_directory};
    use super::{sync_directories, sync_directory};
    use crate::archive::hidden::Place;
    use crate::archive::hidden::claim::hold;
    use crate::archive::tests::names;
    use crate::error::Error;

    /// The names in a directory, and a file there that is complete but for its name.
    struct Home(TempDir);

    impl Home {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn target(&self) -> PathBuf {
            self.0.path().join("out")
        }

        fn pending(&self) -> PendingFile {
            let mut pending = PendingFile::create(&self.target()).unwrap();
            assert_eq!(pending.target(), self.target());
            pending.file.write_all(b"new").unwrap();
            pending
        }

        fn names(&self) -> Vec<String> {
            names(self.0.path())
        }

        fn text(&self) -> String {
            fs::read_to_string(self.target()).unwrap()
        }

        /// The hidden name of the file, which somebody else cannot have.
        fn hidden(&self) -> String {
            let mut names = self.names();
            names.retain(|name| name.starts_with(".out."));
            assert_eq!(names.len(), 1);
            let name = names.remove(0);
            let file = File::open(self.0.path().join(&name)).unwrap();
            assert!(!hold(&file).unwrap());
            name
        }
    }

    fn refused() -> Result<(), Error> {
        Err(Error::io(Path::new("x"), io::ErrorKind::Other.into()))
    }

    #[test]
    fn a_file_has_its_name_when_it_is_complete() {
        let home = Home::new();
        let pending = home.pending();
        let directory = open_directory(home.0.path()).unwrap();
        let has_nameless = nameless(&directory, 0o600.into()).unwrap().is_some();
        pending
            .name_if(|| {
                if has_nameless && Path::new("/proc/self/fd").exists() {
                    assert_eq!(home.names(), Vec::<String>::new());
                } else {
                    home.hidden();
                }
                Ok(())
            })
            .unwrap();
        assert_eq!(
            (home.names(), home.text()),
            (vec!["out".to_owned()], "new".to_owned())
        );
        // It is nobody's any more.
        assert!(hold(&File::open(home.target()).unwrap()).unwrap());
    }

    #[test]
    fn a_file_that_is_there_is_replaced_and_not_written_to() {
        let home = Home::new();
        fs::write(home.target(), "old").unwrap();
        fs::hard_link(home.target(), home.0.path().join("same")).unwrap();
        let pending = home.pending();
        let check = || {
            home.hidden();
            assert_eq!(home.text(), "old");
            Ok(())
        };
        pending.name_if(check).unwrap();
        assert_eq!(
            (home.names(), home.text()),
            (vec!["out".to_owned(), "same".to_owned()], "new".to_owned())
        );
        assert_eq!(fs::read(home.0.path().join("same")).unwrap(), b"old");
    }

    #[test]
    fn a_file_that_comes_meanwhile_is_replaced() {
        let home = Home::new();
        let pending = home.pending();
        pending
            .name_if(|| {
                fs::write(home.target(), "of another").unwrap();
                Ok(())
            })
            .unwrap();
        assert_eq!(
            (home.names(), home.text()),
            (vec!["out".to_owned()], "new".to_owned())
        );
        // A directory is not, and nothing is left beside it.
        fs::remove_file(home.target()).unwrap();
        let pending = home.pending();
        let named = pending.name_if(|| {
            fs::create_dir(home.target()).unwrap();
            Ok(())
        });
        let message = format!(
            "`{}`: Is a directory (os error 21)",
            home.target().display()
        );
        assert_eq!(named.unwrap_err().to_string(), message);
        assert_eq!(home.names(), ["out"]);
    }

    #[test]
    fn what_may_not_be_named_leaves_nothing() {
        for is_there in [false, true] {
            let home = Home::new();
            if is_there {
                fs::write(home.target(), "old").unwrap();
            }
            let before = home.names();
            home.pending().name_if(refused).unwrap_err();
            drop(home.pending());
            let mut hidden = home.pending();
            hidden.hide().unwrap();
            let name = home.hidden();
            hidden.hide().unwrap();
            assert_eq!(home.hidden(), name);
            drop(hidden);
            assert_eq!(home.names(), before);
        }
    }

    #[test]
    fn what_a_killed_run_has_left_is_removed() {
        let home = Home::new();
        let leave = || {
            let directory = File::open(home.0.path()).unwrap();
            let name = Place::of(directory).unwrap().name("out".as_ref());
            fs::write(home.0.path().join(name), "").unwrap();
        };
        leave();
        PendingFile::tidy(&home.target()).unwrap();
        assert_eq!(home.names(), Vec::<String>::new());
        leave();
        home.pending().name().unwrap();
        assert_eq!(home.names(), ["out"]);
    }

    #[test]
    fn a_directory_that_is_missing_is_told() {
        let home = Home::new();
        fs::write(home.0.path().join("file"), "").unwrap();
        for parent in ["gone", "file"] {
            let parent = home.0.path().join(parent);
            let target = parent.join("out");
            let message = format!(
                "`{}` cannot be written: there is no directory `{}`",
                target.display(),
                parent.display()
            );
            let created = PendingFile::create(&target).unwrap_err();
            let tidied = PendingFile::tidy(&target).unwrap_err();
            assert_eq!(created.to_string(), message);
            assert_eq!(tidied.to_string(), message);
        }
        let other = io::Error::from_raw_os_error(13);
        let told = missing(Path::new("a"), Path::new(""), other).to_string();
        assert_eq!(told, "`.`: Permission denied (os error 13)");
    }

    #[test]
    fn what_cannot_last_is_told() {
        let home = Home::new();
        let gone = home.0.path().join("gone");
        let message = format!(
            "`{}`: No such file or directory (os error 2)",
            gone.display()
        );
        sync_directory(Path::new("")).unwrap();
        sync_directory(home.0.path()).unwrap();
        assert_eq!(sync_directory(&gone).unwrap_err().to_string(), message);
        let both = [home.0.path().to_owned(), gone];
        assert_eq!(sync_directories(&both).unwrap_err().to_string(), message);
    }
}
