//! A change of an archive that lies in a directory: a list of what is done, by which it is ended or taken back after a
//! kill at any moment.
//!
//! A change lives in a directory of its own at the top of the archive, under a hidden name (`hidden`) for [`TARGET`]. That
//! holds the list, `lines`, and every new file under the number of its line, until the file gets its place by a rename.
//! Three steps on the disk decide everything else:
//!
//! ```text
//!                 prepare                     switch                          clean up
//!   Nothing ───────────────────▶ Prepared ───────────────▶ Switching ─────────────────────▶ Nothing
//!   (no `lines`)  `lines` gets    (`lines`; every switched   (the first switched  `lines` is removed
//!                  its name        file is still here)        file has its place)
//! ```
//!
//! | Found | Is | The next run |
//! |---|---|---|
//! | a directory without a whole `lines` | rubbish: nothing outside it was touched, or all is done | removes it |
//! | `lines`, and the first switched file still beside it | the old images, and new files that nothing names | removes those, then `lines`, then the rest |
//! | `lines`, and the first switched file in its place | the new images, perhaps not all in place | renames the rest, removes what is obsolete, dates directories, then removes `lines` and the rest |
//!
//! Each row's work only brings the directory nearer to where it ends, whatever part of it was done before: a rename whose
//! file is gone was made, a file that is not there was removed. `lines` goes before the files that tell the second row
//! from the third. So each can be killed and begun again.
//!
//! *Switched* are entries that exist already, and the documents that say which images there are, in the order of
//! [`DOCUMENTS`]. An OCI layout has one of them, `index.json`, whose rename is the change.
//!
//! A line has the identity of the file that it is about (inode, size, modification time), and only that file is ever
//! replaced or removed: what somebody else has put in its place since stays, and with it what it may name. If that was
//! done before the first rename, the change is forgotten: only its own directory goes.
//!
//! A reader sees what the next run will make ([`Change::show`]), and changes nothing. After a power failure there may be
//! files left that nothing names, since names are waited for once, together with what they name; documents always name
//! what is there.

mod lines;
#[cfg(test)]
mod tests;
mod view;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::archive::hidden::claim::list;
use crate::archive::no_follow;
use crate::archive::source::entry::SourceEntry;
use crate::file_state::FileState;
use crate::tarball::Mtime;

/// The name that a change never gets, and by which its hidden name is known.
pub(in crate::archive) const TARGET: &str = "change";
/// The list; it has this name once it is whole.
pub(in crate::archive) const LINES: &str = "lines";
/// The documents that say which images there are, in the order in which they are switched.
pub(in crate::archive) const DOCUMENTS: [&str; 3] = ["manifest.json", "index.json", "repositories"];
/// Some lines per entry of an archive. In bytes.
const MAX_LINES_BYTES: u64 = 64 << 20;

/// What tells a file from one that somebody else has put in its place. Names and permissions may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) struct Identity {
    pub(in crate::archive) inode: u64,
    pub(in crate::archive) size: u64,
    pub(in crate::archive) mtime: Mtime,
}

impl From<&FileState> for Identity {
    fn from(state: &FileState) -> Self {
        Self {
            inode: state.inode,
            size: state.size,
            mtime: state.mtime,
        }
    }
}

/// One thing that a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::archive) enum Line {
    /// Makes a directory.
    Made(String),
    /// Adds a file or link: this one.
    Created(String, Identity),
    /// Puts a file in the place of another, or of nothing.
    Switched {
        name: String,
        old: Option<Identity>,
        new: Identity,
    },
    /// Removes this file or link.
    Obsolete(String, Identity),
    /// Removes a directory, if nothing is left in it.
    Emptied(String),
    /// Dates a directory, which every change in it dates by the clock: in seconds, before the change and after it.
    Dated { name: String, old: i64, new: i64 },
}

/// A change as it was found in a directory.
#[derive(Debug)]
pub(in crate::archive) struct Change {
    /// Its hidden name.
    pub(in crate::archive) name: OsString,
    pub(in crate::archive) lines: Vec<Line>,
    /// The new files that have no place yet, by the numbers of their lines.
    staged: HashMap<usize, SourceEntry>,
}

/// What becomes of a change that was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) enum Outcome {
    /// It is taken back.
    Back,
    /// Somebody else has changed what it was to switch: it is forgotten, and what it created may be of use to them.
    Forgotten,
    /// It is ended.
    Forward {
        /// Whether nobody else has changed what it switches: only then is it known that nothing names what is obsolete.
        is_alone: bool,
    },
}

impl Change {
    /// Reads the change that has that hidden name in `root`; nothing if it never began or is over.
    pub(in crate::archive) fn read(root: impl AsFd, name: &OsStr) -> io::Result<Option<Self>> {
        let directory = no_follow::open_directory(&root, name)?;
        let file = match no_follow::open(&directory, LINES, OFlags::NONBLOCK) {
            Err(Errno::NOENT) => return Ok(None),
            opened => File::from(opened?),
        };
        let mut text = Vec::new();
        file.take(MAX_LINES_BYTES).read_to_end(&mut text)?;
        let text = std::str::from_utf8(&text).ok();
        let Some(lines) = text.and_then(lines::parse) else {
            return Ok(None);
        };
        let mut staged = HashMap::new();
        for file_name in list(&directory)? {
            let number = file_name.to_str().and_then(|text| text.parse().ok());
            let Some(number) = number.filter(|&number: &usize| number < lines.len()) else {
                continue;
            };
            let entry = SourceEntry::on_disk(&directory, &file_name, String::new())?;
            staged.insert(number, entry);
        }
        Ok(Some(Self {
            name: name.to_owned(),
            lines,
            staged,
        }))
    }

    /// Tells what becomes of the change; `now` looks at an entry of the directory.
    pub(in crate::archive) fn outcome(&self, now: impl Fn(&str) -> Option<Identity>) -> Outcome {
        let switched: Vec<_> = self.switched().collect();
        let is_as_left = |&(number, name, old, new): &(usize, &str, Option<Identity>, Identity)| {
            now(name)
                == if self.is_staged(number) {
                    old
                } else {
                    Some(new)
                }
        };
        let is_alone = switched.iter().all(is_as_left);
        let has_begun = match switched.first() {
            Some((first, ..)) => !self.is_staged(*first),
            // Nothing old is replaced: all that is new has its place, or none of it counts.
            None => self.staged.is_empty(),
        };
        match (has_begun, is_alone) {
            (true, is_alone) => Outcome::Forward { is_alone },
            (false, true) => Outcome::Back,
            (false, false) => Outcome::Forgotten,
        }
    }

    /// Tells whether the new file of that line has no place yet.
    pub(in crate::archive) fn is_staged(&self, number: usize) -> bool {
        self.staged.contains_key(&number)
    }

    /// Returns what is switched, in order: the line's number, the entry, and what it was and is to be.
    pub(in crate::archive) fn switched(
        &self,
    ) -> impl Iterator<Item = (usize, &str, Option<Identity>, Identity)> {
        let lines = self.lines.iter().enumerate();
        lines.filter_map(|(number, line)| match line {
            Line::Switched { name, old, new } => Some((number, name.as_str(), *old, *new)),
            _ => None,
        })
    }
}

/// Writes the list of a change.
pub(in crate::archive) fn format(lines: &[Line]) -> String {
    lines::format(lines)
}
