//! One run at a time changes an archive in place.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::archive::hidden::claim::{hold, release};
use crate::error::Error;
use crate::printable;

/// Keeps two runs from changing one archive in place at the same time.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        release(&self.file);
    }
}

impl Lock {
    /// Locks the file or directory at `path` until the value is dropped (advisory, `flock`). Nothing is changed by it.
    pub fn take(path: &Path) -> Result<Self, Error> {
        loop {
            refuse_special(path)?;
            let file = File::open(path).map_err(Error::at(path))?;
            if !hold(&file).map_err(Error::at(path))? {
                return Err(busy(path));
            }
            // The run before may have put another file in its place while we opened this one.
            let there = std::fs::metadata(path).map_err(Error::at(path))?;
            let locked = file.metadata().map_err(Error::at(path))?;
            if (locked.dev(), locked.ino()) == (there.dev(), there.ino()) {
                return Ok(Self { file });
            }
        }
    }
}

/// Refuses a device or a pipe, whose opening may wait for ever: no other file can take its place.
pub(in crate::archive) fn refuse_special(path: &Path) -> Result<(), Error> {
    let metadata = std::fs::metadata(path).map_err(Error::at(path))?;
    if metadata.is_file() || metadata.is_dir() {
        return Ok(());
    }
    Err(Error::Output {
        place: printable::path(path),
        reason: "cannot be changed in place".to_owned(),
    })
}

/// The error of an archive that another run is at.
pub(in crate::archive) fn busy(path: &Path) -> Error {
    Error::Output {
        place: printable::path(path),
        reason: "is being changed by another run".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::Lock;

    #[test]
    fn one_run_at_a_time_has_a_file_or_directory() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("app.tar");
        fs::write(&file, "").unwrap();
        for path in [home.path(), &file] {
            let lock = Lock::take(path).unwrap();
            let busy = format!("`{}` is being changed by another run", path.display());
            assert_eq!(Lock::take(path).unwrap_err().to_string(), busy);
            // A process that was started meanwhile has the file open too.
            let also = lock.file.try_clone().unwrap();
            drop(lock);
            Lock::take(path).unwrap();
            drop(also);
        }
        let gone = home.path().join("gone");
        let missing = format!(
            "`{}`: No such file or directory (os error 2)",
            gone.display()
        );
        assert_eq!(Lock::take(&gone).unwrap_err().to_string(), missing);
        let special = Lock::take(Path::new("/dev/null")).unwrap_err();
        assert_eq!(
            special.to_string(),
            "`/dev/null` cannot be changed in place"
        );
    }
}
