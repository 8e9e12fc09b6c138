//! The new archive as a list of entries, before anything is written.

pub(in crate::archive) mod drafting;
mod links;
pub(in crate::archive) mod parents;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use crate::archive::source::Source;
use crate::archive::source::piece::Piece;
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::ledger::{Ledger, ReadAs};
use crate::tarball::{Entry, Kind, Mtime, Range, TarReader, header_group, rename_group};

/// Writes bytes; the same at every call.
pub type WriteBytes<'a> = dyn Fn(&mut dyn Write) -> Result<(), Error> + Sync + 'a;

/// A layer that the archive does not have as it is to be, and whose bytes can be written.
pub struct StoredLayer<'a> {
    /// The digest of its uncompressed bytes.
    pub diff_id: DiffId,
    /// The digest of the bytes it writes.
    pub digest: Digest,
    /// How many bytes it writes.
    pub size: u64,
    /// How they are compressed.
    pub compression: Compression,
    /// Writes it.
    pub write: Box<WriteBytes<'a>>,
}

impl StoredLayer<'_> {
    /// Returns a layer whose bytes are in a file, from `start` on.
    #[must_use]
    pub fn spooled(
        (file, start): (Arc<File>, u64),
        diff_id: DiffId,
        digest: Digest,
        size: u64,
        compression: Compression,
    ) -> Self {
        let write = Box::new(move |out: &mut dyn Write| {
            let mut range = Range::new(&*file, start, start + size);
            let copied = io::copy(&mut range, out).map(drop);
            copied.map_err(Error::in_place("a new layer"))
        });
        Self {
            diff_id,
            digest,
            size,
            compression,
            write,
        }
    }
}

impl std::fmt::Debug for StoredLayer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredLayer")
            .field("diff_id", &self.diff_id)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Every entry of a new archive, in order.
#[derive(Debug)]
pub struct Draft<'a> {
    pub(in crate::archive) source: &'a Source,
    pub(in crate::archive) entries: Vec<DraftEntry>,
    pub(in crate::archive) layers: Vec<StoredLayer<'a>>,
    /// Whether it is of another form than the old archive: then nothing around the entries is of that.
    pub(in crate::archive) is_anew: bool,
    /// The archive is of a form that is only read, and no other was asked for.
    pub(in crate::archive) lacks_form: bool,
    /// What must not be lost when it is written.
    pub(in crate::archive) ledger: Ledger,
}

/// One entry: kept as it is, or new.
#[derive(Debug)]
pub(in crate::archive) enum DraftEntry {
    /// The entry at that index, header and data.
    Kept(usize),
    /// An entry that the old archive does not have.
    New(NewEntry),
}

/// What a new entry holds, and whose header it wears.
#[derive(Debug)]
pub(in crate::archive) struct NewEntry {
    pub(in crate::archive) name: String,
    pub(in crate::archive) content: Content,
    pub(in crate::archive) mode: u32,
    pub(in crate::archive) mtime: i64,
    /// The old entry that its header takes after, unless the whole form is another.
    pub(in crate::archive) model: Option<usize>,
}

/// The data of a new entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A directory.
    Directory,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A symbolic link to there.
    Symlink(String),
    /// The data of an old entry, under a new name.
    Entry(usize),
    /// A stored layer, by its place in the list of these.
    Stored(usize),
}

impl Content {
    /// What kind of entry holds it.
    pub(in crate::archive) fn kind(&self) -> Kind {
        match self {
            Self::Directory => Kind::Directory,
            Self::Symlink(_) => Kind::Symlink,
            Self::Bytes(_) | Self::Entry(_) | Self::Stored(_) => Kind::File,
        }
    }

    /// The target of a symbolic link.
    pub(in crate::archive) fn link_target(&self) -> Vec<u8> {
        match self {
            Self::Symlink(target) => target.clone().into_bytes(),
            _ => Vec::new(),
        }
    }
}

impl<'a> Draft<'a> {
    /// Starts from the archive as it is.
    pub(in crate::archive) fn keep_all(source: &'a Source) -> Self {
        Self {
            entries: (0..source.entries().len()).map(DraftEntry::Kept).collect(),
            is_anew: false,
            ..Self::anew(source)
        }
    }

    /// Starts an archive of another form.
    pub(in crate::archive) fn anew(source: &'a Source) -> Self {
        Self {
            source,
            entries: Vec::new(),
            layers: Vec::new(),
            is_anew: true,
            lacks_form: false,
            ledger: Ledger::reading(ReadAs::Image, source.locations()),
        }
    }

