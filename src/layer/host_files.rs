//! Opens the files of source directories one after another; those of one directory through one handle.

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::scan::{HostFile, SourceDirectory, parent};

/// Files on their way into a layer, which come in the order of their directories.
pub(super) struct HostFiles<'a> {
    roots: &'a [SourceDirectory],
    /// The directory that the last file is in: its root, its path and a handle of it.
    directory: Option<(usize, Vec<u8>, OwnedFd)>,
}

impl<'a> HostFiles<'a> {
    pub(super) fn new(roots: &'a [SourceDirectory]) -> Self {
        Self {
            roots,
            directory: None,
        }
    }

    /// Returns the directory that a file was found in.
    pub(super) fn root(&self, file: &HostFile) -> &'a SourceDirectory {
        self.roots
            .get(file.root)
            .expect("content is written with the directories it was composed from")
    }

    /// Opens a file for reading; no component of its path may be a symbolic link.
    pub(super) fn open(&mut self, file: &HostFile) -> Result<File, Errno> {
        let (root, path) = (self.root(file), parent(&file.path));
        let is_it =
            |(root, last, _): &(usize, Vec<u8>, OwnedFd)| *root == file.root && last == path;
        let last = self.directory.take().filter(is_it);
        let directory = match last {
            Some(directory) => directory,
            None => (file.root, path.to_vec(), root.open_directory(path)?),
        };
        let (.., handle) = self.directory.insert(directory);
        SourceDirectory::open_in(handle, &file.path)
    }
}
