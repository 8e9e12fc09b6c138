//! One blob on its way to a repository: mounted where the registry has it, else sent.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use crate::archive::draft::{Content, Draft, DraftEntry, StoredLayer};
use crate::archive::publish::content::write_layer;
use crate::archive::source::remote::Data;
use crate::archive::source::spool;
use crate::digest::Digest;
use crate::error::Error;
use crate::registry::{Outcome, Repository, Upload};
use crate::tarball::Range;

/// Before more than this is sent, the registry is asked whether it has it; before less, if it had to be fetched first. In bytes.
const ASK_FIRST_BYTES: u64 = 64 * 1024;

/// A blob of a draft.
#[derive(Debug)]
pub(super) struct Blob {
    pub(super) size: u64,
    /// The entry of the old archive that it is.
    pub(super) entry: Option<usize>,
    /// Its place in the draft, if it is new.
    pub(super) new: Option<usize>,
    /// The document that lists it.
    pub(super) wanted_by: String,
}

/// What sends blobs to one repository.
pub(super) struct Sending<'a> {
    pub(super) to: &'a Repository,
    pub(super) from: Option<&'a Repository>,
    pub(super) draft: &'a Draft<'a>,
    /// The directory for files without a name.
    pub(super) spool: &'a Path,
}

impl Sending<'_> {
    /// Sees to it that the repository has a blob.
    pub(super) fn send(&self, digest: Digest, blob: &Blob) -> Result<(), Error> {
        let outcome = self.see_to(digest, blob)?;
        self.to.observer().ends(&digest, outcome);
        Ok(())
    }

    fn see_to(&self, digest: Digest, blob: &Blob) -> Result<Outcome, Error> {
        if blob.new.is_some() {
            return self.send_new(digest, blob);
        }
        let Some(from) = self.from else {
            let Some(entry) = blob.entry else {
                return Err(Error::MissingEntry {
                    name: crate::archive::documents::descriptor::blob_name(digest),
                    wanted_by: format!("`{}`", blob.wanted_by),
                });
            };
            return self.send_entry(digest, blob.size, entry, None);
        };
        if from.is_same(self.to) {
            return Ok(Outcome::There);
        }
        let session = if from.is_same_registry(self.to) {
            match self.to.mount(digest, from)? {
                None => return Ok(Outcome::Mounted),
                session => session,
            }
        } else {
            None
        };
        if let Some(entry) = blob.entry {
            return self.send_entry(digest, blob.size, entry, session);
        }
        let open = || {
            let stream = from.blob(digest, blob.size)?;
            Ok(self.to.observer().stream(blob.size, stream))
        };
        self.upload(digest, blob.size, session, &open)
    }

    fn send_entry(
        &self,
        digest: Digest,
        size: u64,
        entry: usize,
        session: Option<Upload>,
    ) -> Result<Outcome, Error> {
        let open = || {
            Ok(match self.draft.source.data(entry)? {
                Data::Blob(blob) => self
                    .to
                    .observer()
                    .stream(size, Box::new(blob.into_reader())),
                Data::Stream(stream) => stream,
            })
        };
        self.upload(digest, size, session, &open)
    }

    fn send_new(&self, digest: Digest, blob: &Blob) -> Result<Outcome, Error> {
        let place = blob.new.expect("a new blob has a place in the draft");
        let DraftEntry::New(new) = &self.draft.entries[place] else {
            unreachable!("the place of a new blob is that of a new entry")
        };
        match &new.content {
            Content::Bytes(bytes) => {
                let open = || {
                    let stream = Box::new(Cursor::new(bytes.clone()));
                    Ok(self.to.observer().stream(blob.size, stream))
                };
                self.upload(digest, blob.size, None, &open)
            }
            Content::Stored(layer) => {
                let layer = &self.draft.layers[*layer];
                if self.has(digest, blob.size)? {
                    return Ok(Outcome::There);
                }
                let file = self.written(layer)?;
                let open = || {
                    let range = Range::new(Arc::clone(&file), 0, blob.size);
                    Ok(self.to.observer().stream(blob.size, Box::new(range)))
                };
                let session = self.to.start_upload()?;
                self.upload(digest, blob.size, Some(session), &open)
            }
            Content::Directory | Content::Symlink(_) | Content::Entry(_) => Err(Error::BadEntry {
                name: new.name.clone(),
                reason: "is not a blob".to_owned(),
            }),
        }
    }

    /// Returns a file without a name that holds a layer: a request that has to be sent again begins at its start.
    fn written(&self, layer: &StoredLayer<'_>) -> Result<Arc<File>, Error> {
        let directory = self.spool;
        let file = spool::nameless(directory)?;
        write_layer(layer, &file, |error| Error::spool(directory, error))?;
        Ok(Arc::new(file))
    }

    fn has(&self, digest: Digest, size: u64) -> Result<bool, Error> {
        let is_far = self
            .from
            .is_some_and(|from| !from.is_same_registry(self.to));
        Ok((is_far || size > ASK_FIRST_BYTES) && self.to.has_blob(digest)?)
    }

    fn upload(
        &self,
        digest: Digest,
        size: u64,
        session: Option<Upload>,
        open: &dyn Fn() -> Result<Box<dyn Read + Send>, Error>,
    ) -> Result<Outcome, Error> {
        let session = match session {
            Some(session) => session,
            None if self.has(digest, size)? => return Ok(Outcome::There),
            None => self.to.start_upload()?,
        };
        self.to.upload(session, digest, size, open)?;
        Ok(Outcome::Sent)
    }
}
