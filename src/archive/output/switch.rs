//! Changing an extracted archive by new files and one document: the rename of that document is the change.
//!
//! Nothing that was there is touched before it, and nothing that it stops naming goes before it lasts. So a reader finds
//! the old images or the new ones, complete, whenever it comes, and two waits for the disk are enough.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};

use super::file::quoted;
use super::journal::{Line, date, format_lines, hidden, parse_lines, remove};
use super::pending::{PendingFile, sync_directory, together};
use super::place::{DOCUMENTS, put};
use crate::archive::draft::{Content, Draft, DraftEntry, NewEntry};
use crate::archive::source::directory::open_parent;
use crate::digest::Digest;
use crate::error::Error;
use crate::printable;

/// The journal: there while a change is under way, and until what it made superfluous is gone.
const JOURNAL: &str = ".journal.ocipatch";
/// The last line: a journal without it was cut short before anything else was made to last.
const END: &str = "end\n";
/// A line per entry of an archive. In bytes.
const MAX_JOURNAL_BYTES: u64 = 64 << 20;

/// A change of one document, and of what it names.
#[derive(Debug)]
pub(in crate::archive) struct Switch {
    document: String,
    old: Digest,
    new: Digest,
    lines: Vec<Line>,
}

/// What a directory has of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The document is the old one.
    Before,
    /// The document is the new one.
    After,
    /// Somebody has written another document since.
    Overtaken,
}

impl Switch {
    /// Returns the change that `draft` makes, if `lines` says that it replaces one document and nothing else.
    pub(in crate::archive) fn of(draft: &Draft<'_>, lines: &[Line]) -> Result<Option<Self>, Error> {
        let mut replaced = lines.iter().filter_map(|line| match line {
            Line::Replaced(name) => Some(name),
            _ => None,
        });
        let (Some(document), None) = (replaced.next(), replaced.next()) else {
            return Ok(None);
        };
        let is_document = |name: &str| DOCUMENTS.contains(&name);
        let goes = |line: &Line| matches!(line, Line::Obsolete(name) if is_document(name));
        let comes = |line: &Line| matches!(line, Line::Created(name) if is_document(name));
        if !is_document(document) || lines.iter().any(|line| goes(line) || comes(line)) {
            return Ok(None);
        }
        let written = new_entries(draft).find(|entry| entry.name == *document);
        let (Some(Content::Bytes(bytes)), Some(index)) = (
            written.map(|entry| &entry.content),
            draft.source.find(document),
        ) else {
            return Ok(None);
        };
        let old = draft
            .source
            .read(index, crate::archive::MAX_DOCUMENT_BYTES)?;
        let is_replaced = |line: &&Line| !matches!(line, Line::Replaced(_));
        Ok(Some(Self {
            document: document.clone(),
            old: Digest::of(&old),
            new: Digest::of(bytes),
            lines: lines.iter().filter(is_replaced).cloned().collect(),
        }))
    }

    /// Makes the change in the directory `root`, or leaves what was there.
    pub(in crate::archive) fn make(&self, draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
        let journal = self.begin(root)?;
        let made = self
            .prepare(draft, root, journal)
            .and_then(PendingFile::name)
            .and_then(|()| sync_directory(root));
        if let Err(error) = made {
            // What stops it from being taken back now is met again by the next run.
            let _ = self.undo(root);
            return Err(error);
        }
        self.clean_up(root)
            .map_err(|error| error.after(&[quoted(root)], &[]))
    }

    /// Writes down what is going to be done, before anything is.
    fn begin(&self, root: &Path) -> Result<PendingFile, Error> {
        let path = root.join(JOURNAL);
        if path.symlink_metadata().is_ok() {
            return Err(Error::Output {
                place: printable::path(root),
                reason: "was left in the middle of a change, which has to be ended first"
                    .to_owned(),
            });
        }
        let text = format!(
            "= {} {} {}\n{}{END}",
            self.old,
            self.new,
            self.document,
            format_lines(&self.lines)
        );
        let mut journal = PendingFile::create(&path)?;
        (&journal.file)
            .write_all(text.as_bytes())
            .map_err(Error::at(&path))?;
        journal.name_new()?;
        Ok(journal)
    }

    /// Makes everything that the new document names last, and the document itself under a hidden name.
    ///
    /// Names come before the one wait for all: nothing leads to them yet, and not every file system makes a file last
    /// that has no name.
    fn prepare(
        &self,
        draft: &Draft<'_>,
        root: &Path,
        journal: PendingFile,
    ) -> Result<PendingFile, Error> {
        // The old document keeps a name, by which it comes back if the new one cannot be made to last.
        let (current, kept) = (root.join(&self.document), root.join(self.kept()));
        let _ = std::fs::remove_file(&kept);
        std::fs::hard_link(&current, &kept).map_err(Error::at(&current))?;
        let mut files = vec![journal];
        let mut document = None;
        let mut directories = vec![root.to_owned()];
        for entry in new_entries(draft) {
            let is_document = entry.name == self.document;
            if let Some(mut pending) = put(draft, entry, root)? {
                if is_document {
                    pending.hide()?;
                    document = Some(pending);
                    continue;
                }
                if matches!(entry.content, Content::Layer(_) | Content::Entry(_)) {
                    // Later runs know a layer by its name and size, and documents by all their bytes.
                    pending.file.sync_all().map_err(Error::at(root))?;
                }
                pending.name_new()?;
                files.push(pending);
            }
            directories.extend(root.join(&entry.name).parent().map(Path::to_owned));
        }
        let document = document.expect("the document is a file among the new entries");
        directories.sort();
        directories.dedup();
        let open = |path: &PathBuf| File::open(path).map_err(Error::at(path));
        let opened: Vec<File> = directories.iter().map(open).collect::<Result<_, _>>()?;
        let mut unsynced: Vec<(&File, &Path)> = vec![(&document.file, &current)];
        unsynced.extend(
            files
                .iter()
                .map(|pending| (&pending.file, pending.target())),
        );
        unsynced.extend(opened.iter().zip(directories.iter().map(PathBuf::as_path)));
        together(&unsynced, |(file, path)| {
            file.sync_all().map_err(Error::at(path))
        })?;
        Ok(document)
    }

