//! Waiting for the disk.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Files and directories that wait for the disk, a few of them at once: each is open, and more wait for the same commits
/// of the file system anyway.
#[derive(Debug, Default)]
pub(in crate::archive) struct Waiting {
    open: Vec<(File, PathBuf)>,
}

/// How many wait at once.
const MAX_WAITING: usize = 6;

impl Waiting {
    /// Adds one, whose path is for messages.
    pub(in crate::archive) fn add(&mut self, file: File, path: &Path) -> Result<(), Error> {
        if self.open.len() == MAX_WAITING {
            self.wait()?;
        }
        self.open.push((file, path.to_owned()));
        Ok(())
    }

    /// Returns when all of them last.
    pub(in crate::archive) fn finish(mut self) -> Result<(), Error> {
        self.wait()
    }

    fn wait(&mut self) -> Result<(), Error> {
        let open = std::mem::take(&mut self.open);
        let sync = |(file, path): &(File, PathBuf)| file.sync_all().map_err(Error::at(path));
        let Some((own, others)) = open.split_first() else {
            return Ok(());
        };
        std::thread::scope(|scope| {
            let others = others.iter().map(|other| {
                let thread = std::thread::Builder::new();
                (other, thread.spawn_scoped(scope, move || sync(other)))
            });
            let others: Vec<_> = others.collect();
            let own = sync(own);
            others
                .into_iter()
                .map(|(other, thread)| match thread {
                    Ok(thread) => thread.join().expect("syncing does not panic"),
                    // No thread to be had: then one after another.
                    Err(_) => sync(other),
                })
                .fold(own, Result::and)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use super::{MAX_WAITING, Waiting};

    /// A pipe cannot be synced.
    #[test]
    fn whichever_of_those_that_wait_cannot_last_is_told() {
        let home = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            if name == "pipe" {
                let (_, pipe) = io::pipe().unwrap();
                return File::from(std::os::fd::OwnedFd::from(pipe));
            }
            File::create(home.path().join(name)).unwrap()
        };
        Waiting::default().finish().unwrap();
        let n = MAX_WAITING + 2;
        for bad in 0..=n {
            let mut waiting = Waiting::default();
            let mut told = None;
            for number in 0..n {
                let name = if number == bad { "pipe" } else { "file" };
                // Only when there are too many of them is waited.
                let added = waiting.add(open(name), Path::new(name));
                assert!(added.is_ok() || number == MAX_WAITING);
                told = told.or(added.err());
            }
            told = told.or(waiting.finish().err());
            let told = told.map(|error| error.to_string());
            let expected = (bad < n).then(|| "`pipe`: Invalid argument (os error 22)".to_owned());
            assert_eq!(told, expected, "{bad}");
        }
    }
}
