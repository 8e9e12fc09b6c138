//! Paths without their links: those that exist, and those that are going to.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::io::Errno;

/// As many links as Linux follows (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Whether a path leads to a file that some process has open, by way of `/proc` or `/dev/fd`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Descriptor {
    /// It does not.
    None,
    /// It does, under this number in this process.
    Own(u32),
    /// It does, in another process.
    Foreign,
}

/// Follows the links that a path ends in, to the name that a file has or will have; or to an open file, which is a
/// stream that must not be replaced.
pub(crate) fn followed(path: &Path) -> io::Result<(PathBuf, Descriptor)> {
    // Of links that strangers leave in a directory such as `/tmp` the system follows none (`fs.protected_symlinks`).
    if rustix::fs::stat(path).err() == Some(Errno::ACCESS) {
        return Err(Errno::ACCESS.into());
    }
    let mut path = path.to_owned();
    for _ in 0..=MAX_LINKS {
        let descriptor = descriptor(&path);
        if descriptor != Descriptor::None {
            return Ok((path, descriptor));
        }
        match std::fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok((path, Descriptor::None)),
        }
    }
    Err(Errno::LOOP.into())
}

/// Returns what a path such as `/proc/self/fd/1` or `/proc/7/task/8/fd/1` names; links in its last component are not
/// followed.
fn descriptor(path: &Path) -> Descriptor {
    let number = |path: &Path| path.file_name()?.to_str()?.parse().ok();
    let (Some(number), Some(parent)) = (number(path), path.parent()) else {
        return Descriptor::None;
    };
    // Also where there is no `/proc`: nothing else is meant.
    if [Path::new("/dev/fd"), Path::new("/proc/self/fd")].contains(&parent) {
        return Descriptor::Own(number);
    }
    // A bare name is one of the current directory.
    let Ok(parent) = std::fs::canonicalize(Path::new(".").join(parent)) else {
        return Descriptor::None;
    };
    let is_own = |name: &str| std::fs::canonicalize(name).is_ok_and(|own| own == parent);
    if is_own("/proc/self/fd") || is_own("/proc/thread-self/fd") {
        return Descriptor::Own(number);
    }
    if parent.starts_with("/proc") && parent.ends_with("fd") {
        return Descriptor::Foreign;
    }
    Descriptor::None
}

/// Returns the absolute path without links and `..`; below what does not exist it is taken as spelled.
pub(super) fn resolved(path: &Path) -> Option<PathBuf> {
    let cwd = rustix::process::getcwd(Vec::new()).ok()?;
    let mut real = PathBuf::from(OsString::from_vec(cwd.into_bytes()));
    let mut rest: VecDeque<OsString> = names(path);
    let mut n_links = 0;
    while let Some(name) = rest.pop_front() {
        match Path::new(&name).components().next()? {
            Component::RootDir => real = PathBuf::from("/"),
            Component::ParentDir => {
                real.pop();
            }
            Component::Normal(_) => {
                real.push(&name);
                if let Ok(target) = std::fs::read_link(&real) {
                    n_links += 1;
                    if n_links > MAX_LINKS {
                        return None;
                    }
                    real.pop();
                    for name in names(&target).into_iter().rev() {
                        rest.push_front(name);
                    }
                }
            }
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Some(real)
}

fn names(path: &Path) -> VecDeque<OsString> {
    let components = path.components();
    components.map(|part| part.as_os_str().to_owned()).collect()
}
