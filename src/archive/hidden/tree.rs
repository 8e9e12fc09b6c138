//! Removing a directory of ours, however deep it is.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, renameat, unlinkat};
use rustix::io::Errno;

use super::claim::list;
use crate::archive::no_follow::open_directory;

/// Removes the directory `name` with all that is in it; its absence is fine.
///
/// Directories are moved up to the top before they are emptied, so that depth costs neither handles nor stack, and what
/// a kill leaves is still one directory of that name.
pub(in crate::archive) fn remove_tree(parent: impl AsFd, name: &OsStr) -> io::Result<()> {
    let top = match open_directory(&parent, name) {
        Err(Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let mut n_moved = 0;
    loop {
        let names = list(&top)?;
        if names.is_empty() {
            break;
        }
        for item in names {
            match unlinkat(&top, &item, AtFlags::empty()) {
                Err(Errno::ISDIR | Errno::PERM) => {
                    flatten(&top, &item, &mut n_moved)?;
                    unlinkat(&top, &item, AtFlags::REMOVEDIR)?;
                }
                removed => removed?,
            }
        }
    }
    drop(top);
    Ok(unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// Empties the directory `name` of `top`: its directories go to `top`, under numbers that nothing there has.
fn flatten(top: impl AsFd, name: &OsStr, n_moved: &mut u64) -> io::Result<()> {
    let directory = open_directory(&top, name)?;
    for item in list(&directory)? {
        match unlinkat(&directory, &item, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => move_up(&directory, &item, &top, n_moved)?,
            removed => removed?,
        }
    }
    Ok(())
}

fn move_up(
    directory: impl AsFd,
    item: &OsStr,
    top: impl AsFd,
    n_moved: &mut u64,
) -> io::Result<()> {
    loop {
        let number = OsString::from(n_moved.to_string());
        *n_moved += 1;
        match renameat(&directory, item, &top, &number) {
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            moved => return Ok(moved?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs::{self, File};

    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};

    use super::remove_tree;

    #[test]
    fn a_tree_goes_however_deep_and_wide_it_is() {
        let home = tempfile::tempdir().unwrap();
        let handle = File::open(home.path()).unwrap();
        fs::create_dir_all(home.path().join("tree/0/1/0")).unwrap();
        fs::create_dir_all(home.path().join("tree/1")).unwrap();
        fs::write(home.path().join("tree/2"), "").unwrap();
        fs::write(home.path().join("tree/0/1/file"), "").unwrap();
        std::os::unix::fs::symlink(home.path(), home.path().join("tree/0/link")).unwrap();
        // Deeper than any path can be written, and than files can be open.
        let mut directory =
            openat(CWD, home.path().join("tree"), OFlags::PATH, Mode::empty()).unwrap();
        for _ in 0..1100 {
            mkdirat(&directory, "deep", Mode::from(0o755)).unwrap();
            directory = openat(&directory, "deep", OFlags::PATH, Mode::empty()).unwrap();
        }
        remove_tree(&handle, OsStr::new("tree")).unwrap();
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        remove_tree(&handle, OsStr::new("tree")).unwrap();
    }
}
