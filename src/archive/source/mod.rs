//! The entries of an archive as it lies on disk: a tar, or a directory that one was extracted into.
//!
//! One pass over the headers builds the index; data is read by position when somebody asks. Nothing is extracted, and
//! no name of the archive is ever given to the operating system to follow.
//!
//! A source hides where bytes lie. This is what others ask it:
//!
//! | Who | Asks for |
//! |---|---|
//! | what reads images (`gather`, `apply`, `diff`) | the stream of a layer, its stored bytes, what it is called in messages |
//! | documents and dialects | what a name leads to, the bytes of a document, how many there are |
//! | drafts | which entries there are, in which order, and what their headers say |
//! | writers | a piece ([`piece::Piece`]): bytes to copy unseen, which neighbours can be joined to |
//! | a change in place (`publish::in_place`, `publish::recover`) | the directory itself: it is the one writer that works where the source lies |
//!
//! An image in a registry is a source too ([`remote`]). Its blobs have digests for names (`blobs/sha256/…`), a size from the
//! descriptor that lists them, and nothing else that a header says; a layer is fetched when it is read, verified while it is, and
//! may be absent as long as it is kept where it is. It has no order and nothing around its entries, so it has neither of `kept`
//! and `around`.

pub(super) mod directory;
pub(super) mod entry;
pub(super) mod headers;
pub(super) mod import;
mod inlet;
pub mod names;
mod open;
pub(super) mod piece;
pub(super) mod remote;
pub(super) mod remote_graph;
mod resolve;
pub(super) mod shelf;
pub(super) mod spool;
mod spooling;
pub(super) mod tar_index;
mod unchanged;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cache::Cache;
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Error;
use crate::file_state::FileState;
use crate::ledger::Location;
use crate::tarball::Kind;
use directory::state_of;
use entry::{Blob, SourceEntry};
use remote::Remote;

/// An indexed archive.
#[derive(Debug)]
pub struct Source {
    /// The file or directory, for messages.
    place: String,
    /// What must not be written while it is read.
    location: Location,
    form: Form,
    entries: Vec<SourceEntry>,
    by_name: HashMap<String, usize>,
    is_walk_ordered: bool,
    /// Where the headers of its layers are looked for and kept.
    cache: Option<Arc<Cache>>,
}

#[derive(Debug)]
enum Form {
    Tar(Tar),
    Directory(Directory),
    Remote(Remote),
}

/// A directory that an archive was extracted into.
#[derive(Debug)]
struct Directory {
    root: File,
    /// Whether a change was found there, whose end moves and links files.
    is_mid_change: bool,
    /// The entries whose data was asked for.
    is_read: Vec<AtomicBool>,
    /// The files outside of the directory that links for blobs lead to.
    linked: Vec<Location>,
}

/// A tar file that can be read by position.
#[derive(Debug)]
struct Tar {
    file: Arc<File>,
    /// Where the entries end and the zero blocks begin.
    end: u64,
    /// All bytes of the file, what follows the zero blocks included.
    length: u64,
    compression: Compression,
    /// The file as it was given, where it is one; compressed, its data is in `file`.
    given: Option<Given>,
}

/// A file that somebody else may change.
#[derive(Debug)]
struct Given {
    /// The open file, where that is not the tar itself.
    compressed: Option<File>,
    /// The state that it was opened in.
    state: FileState,
}

impl Source {
    fn new(place: String, form: Form, entries: Vec<SourceEntry>) -> Result<Self, Error> {
        let is_walk_ordered =
            entries.is_sorted_by(|a, b| names::walk_order(&a.name, &b.name).is_lt());
        let mut source = Self {
            place,
            location: Location::default(),
            form,
            entries,
            by_name: HashMap::new(),
            is_walk_ordered,
            cache: None,
        };
        for index in 0..source.entries.len() {
            entry::follow_hard_link(&mut source.entries, index, &source.by_name);
            let name = source.entries[index].name.clone();
            match source.by_name.get(&name) {
                None => {
                    source.by_name.insert(name, index);
                }
                Some(&first) if source.is_same(first, index)? => {}
                Some(_) => {
                    let reason = "appears twice with different content; some readers use the first, others the last";
                    return Err(Error::BadEntry {
                        name,
                        reason: reason.to_owned(),
                    });
                }
            }
        }
        Ok(source)
    }

    /// Has the headers of its layers looked for and kept in a cache.
    #[must_use]
    pub fn cached_in(self, cache: Option<Arc<Cache>>) -> Self {
        Self { cache, ..self }
    }

    pub(super) fn cache(&self) -> Option<&Cache> {
        self.cache.as_deref()
    }

    fn is_same(&self, a: usize, b: usize) -> Result<bool, Error> {
        let (first, second) = (&self.entries[a], &self.entries[b]);
        if first.kind != second.kind
            || first.size != second.size
            || first.link_name != second.link_name
        {
            return Ok(false);
        }
        if first.kind != Kind::File {
            return Ok(true);
        }
        let (one, two) = (self.blob(a)?, self.blob(b)?);
        let failed = Error::in_place(&self.place);
        let (mut one, mut two) = (one.reader(), two.reader());
        let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let mut unread = first.size;
        while unread > 0 {
            let n = usize::try_from(unread)
                .unwrap_or(usize::MAX)
                .min(left.len());
            one.read_exact(&mut left[..n]).map_err(failed)?;
            two.read_exact(&mut right[..n]).map_err(failed)?;
            if left[..n] != right[..n] {
                return Ok(false);
            }
            unread -= n as u64;
        }
        Ok(true)
    }

