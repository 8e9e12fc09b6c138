//! Names that are taken, kept from others, and swept.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, openat};
use rustix::io::{Errno, FdFlags, fcntl_getfd};
use tempfile::TempDir;

use super::{
    MAX_TRIES, Place, claim, claim_file, hold, is_named, list, lock, make_directory, nameless,
    open_directory, or_here, release, remove, settle, sweep,
};

/// A directory, and a handle that names are made by.
fn home() -> (TempDir, File) {
    let home = tempfile::tempdir().unwrap();
    let directory = open_directory(home.path()).unwrap();
    (home, directory)
}

fn names(directory: &File) -> Vec<OsString> {
    let mut names = list(directory).unwrap();
    names.sort();
    names
}

/// Makes a file as `claim` wants it.
fn make(directory: &File, name: &OsStr) -> Result<File, Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR;
    openat(directory, name, flags, Mode::from(0o600)).map(File::from)
}

fn is_inherited(file: &File) -> bool {
    !fcntl_getfd(file).unwrap().contains(FdFlags::CLOEXEC)
}

const OUT: &str = "out.tar";

#[test]
fn a_directory_is_opened_and_nothing_else() {
    let (home, directory) = home();
    assert!(!is_inherited(&directory));
    fs::write(home.path().join("b"), "").unwrap();
    fs::create_dir(home.path().join("a")).unwrap();
    assert_eq!(names(&directory), ["a", "b"]);
    let refused = open_directory(&home.path().join("b")).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::NotADirectory);
    assert_eq!(or_here(Path::new("")), Path::new("."));
    assert_eq!(or_here(Path::new("a")), Path::new("a"));
}

#[test]
fn a_claimed_file_is_new_and_held() {
    let (home, directory) = home();
    let (mut file, name) = claim_file(&directory, OsStr::new(OUT), Mode::from(0o600)).unwrap();
    let is_ours = |name| Place::of(&directory).unwrap().is_for(name, OsStr::new(OUT));
    assert!(is_ours(name.as_encoded_bytes()) && !is_inherited(&file));
    assert_eq!(names(&directory), [name.as_os_str()]);
    file.write_all(b"all").unwrap();
    file.rewind().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "all");
    let other = File::open(home.path().join(&name)).unwrap();
    assert!(!hold(&other).unwrap() && !lock(&other).unwrap());
    release(&file);
    assert!(hold(&other).unwrap());
}

#[test]
fn another_name_is_tried_until_one_is_free_and_stays() {
    let (home, directory) = home();
    let target = OsStr::new(OUT);
    let tried = RefCell::new(Vec::new());
    let (_, name) = claim(&directory, target, |name| {
        tried.borrow_mut().push(name.to_owned());
        match tried.borrow().len() {
            1 => return Err(Errno::EXIST),
            // A run that sweeps takes it away, another one is about to, and a third has made its own of that name.
            2 => {
                let file = make(&directory, name)?;
                fs::remove_file(home.path().join(name)).unwrap();
                return Ok(file);
            }
            3 => {
                let file = make(&directory, name)?;
                let other = File::open(home.path().join(name)).unwrap();
                assert!(lock(&other).unwrap());
                std::mem::forget(other);
                return Ok(file);
            }
            4 => {
                let file = make(&directory, name)?;
                fs::remove_file(home.path().join(name)).unwrap();
                fs::write(home.path().join(name), "of another").unwrap();
                return Ok(file);
            }
            _ => {}
        }
        make(&directory, name)
    })
    .unwrap();
    let mut tried = tried.into_inner();
    assert_eq!((tried.len(), tried.last()), (5, Some(&name)));
    let mut left = [tried[3].clone(), name];
    left.sort();
    assert_eq!(names(&directory), left);
    tried.sort();
    tried.dedup();
    assert_eq!(tried.len(), 5);
}

#[test]
fn a_name_that_cannot_be_made_is_an_error() {
    let (_home, directory) = home();
    let n_tried = RefCell::new(0);
    let failed = |errno| {
        *n_tried.borrow_mut() = 0;
        let make = |_: &OsStr| {
            *n_tried.borrow_mut() += 1;
            Err(errno)
        };
        let kind = claim(&directory, OsStr::new(OUT), make).unwrap_err().kind();
        (kind, *n_tried.borrow())
    };
    let denied = (io::ErrorKind::PermissionDenied, 1);
    assert_eq!(failed(Errno::ACCESS), denied);
    let taken = (io::ErrorKind::AlreadyExists, MAX_TRIES);
    assert_eq!(failed(Errno::EXIST), taken);
}

