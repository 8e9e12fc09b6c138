//! The ways to name a file or a directory that is there, and one that is not there yet.

use std::os::unix::fs::symlink;

use ocipatch::ledger::WrittenAs;

use super::home::Home;
use super::table::{Place, Written};

/// A way to name something.
#[derive(Debug, Clone)]
pub(super) enum Spelling {
    /// By this path.
    Path(String),
    /// By a symbolic link to this path.
    Symlink(String),
    /// By another symbolic link that leads to one.
    SecondSymlink(String),
    /// By a path through a link to the directory that it is in.
    ThroughLink(String),
    /// By a hard link to this path.
    Hardlink(String),
    /// By an absolute path.
    Absolute(String),
}

/// Returns the ways to name something that exists, and, if that is a directory, something in it; what gets some files
/// may get others too.
pub(super) fn of_existing(
    home: &Home,
    path: &str,
    other: Place,
    written: &Written,
) -> Vec<Spelling> {
    let mut spellings = names(path);
    if other != Place::Directory && home.path(path).is_dir() {
        spellings.extend(names(&format!("{path}/new")));
        if let Some(inside) = home.file_in(path) {
            spellings.extend(names(&inside));
            spellings.push(Spelling::Hardlink(inside));
        }
        spellings.push(Spelling::Path(format!("{path}/missing/new")));
    } else if home.path(path).is_file() {
        spellings.push(Spelling::Hardlink(path.to_owned()));
    }
    if written.place == Place::Tree {
        let (around, _) = path.rsplit_once('/').unwrap();
        spellings.push(Spelling::Path(around.to_owned()));
        spellings.push(Spelling::Symlink(around.to_owned()));
    }
    spellings.retain(|spelling| spelling.fits(home, written));
    spellings
}

/// Returns the ways to name what another role is going to make, and, if that is a directory, something in it.
pub(super) fn of_missing(home: &Home, other: &Written, written: &Written) -> Vec<Spelling> {
    let path = home.path_of(other);
    if other.place == Place::Stream || home.path(&path).exists() {
        return Vec::new();
    }
    let mut spellings = names(&path);
    if other.place == Place::Tree {
        spellings.extend(names(&format!("{path}/new")));
    }
    spellings.retain(|spelling| spelling.fits(home, written));
    spellings
}

fn names(path: &str) -> Vec<Spelling> {
    let (directory, name) = path.rsplit_once('/').unwrap();
    let parent = directory.rsplit('/').next().unwrap();
    let path = path.to_owned();
    vec![
        Spelling::Path(path.clone()),
        Spelling::Path(format!("./{directory}/../{parent}/{name}")),
        Spelling::Path(format!("{directory}//./{name}")),
        Spelling::Absolute(path.clone()),
        Spelling::Symlink(path.clone()),
        Spelling::SecondSymlink(path.clone()),
        Spelling::ThroughLink(path),
    ]
}

impl Spelling {
    /// Tells whether a path of that kind can be given so.
    fn fits(&self, home: &Home, written: &Written) -> bool {
        let target = home.path(self.target());
        let tar = home.path(&home.layer_tar());
        if written.argument == "output" && target.file_name() == tar.file_name() {
            // Elsewhere the patch could not name the tars.
            return matches!(self, Self::Path(path) if *path == home.layer_tar());
        }
        match written.place {
            // What is at a fixed path can only be another name of a file.
            Place::Fixed => match self {
                Self::Symlink(_) | Self::SecondSymlink(_) => !target.is_dir(),
                Self::Hardlink(_) => true,
                _ => false,
            },
            // A shell would not open a directory, or a file in a missing one.
            Place::Stream => !target.is_dir() && target.parent().unwrap().is_dir(),
            // A hard link to a directory does not exist, and a file is no place for one.
            Place::Tree | Place::Directory => !matches!(self, Self::Hardlink(_)),
            // There another error of the command line comes first.
            Place::File => written.role != WrittenAs::Output || !target.is_dir(),
        }
    }

    fn target(&self) -> &str {
        match self {
            Self::Path(path)
            | Self::Symlink(path)
            | Self::SecondSymlink(path)
            | Self::ThroughLink(path)
            | Self::Hardlink(path)
            | Self::Absolute(path) => path,
        }
    }

    /// Makes the links that this spelling needs; returns the path to give to `written`.
    pub(super) fn put(&self, home: &Home, written: &Written) -> String {
        let link = link_for(home, written);
        let at = home.path(&link);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        let target = home.path(self.target());
        match self {
            Self::Path(path) => return path.clone(),
            Self::Absolute(_) => return target.to_str().unwrap().to_owned(),
            Self::Symlink(_) => symlink(target, at).unwrap(),
            Self::SecondSymlink(path) => {
                symlink(format!("../{path}"), home.path("links/first")).unwrap();
                symlink(home.path("links/first"), at).unwrap();
            }
            Self::ThroughLink(_) => {
                symlink(target.parent().unwrap(), &at).unwrap();
                let name = target.file_name().unwrap().to_str().unwrap();
                return format!("{link}/{name}");
            }
            Self::Hardlink(_) => std::fs::hard_link(target, at).unwrap(),
        }
        link
    }

    /// Removes what [`Spelling::put`] made.
    pub(super) fn remove(home: &Home, written: &Written) {
        for link in [link_for(home, written), "links/first".to_owned()] {
            let _ = std::fs::remove_file(home.path(&link));
        }
    }
}

/// Returns the path that is a link to what is named.
fn link_for(home: &Home, written: &Written) -> String {
    match written.place {
        Place::Fixed => home.layer_tar(),
        _ => "links/link".to_owned(),
    }
}
