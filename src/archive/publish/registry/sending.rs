//! Blobs on their way to a repository: mounted where the registry has them, else sent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::sync::Arc;

use super::Target;
use super::files::{Blob, Held};
use crate::archive::documents::descriptor::blob_name;
use crate::archive::draft::{Content, NewEntry, StoredLayer};
use crate::archive::in_parallel::in_parallel;
use crate::archive::publish::content::write_layer;
use crate::archive::source::remote::Data;
use crate::archive::source::spool;
use crate::digest::Digest;
use crate::error::Error;
use crate::registry::{Outcome, Upload};
use crate::tarball::Range;

/// Before more than this is sent, the registry is asked whether it has it; before less, if it had to be fetched first. In bytes.
pub(super) const ASK_FIRST_BYTES: u64 = 64 * 1024;

impl Target<'_> {
    /// Sees to it that the repository has these blobs.
    pub(super) fn send_blobs(&self, blobs: &BTreeMap<Digest, Blob<'_>>) -> Result<(), Error> {
        let blobs: Vec<_> = blobs.iter().collect();
        in_parallel(&blobs, |&(&digest, blob)| {
            let send = || {
                let outcome = self.send_blob(digest, blob)?;
                self.to.observer().ends(&digest, outcome);
                Ok(())
            };
            // What is only said to be there is not remembered for other images.
            if self.is_same && !matches!(blob.held, Some(Held::New(_))) {
                send()
            } else {
                self.to.once(digest, send)
            }
        })
    }

    fn send_blob(&self, digest: Digest, blob: &Blob<'_>) -> Result<Outcome, Error> {
        if let Some(Held::New(new)) = blob.held {
            return self.send_new(digest, blob.size, new);
        }
        if self.is_same {
            return Ok(Outcome::There);
        }
        let near = self.from.filter(|from| from.is_same_registry(&self.to));
        let session = match near {
            Some(from) => match self.to.mount(digest, from)? {
                None => return Ok(Outcome::Mounted),
                session => session,
            },
            None => None,
        };
        match (blob.held, self.from) {
            (Some(Held::Entry(entry)), _) => self.send_entry(digest, blob.size, entry, session),
            (_, Some(from)) => {
                let open = || Ok(self.observed(blob.size, from.blob(digest, blob.size)?));
                self.upload(digest, blob.size, session, &open)
            }
            (_, None) => Err(Error::MissingEntry {
                name: blob_name(digest),
                wanted_by: format!("`{}`", blob.wanted_by),
            }),
        }
    }

    fn send_entry(
        &self,
        digest: Digest,
        size: u64,
        entry: usize,
        session: Option<Upload>,
    ) -> Result<Outcome, Error> {
        let open = || match self.files.draft.source.data(entry)? {
            Data::Blob(blob) => Ok(self.observed(size, Box::new(blob.into_reader()))),
            Data::Stream(stream) => Ok(stream),
        };
        self.upload(digest, size, session, &open)
    }

    fn send_new(&self, digest: Digest, size: u64, new: &NewEntry) -> Result<Outcome, Error> {
        match &new.content {
            Content::Bytes(bytes) => {
                let open = || Ok(self.observed(size, Box::new(Cursor::new(bytes.clone()))));
                self.upload(digest, size, None, &open)
            }
            Content::Stored(layer) => {
                if self.has(digest, size)? {
                    return Ok(Outcome::There);
                }
                let file = self.written(&self.files.draft.layers[*layer])?;
                let open = || {
                    let range = Range::new(Arc::clone(&file), 0, size);
                    Ok(self.observed(size, Box::new(range)))
                };
                let session = self.to.start_upload()?;
                self.upload(digest, size, Some(session), &open)
            }
            Content::Directory | Content::Symlink(_) | Content::Entry(_) => Err(Error::BadEntry {
                name: new.name.clone(),
                reason: "is not a blob".to_owned(),
            }),
        }
    }

    fn observed(&self, size: u64, stream: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        self.to.observer().stream(size, stream)
    }

    /// Returns a file without a name that holds a layer: a request that has to be sent again begins at its start.
    fn written(&self, layer: &StoredLayer<'_>) -> Result<Arc<File>, Error> {
        let directory = &self.push.spool;
        let file = spool::nameless(directory)?;
        write_layer(layer, &file, |error| Error::spool(directory, error))?;
        Ok(Arc::new(file))
    }

    fn has(&self, digest: Digest, size: u64) -> Result<bool, Error> {
        let is_far = self
            .from
            .is_some_and(|from| !from.is_same_registry(&self.to));
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