#[test]
fn a_name_for_what_the_directory_was_gives_way_to_one_for_what_it_is() {
    let (_home, directory) = home();
    let (_elsewhere, other) = self::home();
    let target = OsStr::new(OUT);
    let place = Place::of(&other).unwrap();
    let name = place.name(target);
    let file = make(&directory, &name).unwrap();
    let right = settle(&directory, target, place, name, &file).unwrap();
    let right = right.unwrap();
    assert_eq!(names(&directory), [right.as_os_str()]);
    let now = Place::of(&directory).unwrap();
    assert!(now.is_for(right.as_encoded_bytes(), target));
    let again = settle(&directory, target, now, right.clone(), &file).unwrap();
    assert_eq!(again, Some(right));
}

#[test]
fn a_file_without_a_name_is_in_no_directory() {
    let (home, directory) = home();
    if let Some(mut file) = nameless(&directory, Mode::from(0o600)).unwrap() {
        assert!(!is_inherited(&file));
        file.write_all(b"all").unwrap();
        file.rewind().unwrap();
        assert_eq!(io::read_to_string(&file).unwrap(), "all");
    }
    assert!(names(&directory).is_empty());
    // No file is ever made there.
    let processes = open_directory(Path::new("/proc")).unwrap();
    assert!(nameless(&processes, Mode::from(0o600)).unwrap().is_none());
    let file = File::create(home.path().join("file")).unwrap();
    let below = nameless(&file, Mode::from(0o600));
    // Where there is no such file, nothing is tried.
    let has_such = cfg!(all(target_os = "linux", not(ocipatch_portable)));
    assert_eq!(below.is_err(), has_such);
}

#[test]
fn a_directory_that_cannot_be_prepared_is_gone() {
    let (home, directory) = home();
    let new = |name: &str, result| {
        make_directory(&directory, OsStr::new(name), Mode::from(0o700), |made| {
            assert!(made.metadata().unwrap().is_dir());
            result
        })
    };
    assert_eq!(new("a", Err(Errno::IO)).unwrap_err(), Errno::IO);
    assert!(names(&directory).is_empty());
    let made = new("a", Ok(())).unwrap();
    assert!(is_named(&directory, OsStr::new("a"), &made).unwrap());
    assert_eq!(new("a", Ok(())).unwrap_err(), Errno::EXIST);
    assert!(home.path().join("a").is_dir());
}

#[cfg(all(target_os = "linux", not(ocipatch_portable)))]
#[test]
fn what_cannot_be_locked_counts_as_held() {
    let (_home, directory) = home();
    // Opened for its name alone, as nothing is on a file system without locks.
    let error = lock(&directory).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert!(hold(&directory).unwrap());
}

#[test]
fn a_name_leads_to_one_file() {
    let (_home, directory) = home();
    let [a, b] = ["a", "b"].map(OsStr::new);
    let file = make(&directory, a).unwrap();
    let _other = make(&directory, b).unwrap();
    let is_named = |name: &str| is_named(&directory, OsStr::new(name), &file);
    assert!(is_named("a").unwrap());
    assert!(!is_named("b").unwrap() && !is_named("c").unwrap());
    assert!(is_named("b/c").is_err());
    remove(&directory, b, &file).unwrap();
    assert_eq!(names(&directory), [a, b]);
    remove(&directory, a, &file).unwrap();
    assert_eq!(names(&directory), [b]);
}

#[test]
fn only_what_a_dead_run_has_left_for_that_target_is_swept() {
    let (home, directory) = home();
    let place = Place::of(&directory).unwrap();
    let name = |target: &str| place.name(OsStr::new(target));
    let left = [name(OUT), name(OUT), name(OUT)];
    make(&directory, &left[0]).unwrap();
    fs::create_dir_all(home.path().join(&left[1]).join("a/b")).unwrap();
    // Nobody writes into it, ever.
    let mode = Mode::from(0o600);
    mknodat(&directory, &left[2], FileType::Fifo, mode, 0).unwrap();
    let of_another = name("other.tar");
    make(&directory, &of_another).unwrap();
    let living = name(OUT);
    let held = make(&directory, &living).unwrap();
    assert!(hold(&held).unwrap());
    // What cannot be removed does not keep the rest.
    let link = name(OUT);
    std::os::unix::fs::symlink("nowhere", home.path().join(&link)).unwrap();
    sweep(&directory, OsStr::new(OUT));
    let mut kept = [of_another, living, link];
    kept.sort();
    assert_eq!(names(&directory), kept);
    let nowhere = openat(CWD, "/proc", OFlags::PATH, Mode::empty()).unwrap();
    sweep(&nowhere.into(), OsStr::new(OUT));
}
