//! An image in a registry, as the OCI layout that it would be: manifests are fetched when it is opened, and everything else when
//! it is read, once and verified.
//!
//! What was fetched lies in one file without a name: the documents first, and behind them each blob from its beginning. What is
//! only copied is not kept: a writer gets it as a stream ([`Source::data`]).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry::{Blob, SourceEntry};
use super::remote_graph::{Listed, Listing, Referrers};
use super::shelf::Shelf;
use super::{Form, Source, spool};
use crate::archive::Archive;
use crate::archive::in_parallel::in_parallel;
use crate::digest::Digest;
use crate::error::Error;
use crate::reference::{Reference, RegistryImage};
use crate::registry::{Access, Outcome, Reach, Repository};
use crate::tarball::{Kind, read_some};

/// How much is read at once. In bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// What of an image in a registry is known.
#[derive(Debug)]
pub(super) struct Remote {
    repository: Repository,
    /// The name that was read, if it was read by one, and its digest.
    name: Option<(Reference, Digest)>,
    /// Where the files without a name are, for messages.
    directory: PathBuf,
    file: Arc<File>,
    /// Where the next blob begins in it.
    end: Mutex<u64>,
    /// For each entry what it is.
    members: Vec<Member>,
    /// What other images of the run fetch too.
    shelf: Option<Arc<Shelf>>,
}

/// A file, and where something begins in it.
type Place = (Arc<File>, u64);

/// What an entry is.
#[derive(Debug)]
enum Member {
    Directory,
    /// A document, and where it begins in the file.
    Document(u64),
    /// A blob, and where it is once it was fetched.
    Blob(Digest, Mutex<Option<Place>>),
}

/// The data of an entry.
pub(in crate::archive) enum Data {
    /// Bytes that lie in a file.
    Blob(Blob),
    /// Bytes that come from a registry. Reading the last of them fails if they are not what their digest says.
    Stream(Box<dyn Read + Send>),
}

impl Source {
    /// Opens an image in a registry: fetches its manifests, and no configuration or layer. What is read later goes to a nameless
    /// file in `directory`.
    pub fn of_registry(
        reach: &Reach,
        image: &RegistryImage,
        referrers: Referrers,
        directory: &Path,
    ) -> Result<Self, Error> {
        let registries = reach.registries()?;
        let repository = registries.repository(image.repository());
        registries.announce(&repository, Access::Pull);
        let listing = Listing::fetch(&repository, image, referrers)?;
        let name = image.name().cloned();
        let file = spool::nameless(directory)?;
        let mut remote = Remote {
            repository,
            name: name.map(|name| (name, listing.root)),
            directory: directory.to_owned(),
            file: Arc::new(file),
            end: Mutex::new(0),
            members: Vec::new(),
            shelf: None,
        };
        let mut entries = Vec::new();
        for (name, content) in listing.into_members()? {
            let (entry, member) = remote.member(name, content)?;
            entries.push(entry);
            remote.members.push(member);
        }
        Self::new(image.to_string(), Form::Remote(remote), entries)
    }

    /// Returns the data of a regular file. That of a registry is a stream, unless it was read before.
    pub(in crate::archive) fn data(&self, index: usize) -> Result<Data, Error> {
        if let Form::Remote(remote) = &self.form
            && let Member::Blob(digest, place) = &remote.members[index]
            && locked(place).is_none()
        {
            let n_bytes = self.entries[index].size;
            let stream = remote.repository.blob(*digest, n_bytes)?;
            let observer = remote.repository.observer();
            return Ok(Data::Stream(observer.stream(n_bytes, stream)));
        }
        self.blob(index).map(Data::Blob)
    }

    /// Returns the digest of an entry that has to be fetched to be read.
    pub(in crate::archive) fn fetched_by(&self, index: usize) -> Option<Digest> {
        match &self.form {
            Form::Remote(remote) => match &remote.members[index] {
                Member::Blob(digest, _) => Some(*digest),
                Member::Directory | Member::Document(_) => None,
            },
            Form::Tar(_) | Form::Directory(_) => None,
        }
    }

    /// Has blobs looked for and kept on a shelf, if they are in a registry.
    #[must_use]
    pub fn sharing(mut self, shelf: Option<Arc<Shelf>>) -> Self {
        if let Form::Remote(remote) = &mut self.form {
            remote.shelf = shelf;
        }
        self
    }

    /// Returns the repository that it is read from, if that is in a registry.
    #[must_use]
    pub fn repository(&self) -> Option<&Repository> {
        match &self.form {
            Form::Remote(remote) => Some(&remote.repository),
            Form::Tar(_) | Form::Directory(_) => None,
        }
    }

