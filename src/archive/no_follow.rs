//! Opening what is in a directory that is open, following no link.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::path::Arg;

/// Opens a file for reading, or what else `flags` say.
pub(in crate::archive) fn open(
    directory: impl AsFd,
    name: impl Arg,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty())
}

/// Opens a directory.
pub(in crate::archive) fn open_directory(
    directory: impl AsFd,
    name: impl Arg,
) -> Result<OwnedFd, Errno> {
    open(directory, name, OFlags::DIRECTORY)
}
