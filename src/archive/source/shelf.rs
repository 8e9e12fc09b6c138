//! Blobs of registries that several images of one run share, such as the layers of a base: each is fetched once.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::spool;
use crate::digest::Digest;
use crate::error::Error;

/// What all blobs may take on the disk; those beyond are kept by each image for itself. In bytes.
const MAX_BYTES: u64 = 4 << 30;
/// How many blobs have a place, which takes memory.
const MAX_BLOBS: usize = 100_000;

/// Where a blob begins, and whether it is there yet. Who fetches it has this locked, and waits for nothing but the registry.
#[derive(Debug, Clone)]
struct Place {
    start: u64,
    is_there: Arc<Mutex<bool>>,
}

/// Blobs in one file without a name.
#[derive(Debug)]
pub struct Shelf {
    directory: PathBuf,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    file: Option<Arc<File>>,
    /// Where the next blob begins.
    end: u64,
    /// By digest and size: an image that states a wrong size gets no blob of another, and takes no room from it.
    places: HashMap<(Digest, u64), Place>,
}

impl Shelf {
    /// Returns an empty one, whose file is made in `directory` for the first blob.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            content: Mutex::default(),
        }
    }

    /// Returns the file, and where in it a blob begins. One that is not there yet is written there by `fetch`, for which others that
    /// want it wait. Nothing if there is no room.
    pub(super) fn take(
        &self,
        digest: Digest,
        size: u64,
        fetch: impl FnOnce(&(Arc<File>, u64)) -> Result<(), Error>,
    ) -> Result<Option<(Arc<File>, u64)>, Error> {
        let Some((file, place)) = self.place(digest, size)? else {
            return Ok(None);
        };
        let mut is_there = place
            .is_there
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = (file, place.start);
        if !*is_there {
            fetch(&found)?;
            *is_there = true;
        }
        Ok(Some(found))
    }

    fn place(&self, digest: Digest, size: u64) -> Result<Option<(Arc<File>, Place)>, Error> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &content.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(
                content
                    .file
                    .insert(Arc::new(spool::nameless(&self.directory)?)),
            ),
        };
        if let Some(place) = content.places.get(&(digest, size)) {
            return Ok(Some((file, place.clone())));
        }
        let start = content.end;
        if size > MAX_BYTES - start || content.places.len() >= MAX_BLOBS {
            return Ok(None);
        }
        content.end += size;
        let place = Place {
            start,
            is_there: Arc::default(),
        };
        content.places.insert((digest, size), place.clone());
        Ok(Some((file, place)))
    }
}