    /// Returns the name that was read in a registry, if it was read by one, and its digest.
    #[must_use]
    pub fn read_name(&self) -> Option<(&Reference, Digest)> {
        match &self.form {
            Form::Remote(remote) => remote.name.as_ref().map(|(name, digest)| (name, *digest)),
            Form::Tar(_) | Form::Directory(_) => None,
        }
    }
}

impl Archive {
    /// Fetches the layers of images, several at once, where their headers are going to be read and the cache has not seen them.
    pub fn fetch_ahead(&self, images: impl Iterator<Item = usize>) -> Result<(), Error> {
        let source = self.source();
        let layers = images.flat_map(|image| &self.images()[image].layers);
        let entries = layers.filter_map(|layer| layer.entry);
        let is_known = |entry: usize| {
            let n_bytes = source.entries()[entry].size;
            source.cache().is_some_and(|cache| cache.may_have(n_bytes))
        };
        let is_wanted = |&entry: &usize| source.fetched_by(entry).is_some() && !is_known(entry);
        let entries: BTreeSet<usize> = entries.filter(is_wanted).collect();
        let entries: Vec<usize> = entries.into_iter().collect();
        in_parallel(&entries, |&entry| source.blob(entry).map(drop))
    }
}

impl Remote {
    fn member(&mut self, name: String, content: Listed) -> Result<(SourceEntry, Member), Error> {
        let (kind, size, member) = match content {
            Listed::Directory => (Kind::Directory, 0, Member::Directory),
            Listed::Document(bytes) => {
                let size = bytes.len() as u64;
                let start = self.reserve(size)?;
                let written = self.file.write_all_at(&bytes, start);
                written.map_err(|error| Error::spool(&self.directory, error))?;
                (Kind::File, size, Member::Document(start))
            }
            Listed::Blob(digest, size) => {
                (Kind::File, size, Member::Blob(digest, Mutex::new(None)))
            }
        };
        Ok((SourceEntry::remote(name, kind, size), member))
    }

    /// Returns where as many bytes begin that nothing else gets.
    fn reserve(&self, n_bytes: u64) -> Result<u64, Error> {
        let mut end = locked(&self.end);
        let start = *end;
        let next = start
            .checked_add(n_bytes)
            .filter(|&next| i64::try_from(next).is_ok());
        *end =
            next.ok_or_else(|| Error::spool(&self.directory, io::ErrorKind::FileTooLarge.into()))?;
        Ok(start)
    }

    /// Returns the bytes of an entry; those of a blob are fetched when they are asked for first.
    pub(super) fn blob(&self, index: usize, size: u64) -> Result<Blob, Error> {
        let (file, start) = match &self.members[index] {
            Member::Directory => (Arc::clone(&self.file), 0),
            Member::Document(start) => (Arc::clone(&self.file), *start),
            Member::Blob(digest, place) => {
                // Another thread that wants the same blob waits.
                let mut place = locked(place);
                match &*place {
                    Some(place) => place.clone(),
                    None => place.insert(self.fetched(*digest, size)?).clone(),
                }
            }
        };
        Ok(Blob::new(file, start, size))
    }

    /// Fetches a blob, or takes one from the shelf that another image has fetched.
    fn fetched(&self, digest: Digest, n_bytes: u64) -> Result<Place, Error> {
        let file = match &self.shelf {
            Some(shelf) => {
                shelf.take(digest, n_bytes, |place| self.fetch(digest, n_bytes, place))?
            }
            None => None,
        };
        if let Some(place) = file {
            return Ok(place);
        }
        let place = (Arc::clone(&self.file), self.reserve(n_bytes)?);
        self.fetch(digest, n_bytes, &place)?;
        Ok(place)
    }

    /// Fetches a blob to its place in a file.
    fn fetch(&self, digest: Digest, n_bytes: u64, (file, start): &Place) -> Result<(), Error> {
        let stream = self.repository.blob(digest, n_bytes)?;
        let mut stream = self.repository.observer().stream(n_bytes, stream);
        let name = format!("{}@{digest}", self.repository.shown());
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut at = *start;
        loop {
            let n = read_some(&mut stream, &mut buffer).map_err(Error::in_place(&name))?;
            if n == 0 {
                self.repository.observer().ends(&digest, Outcome::Fetched);
                return Ok(());
            }
            let written = file.write_all_at(&buffer[..n], at);
            written.map_err(|error| Error::spool(&self.directory, error))?;
            at += n as u64;
        }
    }
}

/// Another thread that has panicked leaves what is behind a lock as it was before.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
