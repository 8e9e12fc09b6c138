//! Tar streams from outside the archive: a file of the host, or a layer of another archive.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FileType, OFlags, Stat, fstat};

use super::entry::Blob;
use crate::archive::{Archive, Layer};
use crate::compression::Compression;
use crate::digest::DiffId;
use crate::error::Error;
use crate::printable;
use crate::tarball::Input;

/// A tar stream from outside the archive, compressed or not.
#[derive(Debug)]
pub struct Import {
    place: String,
    blob: Blob,
    compression: Compression,
    /// What a file of the host was like when it was opened.
    guard: Option<Guard>,
    /// What the layer of another archive hashes to, as that says.
    diff_id: Option<DiffId>,
}

/// What identifies a file's state: if any of it changes, so may have the content.
type Guard = (i64, i64, u64, i64, u64);

impl Import {
    /// Opens a file of the host; nothing if it is no regular one.
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        // A pipe put in the file's place must not block us.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mode = rustix::fs::Mode::empty();
        let file = rustix::fs::open(path, flags, mode);
        let file: File = file.map_err(|errno| Error::io(path, errno.into()))?.into();
        let stat = fstat(&file).map_err(|errno| Error::io(path, errno.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        let blob = Blob {
            file: Arc::new(file),
            start: 0,
            size: u64::try_from(stat.st_size).unwrap_or(0),
        };
        Self::of(printable::path(path), blob, Some(guard(&stat)), None).map(Some)
    }

    /// Opens a layer of another archive.
    pub fn of_layer(archive: &Archive, layer: &Layer) -> Result<Self, Error> {
        let name = &archive.source().entries()[layer.entry()].name;
        let blob = archive.source().blob(layer.entry())?;
        Self::of(name.clone(), blob, None, Some(layer.diff_id()))
    }

    fn of(
        place: String,
        blob: Blob,
        guard: Option<Guard>,
        diff_id: Option<DiffId>,
    ) -> Result<Self, Error> {
        let compression = blob.compression(&place)?;
        Ok(Self {
            place,
            blob,
            compression,
            guard,
            diff_id,
        })
    }

    /// Returns its name in messages.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns the bytes as they are stored.
    #[must_use]
    pub fn blob(&self) -> &Blob {
        &self.blob
    }

    /// Returns how these are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Returns what the uncompressed stream hashes to, where the archive that it is from says so.
    #[must_use]
    pub fn diff_id(&self) -> Option<DiffId> {
        self.diff_id
    }

    /// Opens the uncompressed stream from its start.
    pub fn tar(&self) -> Result<Box<dyn Input>, Error> {
        self.blob.clone().into_tar(&self.place)
    }

    /// Tells whether a file of the host is still what it was; an error if it is not.
    pub fn check(&self) -> Result<(), Error> {
        let Some(was) = self.guard else {
            return Ok(());
        };
        let stat = fstat(&*self.blob.file);
        let stat = stat.map_err(|errno| Error::Io {
            place: self.place.clone(),
            source: errno.into(),
        })?;
        if guard(&stat) == was {
            return Ok(());
        }
        Err(Error::Changed {
            place: self.place.clone(),
        })
    }
}

fn guard(stat: &Stat) -> Guard {
    (
        stat.st_size,
        stat.st_mtime,
        stat.st_mtime_nsec,
        stat.st_ctime,
        stat.st_ctime_nsec,
    )
}

impl Blob {
    /// Returns how the data is compressed, by its first bytes; `name` is that of the entry.
    pub fn compression(&self, name: &str) -> Result<Compression, Error> {
        Compression::of(self.reader()).map_err(|source| Error::Io {
            place: name.to_owned(),
            source,
        })
    }

    /// Opens the uncompressed stream of a layer from its start; `name` is that of the entry.
    pub fn into_tar(self, name: &str) -> Result<Box<dyn Input>, Error> {
        let compression = self.compression(name)?;
        if compression == Compression::None {
            return Ok(Box::new(self.into_reader()));
        }
        let decoder = compression.decoder(self.into_reader());
        let decoder = decoder.map_err(|source| Error::Io {
            place: name.to_owned(),
            source,
        })?;
        Ok(Box::new(crate::tarball::Stream(decoder)))
    }
}

impl Archive {
    /// Opens the uncompressed stream of a layer from its start.
    pub fn open_layer(&self, layer: &Layer) -> Result<Box<dyn Input>, Error> {
        let name = &self.source().entries()[layer.entry()].name;
        self.source().blob(layer.entry())?.into_tar(name)
    }
}