    /// Leaves the directory as it was; or as it is, if somebody else has written the document since.
    fn undo(&self, root: &Path) -> Result<(), Error> {
        let handle = File::open(root).map_err(Error::at(root))?;
        match self.stage(&handle, root)? {
            Stage::Before | Stage::After => self.take_back(root),
            Stage::Overtaken => self.end(&handle, root),
        }
    }

    /// Brings back what was there.
    fn take_back(&self, root: &Path) -> Result<(), Error> {
        let handle = File::open(root).map_err(Error::at(root))?;
        if self.stage(&handle, root)? == Stage::After {
            let current = root.join(&self.document);
            std::fs::rename(root.join(self.kept()), &current).map_err(Error::at(&current))?;
        }
        // The document is the old one again before anything that the new one names goes.
        handle.sync_all().map_err(Error::at(root))?;
        for line in self.lines.iter().rev() {
            if let Line::Created(name) = line {
                remove(&handle, root, &hidden(name))?;
                remove(&handle, root, name)?;
            }
        }
        self.end(&handle, root)
    }

    /// Removes what nothing names any more.
    fn clean_up(&self, root: &Path) -> Result<(), Error> {
        let handle = File::open(root).map_err(Error::at(root))?;
        for line in self.lines.iter().rev() {
            if let Line::Obsolete(name) = line {
                remove(&handle, root, name)?;
            }
        }
        self.end(&handle, root)
    }

    fn end(&self, handle: &File, root: &Path) -> Result<(), Error> {
        remove(handle, root, &hidden(&self.document))?;
        remove(handle, root, &self.kept())?;
        date(handle, root, &self.lines)?;
        remove(handle, root, JOURNAL)
    }

    fn stage(&self, handle: &File, root: &Path) -> Result<Stage, Error> {
        let found = read(
            handle,
            root,
            &self.document,
            crate::archive::MAX_DOCUMENT_BYTES,
        )?;
        Ok(match found.map(|bytes| Digest::of(&bytes)) {
            Some(digest) if digest == self.old => Stage::Before,
            Some(digest) if digest == self.new => Stage::After,
            _ => Stage::Overtaken,
        })
    }

    /// The second name of the old document.
    fn kept(&self) -> String {
        hidden(&format!("{}.old", self.document))
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.strip_suffix(END)?.split_once('\n')?;
        let mut words = first.strip_prefix("= ")?.splitn(3, ' ');
        let mut digest = || Digest::parse(words.next()?).ok();
        let (old, new) = (digest()?, digest()?);
        let document = words.next().filter(|name| DOCUMENTS.contains(name))?;
        Some(Self {
            document: document.to_owned(),
            old,
            new,
            lines: parse_lines(rest)?,
        })
    }
}

/// Takes back or ends a change that was cut short, by what the document says.
pub(in crate::archive) fn recover(root: &Path, handle: &File) -> Result<(), Error> {
    let Some(bytes) = read(handle, root, JOURNAL, MAX_JOURNAL_BYTES)? else {
        return Ok(());
    };
    let Some(switch) = std::str::from_utf8(&bytes).ok().and_then(Switch::parse) else {
        // The document is renamed only once the journal lasts.
        for document in DOCUMENTS {
            remove(handle, root, &hidden(document))?;
            remove(handle, root, &hidden(&format!("{document}.old")))?;
        }
        return remove(handle, root, JOURNAL);
    };
    match switch.stage(handle, root)? {
        Stage::After => {
            // A run that was cut short behind the rename may not have waited for it.
            sync_directory(root)?;
            switch.clean_up(root)
        }
        Stage::Before | Stage::Overtaken => switch.undo(root),
    }
}

fn new_entries<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = &'d NewEntry> {
    draft.entries.iter().filter_map(|entry| match entry {
        DraftEntry::New(entry) => Some(entry),
        DraftEntry::Kept(_) => None,
    })
}

/// Reads a file of the directory, following no link; nothing if it is not there.
fn read(root: &File, place: &Path, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = open_parent(root, name)
        .and_then(|(parent, file_name)| Ok(openat(&parent, file_name, flags, Mode::empty())?));
    let path = place.join(name);
    let file = match opened {
        Ok(file) => File::from(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(&path, error)),
    };
    let mut bytes = Vec::new();
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(Error::at(&path))?;
    Ok(Some(bytes))
}
