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

/// Opens a directory, through directories alone; a name of no component is none.
///
/// In one step where the kernel can (Linux 5.6), so that what lies deep costs little more than what does not; else, and to tell
/// what is in the way, component by component.
pub(in crate::archive) fn open_below(
    directory: impl AsFd,
    name: &(impl AsRef<[u8]> + ?Sized),
) -> Result<OwnedFd, Errno> {
    let name = name.as_ref();
    if let Some(opened) = open_in_one_step(&directory, name) {
        return Ok(opened);
    }
    let mut components = name.split(|&byte| byte == b'/');
    let first = components.next().unwrap_or_default();
    let mut opened = open_directory(directory, first)?;
    for component in components {
        opened = open_directory(&opened, component)?;
    }
    Ok(opened)
}

#[cfg(all(target_os = "linux", not(ocipatch_portable)))]
fn open_in_one_step(directory: impl AsFd, name: &[u8]) -> Option<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(directory, name, flags, Mode::empty(), resolve).ok()
}

#[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
fn open_in_one_step(_: impl AsFd, _: &[u8]) -> Option<OwnedFd> {
    None
}

/// Opens a directory.
pub(in crate::archive) fn open_directory(
    directory: impl AsFd,
    name: impl Arg,
) -> Result<OwnedFd, Errno> {
    open(directory, name, OFlags::DIRECTORY)
}