    /// Tells whether it can be written; an error if its form is one that is only read.
    pub fn check_form(&self) -> Result<(), Error> {
        if !self.lacks_form {
            return Ok(());
        }
        Err(Error::Unconvertible {
            image: self.source.place().to_owned(),
            reason: "is in the form of Docker before 1.10, which is no longer written: use `ocipatch apply --to docker-archive -o OUT`".to_owned(),
        })
    }

    /// Adds an entry behind the others, dressed plainly: dated 1970, readable by all.
    pub(in crate::archive) fn push(&mut self, name: &str, content: Content) {
        let is_directory = content == Content::Directory;
        self.entries.push(DraftEntry::New(NewEntry {
            name: name.to_owned(),
            content,
            mode: if is_directory { 0o755 } else { 0o644 },
            mtime: 0,
            model: None,
        }));
    }

    /// Returns how the output is compressed as a whole.
    pub(in crate::archive) fn compression(&self) -> Compression {
        if self.is_anew {
            Compression::None
        } else {
            self.source.compression()
        }
    }

    /// Returns what stands around the entries of the old tar and is kept: before them and behind them.
    pub(in crate::archive) fn around(&self) -> Option<(Piece<'a>, Piece<'a>)> {
        self.source.around().filter(|_| !self.is_anew)
    }

    /// Tells whether the new archive is the old one.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        !self.is_anew
            && self.entries.len() == self.source.entries().len()
            && self
                .entries
                .iter()
                .all(|entry| matches!(entry, DraftEntry::Kept(_)))
    }

    /// Returns how many bytes the new tar will have, or a little more; nothing where the old archive is no tar.
    pub(in crate::archive) fn tar_bytes(&self) -> Option<u64> {
        /// Long names have three blocks of header.
        const HEADER_BYTES: u64 = 3 * 512;
        self.source.around()?;
        let behind = self.around().map_or(0, |(_, behind)| behind.n_bytes());
        let entries = self.entries.iter().map(|entry| match entry {
            DraftEntry::Kept(index) => {
                let kept = self.source.kept(*index);
                kept.map_or(0, |piece| piece.n_bytes())
            }
            DraftEntry::New(new) => HEADER_BYTES + self.size(new).next_multiple_of(512),
        });
        Some(entries.sum::<u64>() + behind)
    }

    /// Returns how many bytes the output will have, more or less: headers of a directory's entries are none.
    pub(in crate::archive) fn n_bytes(&self) -> u64 {
        let entries = self.entries.iter().map(|entry| match entry {
            DraftEntry::Kept(index) => self.source.entries()[*index].size,
            DraftEntry::New(new) => self.size(new),
        });
        self.tar_bytes().unwrap_or_else(|| entries.sum())
    }

    /// Returns how many bytes of data an entry has.
    pub(in crate::archive) fn size(&self, entry: &NewEntry) -> u64 {
        match &entry.content {
            Content::Directory | Content::Symlink(_) => 0,
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Entry(index) => self.source.entries()[*index].size,
            Content::Stored(index) => self.layers[*index].size,
        }
    }

    /// Returns the header of a new entry in the dress of its model.
    pub(in crate::archive) fn header(&self, new: &NewEntry) -> Result<Vec<u8>, Error> {
        let mut entry = Entry {
            name: new.name.clone().into_bytes(),
            link_name: new.content.link_target(),
            kind: new.content.kind(),
            size: self.size(new),
            mode: new.mode,
            mtime: Mtime::of_seconds(new.mtime),
            ..Entry::file()
        };
        if entry.kind == Kind::Directory {
            entry.name.push(b'/');
        }
        let group = new
            .model
            .map(|model| self.source.group(model))
            .transpose()?;
        let Some(group) = group.filter(|group| !group.is_empty()) else {
            return Ok(header_group(&entry));
        };
        // An archive made by `tar -C directory .` has `./` before every name.
        let model = TarReader::new(crate::tarball::Stream(group.as_slice())).next();
        if model.is_ok_and(|model| model.is_some_and(|model| model.name.starts_with(b"./"))) {
            entry.name.splice(0..0, *b"./");
        }
        Ok(rename_group(&group, &entry))
    }

    /// Returns the header of a kept entry of a directory, which has none: as a `tar` of it would have.
    pub(in crate::archive) fn header_on_disk(&self, index: usize) -> Vec<u8> {
        let kept = &self.source.entries()[index];
        let mut name = kept.name.clone().into_bytes();
        if kept.kind == Kind::Directory {
            name.push(b'/');
        }
        header_group(&Entry {
            name,
            link_name: kept.link_name.clone(),
            kind: kept.kind,
            size: kept.size,
            mode: kept.mode,
            mtime: Mtime::of_seconds(kept.mtime),
            ..Entry::file()
        })
    }
}
