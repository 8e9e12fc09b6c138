//! What makes a change of an extracted archive take place or not: three documents cannot be switched in one step, so
//! what is needed to take the change back is kept beside them until the last one is switched.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};

use super::file::quoted;
use super::pending::{PendingFile, hidden_name, sync_directory};
use super::place::set_mtime;
use crate::archive::source::directory::{LINES, OWN_DIRECTORY, UNDO, open_parent};
use crate::archive::source::names;
use crate::error::Error;
use crate::printable;

/// The change has taken place; what nobody names any more may still be there.
const DONE: &str = "done";
/// A line per entry of an archive. In bytes.
const MAX_JOURNAL_BYTES: u64 = 64 << 20;

/// One line: what is to be done with an entry, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::archive) enum Line {
    /// The entry is made by the change.
    Created(String),
    /// The entry is replaced by the change; what it was is kept beside the journal under the number of the line.
    Replaced(String),
    /// The entry goes with the change.
    Obsolete(String),
    /// The directory is of this time whatever happens in it.
    Dated(String, i64),
}

/// A change under way.
#[derive(Debug)]
pub(in crate::archive) struct Journal {
    root: PathBuf,
    lines: Vec<Line>,
}

impl Journal {
    /// Writes down what `lines` say and keeps the documents as they are.
    pub(in crate::archive) fn begin(root: &Path, lines: Vec<Line>) -> Result<Self, Error> {
        let own = root.join(OWN_DIRECTORY);
        match std::fs::create_dir(&own) {
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists
                    && own.symlink_metadata().is_ok_and(|old| old.is_dir()) => {}
            result => result.map_err(Error::at(&own))?,
        }
        let begun = Self::write(root, &own, &lines);
        if begun.is_err() {
            let _ = std::fs::remove_dir_all(own.join(hidden(UNDO)));
            let _ = std::fs::remove_dir(&own);
        }
        begun?;
        let root = root.to_owned();
        Ok(Self { root, lines })
    }

    fn write(root: &Path, own: &Path, lines: &[Line]) -> Result<(), Error> {
        let temporary = own.join(hidden(UNDO));
        let _ = std::fs::remove_dir_all(&temporary);
        std::fs::create_dir(&temporary).map_err(Error::at(&temporary))?;
        for (number, line) in lines.iter().enumerate() {
            if let Line::Replaced(name) = line {
                let path = root.join(name);
                let kept = temporary.join(number.to_string());
                std::fs::hard_link(&path, kept).map_err(Error::at(&path))?;
            }
        }
        let path = temporary.join(LINES);
        let pending = PendingFile::create(&path)?;
        (&pending.file)
            .write_all(format_lines(lines).as_bytes())
            .map_err(Error::at(&path))?;
        pending.file.sync_all().map_err(Error::at(&path))?;
        pending.name()?;
        let undo = own.join(UNDO);
        std::fs::rename(&temporary, &undo).map_err(Error::at(&undo))?;
        sync_directory(own)
    }

    /// Ends the change: from here on there is no way back, and what is obsolete goes.
    pub(in crate::archive) fn commit(self) -> Result<(), Error> {
        let own = self.root.join(OWN_DIRECTORY);
        let (undo, done) = (own.join(UNDO), own.join(DONE));
        if let Err(error) = std::fs::rename(&undo, &done) {
            self.take_back();
            return Err(Error::io(&undo, error));
        }
        sync_directory(&own)
            .and_then(|()| clean_up(&self.root, &self.lines))
            .map_err(|error| error.after(&[quoted(&self.root)], &[]))
    }

    /// Takes the change back; what stops it from being taken back now is met again by the next run.
    pub(in crate::archive) fn take_back(self) {
        let _ = take_back(&self.root, &self.lines);
    }
}

/// Takes back or ends what a run that was cut short has left in the directory `root`.
pub(in crate::archive) fn recover(root: &Path, handle: &File) -> Result<(), Error> {
    if let Some(lines) = read(handle, root, UNDO)? {
        take_back(root, &lines)?;
    }
    if let Some(lines) = read(handle, root, DONE)? {
        clean_up(root, &lines)?;
    }
    Ok(())
}

/// Reads a journal, following no link; its names are those of entries and lead nowhere else.
fn read(root: &File, place: &Path, state: &str) -> Result<Option<Vec<Line>>, Error> {
    let name = format!("{OWN_DIRECTORY}/{state}/{LINES}");
    let path = place.join(&name);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = open_parent(root, &name)
        .and_then(|(parent, file_name)| Ok(openat(&parent, file_name, flags, Mode::empty())?));
    let file = match opened {
        Ok(file) => File::from(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(&path, error)),
    };
    let mut text = String::new();
    file.take(MAX_JOURNAL_BYTES)
        .read_to_string(&mut text)
        .map_err(Error::at(&path))?;
    parse_lines(&text).map(Some).ok_or_else(|| Error::BadEntry {
        name: printable::path(&path),
        reason: "is no journal of a change".to_owned(),
    })
}

