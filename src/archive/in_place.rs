//! Revising an extracted archive where it lies: new files first, then the documents that name them, then what nothing
//! names any more goes. Readers see the old images or the new ones.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::draft::{Content, Draft, DraftEntry, NewEntry};
use super::publish::{PendingFile, sync_directory};
use super::write::Sink;
use crate::error::Error;
use crate::tarball::Kind;

/// The documents that say which images there are, in the order in which they are switched.
const DOCUMENTS: [&str; 3] = ["manifest.json", "index.json", "repositories"];

/// Writes the changes of `draft` into the directory `root` that it was made from.
pub(super) fn revise_directory(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    let is_document = |name: &str| DOCUMENTS.contains(&name);
    let new = || {
        draft.entries.iter().filter_map(|entry| match entry {
            DraftEntry::New(entry) => Some(entry),
            DraftEntry::Kept(_) => None,
        })
    };
    let mut created = Created(Vec::new());
    for entry in new().filter(|entry| !is_document(&entry.name)) {
        put(draft, entry, root, &mut created)?;
    }
    created.sync(root)?;
    for document in DOCUMENTS {
        for entry in new().filter(|entry| entry.name == document) {
            put(draft, entry, root, &mut created)?;
        }
        // From the first document on there is no way back, only forward.
        created.0.clear();
    }
    remove_orphans(draft, root)?;
    date_directories(draft, root)?;
    sync_directory(root)
}

/// Every change in a directory dates it by the clock; what is in the archive does not come from a clock.
fn date_directories(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    for entry in &draft.entries {
        let (name, mtime) = match entry {
            DraftEntry::Kept(index) if draft.source.entries()[*index].kind == Kind::Directory => {
                let kept = &draft.source.entries()[*index];
                (&kept.name, kept.mtime)
            }
            DraftEntry::New(new) if new.content == Content::Directory => (&new.name, new.mtime),
            _ => continue,
        };
        let path = root.join(name);
        let directory = File::open(&path).map_err(Error::at(&path))?;
        set_mtime(&directory, mtime).map_err(Error::at(&path))?;
    }
    Ok(())
}

/// What was made so far and is to go again if the rest fails.
struct Created(Vec<PathBuf>);

impl Created {
    /// Makes the names of new files durable before a document names them.
    fn sync(&self, root: &Path) -> Result<(), Error> {
        let mut directories: Vec<&Path> = self.0.iter().filter_map(|path| path.parent()).collect();
        directories.push(root);
        directories.sort();
        directories.dedup();
        directories.into_iter().try_for_each(sync_directory)
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // The failure that led here is the one to report.
            let _ = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path));
        }
    }
}

fn put(
    draft: &Draft<'_>,
    entry: &NewEntry,
    root: &Path,
    created: &mut Created,
) -> Result<(), Error> {
    let path = root.join(&entry.name);
    let is_new = draft.source.find(&entry.name).is_none();
    if is_new {
        created.0.push(path.clone());
    }
    match &entry.content {
        Content::Directory => match std::fs::create_dir(&path) {
            // A link would lead the files of the directory elsewhere.
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists
                    && path.symlink_metadata().is_ok_and(|old| old.is_dir()) =>
            {
                Ok(())
            }
            result => result.map_err(Error::at(&path)),
        },
        Content::Symlink(target) => {
            let hidden = path.with_file_name(".layer.tar.ocipatch");
            let _ = std::fs::remove_file(&hidden);
            std::os::unix::fs::symlink(target, &hidden).map_err(Error::at(&hidden))?;
            std::fs::rename(&hidden, &path).map_err(Error::at(&path))
        }
        Content::Entry(index) => {
            let old = root.join(&draft.source.entries()[*index].name);
            // A second name costs nothing; the first goes when nobody names it any more.
            match std::fs::hard_link(&old, &path) {
                Ok(()) => Ok(()),
                Err(_) => write_file(draft, entry, &path),
            }
        }
        Content::Bytes(_) | Content::Layer(_) => write_file(draft, entry, &path),
    }
}

fn write_file(draft: &Draft<'_>, entry: &NewEntry, path: &Path) -> Result<(), Error> {
    let pending = PendingFile::create(path)?;
    write_content(draft, &entry.content, &pending.file, path)?;
    let mode = entry.mode & 0o7777;
    set_metadata(&pending.file, mode, entry.mtime).map_err(Error::at(path))?;
    pending.publish()
}

/// Writes the data of a new entry.
pub(super) fn write_content(
    draft: &Draft<'_>,
    content: &Content,
    file: &File,
    path: &Path,
) -> Result<(), Error> {
    let failed = |source| Error::io(path, source);
    match content {
        Content::Directory | Content::Symlink(_) => Ok(()),
        Content::Bytes(bytes) => (&mut &*file).write_all(bytes).map_err(failed),
        Content::Entry(index) => {
            let blob = draft.source.blob(*index)?;
            let mut sink = Sink::Plain(file.try_clone().map_err(failed)?);
            sink.copy(&blob.file, blob.start, blob.start + blob.size)
                .map_err(failed)
        }
        Content::Layer(index) => {
            let mut buffered = io::BufWriter::with_capacity(128 * 1024, file);
            (draft.layers[*index].write)(&mut buffered)?;
            buffered.flush().map_err(failed)
        }
    }
}

/// Sets the permissions and both times, whatever the umask and the clock say.
pub(super) fn set_metadata(file: &File, mode: u32, mtime: i64) -> io::Result<()> {
    rustix::fs::fchmod(file, rustix::fs::Mode::from_raw_mode(mode))?;
    set_mtime(file, mtime)
}

fn set_mtime(file: &File, mtime: i64) -> io::Result<()> {
    use rustix::fs::{Timespec, Timestamps};
    let time = Timespec {
        tv_sec: mtime,
        tv_nsec: 0,
    };
    Ok(rustix::fs::futimens(
        file,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
    )?)
}

/// Removes what the draft leaves out: files first, then directories that are empty now.
fn remove_orphans(draft: &Draft<'_>, root: &Path) -> Result<(), Error> {
    let mut is_needed = vec![false; draft.source.entries().len()];
    for entry in &draft.entries {
        match entry {
            DraftEntry::Kept(index) => is_needed[*index] = true,
            DraftEntry::New(new) => {
                if let Some(index) = draft.source.find(&new.name) {
                    is_needed[index] = true;
                }
            }
        }
    }
    for (entry, _) in draft
        .source
        .entries()
        .iter()
        .zip(is_needed)
        .rev()
        .filter(|(_, is_needed)| !is_needed)
    {
        let path = root.join(&entry.name);
        let removed = if entry.kind == Kind::Directory {
            std::fs::remove_dir(&path)
        } else {
            std::fs::remove_file(&path)
        };
        match removed {
            // A file of somebody else's keeps its directory.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
                ) => {}
            result => result.map_err(Error::at(&path))?,
        }
    }
    Ok(())
}
