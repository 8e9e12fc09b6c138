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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    use super::{Descriptor, MAX_LINKS, descriptor, followed, resolved};

    #[test]
    fn an_open_file_is_told_from_one_with_a_number_for_a_name() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("fd")).unwrap();
        let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
        let own = format!("/proc/{}/fd/5", std::process::id());
        for (path, wanted) in [
            ("/dev/fd/7", Descriptor::Own(7)),
            ("/proc/self/fd/0", Descriptor::Own(0)),
            ("/proc/thread-self/fd/2", Descriptor::Own(2)),
            (&own, Descriptor::Own(5)),
            ("/proc/self/fd/../fd/3", Descriptor::Own(3)),
            ("/proc/1/fd/1", Descriptor::Foreign),
            ("/proc/1/1", Descriptor::None),
            ("/proc/self/fd/x", Descriptor::None),
            (&at("fd/1"), Descriptor::None),
            (&at("gone/1"), Descriptor::None),
            (&at("1"), Descriptor::None),
            ("1", Descriptor::None),
            ("/", Descriptor::None),
        ] {
            assert_eq!(descriptor(Path::new(path)), wanted, "{path}");
        }
    }

    #[test]
    fn links_are_followed_as_far_as_linux_does() {
        let home = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(home.path()).unwrap();
        let at = |n: usize| home.join(n.to_string() + "-");
        fs::write(at(0), "x").unwrap();
        for n in 1..=MAX_LINKS + 2 {
            symlink(at(n - 1).file_name().unwrap(), at(n)).unwrap();
        }
        assert_eq!(followed(&at(MAX_LINKS)).unwrap().0, at(0));
        assert!(followed(&at(MAX_LINKS + 1)).is_err());
        assert_eq!(resolved(&at(MAX_LINKS)), Some(at(0)));
        assert_eq!(resolved(&at(MAX_LINKS + 1)), None);
        symlink("/dev/fd/9", home.join("out")).unwrap();
        let found = followed(&home.join("out")).unwrap();
        assert_eq!(found, (PathBuf::from("/dev/fd/9"), Descriptor::Own(9)));
    }

    #[test]
    fn what_does_not_exist_is_taken_as_spelled() {
        let home = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(home.path()).unwrap();
        fs::create_dir_all(home.join("a/b")).unwrap();
        symlink("a/b", home.join("link")).unwrap();
        for (path, wanted) in [
            ("link", "a/b"),
            ("link/..", "a"),
            ("link/c/d", "a/b/c/d"),
            ("gone/../a", "a"),
            ("./a/./b", "a/b"),
        ] {
            assert_eq!(
                resolved(&home.join(path)),
                Some(home.join(wanted)),
                "{path}"
            );
        }
        let cwd = std::env::current_dir().unwrap();
        assert_eq!(resolved(Path::new("gone")), Some(cwd.join("gone")));
    }
}