/// Writes lines as text.
pub(in crate::archive) fn format_lines(lines: &[Line]) -> String {
    let lines = lines.iter().map(|line| match line {
        Line::Created(name) => format!("+ {name}\n"),
        Line::Replaced(name) => format!("~ {name}\n"),
        Line::Obsolete(name) => format!("- {name}\n"),
        Line::Dated(name, time) => format!("{time} {name}\n"),
    });
    lines.collect()
}

/// Reads lines from text; their names lead nowhere but into the directory.
pub(in crate::archive) fn parse_lines(text: &str) -> Option<Vec<Line>> {
    let line = |line: &str| {
        let (what, name) = line.split_once(' ')?;
        let name = names::clean(name.as_bytes()).filter(|name| !name.is_empty())?;
        Some(match what {
            "+" => Line::Created(name),
            "~" => Line::Replaced(name),
            "-" => Line::Obsolete(name),
            time => Line::Dated(name, time.parse().ok()?),
        })
    };
    text.lines().map(line).collect()
}

fn take_back(root: &Path, lines: &[Line]) -> Result<(), Error> {
    let handle = File::open(root).map_err(Error::at(root))?;
    let undo = root.join(OWN_DIRECTORY).join(UNDO);
    for (number, line) in lines.iter().enumerate().rev() {
        if let Line::Replaced(name) = line {
            remove(&handle, root, &hidden(name))?;
            let kept = undo.join(number.to_string());
            let (parent, file_name) = open_parent(&handle, name).map_err(Error::at(root))?;
            match rustix::fs::renameat(rustix::fs::CWD, &kept, &parent, file_name) {
                Err(rustix::io::Errno::NOENT) => {}
                result => result.map_err(|error| Error::io(&root.join(name), error.into()))?,
            }
        }
    }
    // The documents are the old ones again before anything that the new ones name goes.
    sync_directory(root)?;
    for line in lines.iter().rev() {
        if let Line::Created(name) = line {
            remove(&handle, root, &hidden(name))?;
            remove(&handle, root, name)?;
        }
    }
    end(&handle, root, lines, UNDO)
}

fn clean_up(root: &Path, lines: &[Line]) -> Result<(), Error> {
    let handle = File::open(root).map_err(Error::at(root))?;
    for line in lines.iter().rev() {
        if let Line::Obsolete(name) = line {
            remove(&handle, root, name)?;
        }
    }
    end(&handle, root, lines, DONE)
}

/// Gives the directories their times back.
pub(in crate::archive) fn date(handle: &File, root: &Path, lines: &[Line]) -> Result<(), Error> {
    for line in lines {
        let Line::Dated(name, time) = line else {
            continue;
        };
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        let opened = open_parent(handle, name)
            .and_then(|(parent, file_name)| Ok(openat(&parent, file_name, flags, Mode::empty())?));
        match opened {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            Err(error) => return Err(Error::io(&root.join(name), error)),
            Ok(directory) => set_mtime(&directory.into(), *time).map_err(Error::at(root))?,
        }
    }
    Ok(())
}

/// Dates the directories and removes the journal.
fn end(handle: &File, root: &Path, lines: &[Line], state: &str) -> Result<(), Error> {
    date(handle, root, lines)?;
    if state == UNDO {
        // What was taken back has to be back before the journal goes; what is obsolete may come up again.
        sync_directory(root)?;
    }
    let own = root.join(OWN_DIRECTORY);
    let journal = own.join(state);
    std::fs::remove_dir_all(&journal).map_err(Error::at(&journal))?;
    // What `unpack` keeps there stays.
    let _ = std::fs::remove_dir(&own);
    Ok(())
}

/// Removes an entry, or a directory that is empty; a file of somebody else's keeps its directory.
pub(in crate::archive) fn remove(handle: &File, root: &Path, name: &str) -> Result<(), Error> {
    use rustix::fs::{AtFlags, unlinkat};
    use rustix::io::Errno;
    let removed = open_parent(handle, name).and_then(|(parent, file_name)| {
        match unlinkat(&parent, file_name, AtFlags::empty()) {
            Err(Errno::ISDIR) => Ok(unlinkat(&parent, file_name, AtFlags::REMOVEDIR)?),
            result => Ok(result?),
        }
    });
    match removed {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::DirectoryNotEmpty
                    // A link stands where the entry's directory should: the entry was never made.
                    | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(())
        }
        result => result.map_err(Error::at(&root.join(name))),
    }
}

/// The name that an entry has until it is complete, where it needs one.
pub(in crate::archive) fn hidden(name: &str) -> String {
    hidden_name(Path::new(name)).to_string_lossy().into_owned()
}
