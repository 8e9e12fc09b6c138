//! Tar streams from outside the archive: a file of the host, or a layer of another archive.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FileType, OFlags, fstat};

use super::Source;
use super::directory::state_of;
use super::entry::{Blob, BlobId};
use super::headers::{Headers, Stored};
use super::unchanged::compare;
use crate::archive::{Archive, Layer};
use crate::compression::Compression;
use crate::digest::DiffId;
use crate::error::Error;
use crate::file_state::FileState;
use crate::printable;
use crate::tarball::Input;

/// A tar stream from outside the archive, compressed or not.
#[derive(Debug)]
pub struct Import {
    place: String,
    origin: Origin,
    compression: Compression,
}

/// Where a stream comes from.
#[derive(Debug)]
enum Origin {
    /// A file of the host, and the state that it was opened in.
    Host { file: Arc<File>, state: FileState },
    /// A layer of another archive, whose file is open only while it is read.
    Layer { archive: Arc<Archive>, layer: Layer },
}

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
        let origin = Origin::Host {
            file: Arc::new(file),
            state: FileState::of(&stat),
        };
        Self::of(printable::path(path), origin).map(Some)
    }

    /// Takes a layer of another archive.
    pub fn of_layer(archive: &Arc<Archive>, layer: &Layer) -> Result<Self, Error> {
        let place = archive.layer_name(layer).to_owned();
        let origin = Origin::Layer {
            archive: Arc::clone(archive),
            layer: layer.clone(),
        };
        let source = archive.source();
        let is_fetched = layer
            .entry
            .is_some_and(|entry| source.fetched_by(entry).is_some());
        if is_fetched {
            // To look at it would mean to fetch it.
            let compression = layer.compression();
            return Ok(Self {
                place,
                origin,
                compression,
            });
        }
        Self::of(place, origin)
    }

    fn of(place: String, origin: Origin) -> Result<Self, Error> {
        let compression = origin.blob()?.compression(&place)?;
        Ok(Self {
            place,
            origin,
            compression,
        })
    }

    /// Returns its name in messages.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Opens the bytes as they are stored.
    pub fn blob(&self) -> Result<Blob, Error> {
        self.origin.blob()
    }

    /// Returns how these are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Returns what the uncompressed stream hashes to, where the archive that it is from says so.
    #[must_use]
    pub fn diff_id(&self) -> Option<DiffId> {
        match &self.origin {
            Origin::Host { .. } => None,
            Origin::Layer { layer, .. } => Some(layer.diff_id()),
        }
    }

    /// Opens the uncompressed stream from its start.
    pub fn tar(&self) -> Result<Box<dyn Input>, Error> {
        self.blob()?.into_tar(&self.place)
    }

    /// Has the headers of the stream read; those of a layer as [`Archive::read_headers`] does.
    pub fn read_headers<T, E>(
        &self,
        read: impl FnOnce(&mut Headers<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        match &self.origin {
            Origin::Host { .. } => Ok(read(&mut Headers::new(self.tar()?))),
            Origin::Layer { archive, layer } => archive.read_headers(layer, read),
        }
    }

    /// Tells whether the stream is still what it was when it was opened; an error if it is not.
    pub fn check(&self) -> Result<(), Error> {
        let (file, state) = match &self.origin {
            Origin::Host { file, state } => (file, state),
            Origin::Layer { archive, layer } => {
                return layer
                    .entry
                    .map_or(Ok(()), |entry| archive.source().check_entry(entry));
            }
        };
        let failed = Error::in_place(&self.place);
        compare(state, &state_of(file).map_err(failed)?, &self.place)
    }
}

impl Origin {
    fn blob(&self) -> Result<Blob, Error> {
        match self {
            Self::Host { file, state } => Ok(Blob::new(Arc::clone(file), 0, state.size)),
            Self::Layer { archive, layer } => archive.blob(layer),
        }
    }
}

impl Blob {
    /// Returns how the data is compressed, by its first bytes; `name` is that of the entry.
    pub fn compression(&self, name: &str) -> Result<Compression, Error> {
        Compression::of(self.reader()).map_err(Error::in_place(name))
    }

    /// Opens the uncompressed stream of a layer from its start; `name` is that of the entry.
    pub fn into_tar(self, name: &str) -> Result<Box<dyn Input>, Error> {
        let compression = self.compression(name)?;
        if compression == Compression::None {
            return Ok(Box::new(self.into_reader()));
        }
        let decoder = compression.decoder(self.into_reader());
        let decoder = decoder.map_err(Error::in_place(name))?;
        Ok(Box::new(crate::tarball::Stream(decoder)))
    }
}

impl Source {
    /// Opens the uncompressed stream of a layer from its start.
    pub fn tar(&self, layer: BlobId) -> Result<Box<dyn Input>, Error> {
        let name = self.name_of(layer);
        self.blob(layer.0)?.into_tar(name)
    }

    /// Returns the name of the file that holds some bytes, for messages.
    #[must_use]
    pub fn name_of(&self, blob: BlobId) -> &str {
        &self.entries()[blob.0].name
    }
}

/// Returns the file that holds a layer; a layout may leave it out.
fn entry_of(layer: &Layer) -> Result<usize, Error> {
    layer.entry.ok_or_else(|| Error::MissingEntry {
        name: layer.path.clone(),
        wanted_by: "its image".to_owned(),
    })
}

impl Archive {
    /// Opens the bytes of a layer as they are stored.
    pub fn blob(&self, layer: &Layer) -> Result<Blob, Error> {
        self.source().blob(entry_of(layer)?)
    }

    /// Opens the uncompressed stream of a layer from its start.
    pub fn open_layer(&self, layer: &Layer) -> Result<Box<dyn Input>, Error> {
        self.source().tar(BlobId(entry_of(layer)?))
    }

    /// Has the headers of a layer read, from its start. If they were read before, the cache has them, and the layer is not
    /// decompressed; if not, the cache gets them once `read` succeeds.
    pub fn read_headers<T, E>(
        &self,
        layer: &Layer,
        read: impl FnOnce(&mut Headers<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let entry = entry_of(layer)?;
        let source = self.source();
        let place = source.name_of(BlobId(entry));
        if let Some(digest) = source.fetched_by(entry) {
            let stored = Stored {
                place,
                n_bytes: source.entries()[entry].size,
                digest: Some(digest),
                open: &|| Ok(Box::new(source.blob(entry)?.into_reader())),
            };
            return stored.read_headers(source.cache(), read);
        }
        source
            .blob(entry)?
            .read_headers(place, source.cache(), read)
    }

    /// Returns the name of the file that holds a layer, for messages.
    #[must_use]
    pub fn layer_name<'a>(&'a self, layer: &'a Layer) -> &'a str {
        let name = |blob| self.source().name_of(blob);
        layer.blob().map_or(&layer.path, name)
    }
}