    /// Returns the file or directory, for messages.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns where it is read from.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Returns the entries in the order of the archive.
    #[must_use]
    pub fn entries(&self) -> &[SourceEntry] {
        &self.entries
    }

    /// Tells whether this is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        matches!(self.form, Form::Directory(_))
    }

    /// Tells whether entries stand in the order in which Docker writes them.
    #[must_use]
    pub fn is_walk_ordered(&self) -> bool {
        self.is_walk_ordered
    }

    /// Returns the compression of the whole archive.
    #[must_use]
    pub fn compression(&self) -> Compression {
        match &self.form {
            Form::Tar(tar) => tar.compression,
            Form::Directory(_) | Form::Remote(_) => Compression::None,
        }
    }

    /// Returns the entry of that cleaned name, links not followed.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Returns a file outside of the directory that is a blob of the archive, through a link.
    pub(in crate::archive) fn first_linked(&self) -> Option<&SourceEntry> {
        let is_linked = |entry: &&SourceEntry| entry.linked().is_some();
        self.entries.iter().find(is_linked)
    }

    /// Returns every place that it is read from.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        [&self.location].into_iter().chain(self.linked())
    }

    /// Returns the files outside of the directory that are read: links for blobs lead to them.
    #[must_use]
    pub fn linked(&self) -> &[Location] {
        match &self.form {
            Form::Directory(directory) => &directory.linked,
            Form::Tar(_) | Form::Remote(_) => &[],
        }
    }

    /// Opens the data of a regular file.
    pub fn blob(&self, index: usize) -> Result<Blob, Error> {
        let entry = &self.entries[index];
        match &self.form {
            Form::Tar(tar) => Ok(Blob::new(
                Arc::clone(&tar.file),
                entry.data_offset,
                entry.size,
            )),
            Form::Directory(directory) => {
                let file = directory::open_file(&directory.root, entry, &self.place)?;
                let state = state_of(&file)
                    .map_err(Error::in_place(&format!("{}/{}", self.place, entry.name)))?;
                self.compare_entry(index, &state)?;
                let blob = Blob::new(Arc::new(file), 0, entry.size);
                let was_read = directory.is_read[index].load(Ordering::Relaxed);
                if let Some(digest) = entry.linked().filter(|_| !was_read) {
                    check_linked(entry, &blob, digest)?;
                }
                directory.is_read[index].store(true, Ordering::Relaxed);
                Ok(blob)
            }
            Form::Remote(remote) => remote.blob(index, entry.size),
        }
    }

    /// Reads a whole entry of at most `limit` bytes.
    pub fn read(&self, index: usize, limit: u64) -> Result<Vec<u8>, Error> {
        let entry = &self.entries[index];
        if entry.size > limit {
            let reason = format!(
                "has {} bytes; a document of an image has at most {limit}",
                entry.size
            );
            return Err(Error::BadEntry {
                name: entry.name.clone(),
                reason,
            });
        }
        let blob = self.blob(index)?;
        let mut bytes = vec![0; usize::try_from(entry.size).expect("limits fit into memory")];
        blob.file
            .read_exact_at(&mut bytes, blob.start)
            .map_err(Error::in_place(&format!("{}: {}", self.place, entry.name)))?;
        Ok(bytes)
    }

    /// Returns the digest of a regular file's data.
    pub(in crate::archive) fn digest(&self, index: usize) -> Result<Digest, Error> {
        let hashed = Digest::of_reader(&mut self.blob(index)?.reader());
        let (digest, _) = hashed.map_err(Error::in_place(&self.entries[index].name))?;
        Ok(digest)
    }

    /// Returns an entry's header group, verbatim; empty in a directory.
    pub fn group(&self, index: usize) -> Result<Vec<u8>, Error> {
        let Form::Tar(tar) = &self.form else {
            return Ok(Vec::new());
        };
        let entry = &self.entries[index];
        let n = usize::try_from(entry.group_end - entry.group_offset)
            .expect("header groups are bounded");
        let mut group = vec![0; n];
        tar.file
            .read_exact_at(&mut group, entry.group_offset)
            .map_err(Error::in_place(&self.place))?;
        Ok(group)
    }

    /// Returns the directory that the archive was extracted into.
    pub(in crate::archive) fn root(&self) -> Option<&File> {
        match &self.form {
            Form::Directory(directory) => Some(&directory.root),
            Form::Tar(_) | Form::Remote(_) => None,
        }
    }
}

/// Checks that a file outside of the directory is the blob that the link to it is named after. Of one that is not, nothing is told.
fn check_linked(entry: &SourceEntry, blob: &Blob, digest: Digest) -> Result<(), Error> {
    let found = Digest::of_reader(&mut blob.reader());
    let (found, _) = found.map_err(Error::in_place(&entry.name))?;
    if found == digest {
        return Ok(());
    }
    Err(Error::BadEntry {
        name: entry.name.clone(),
        reason: "links to a file outside the archive that does not have the digest of the name"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests;
