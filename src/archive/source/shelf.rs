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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{MAX_BYTES, Shelf};
    use crate::digest::Digest;
    use crate::error::Error;

    fn shelf() -> Shelf {
        Shelf::new(&std::env::temp_dir())
    }

    fn put(shelf: &Shelf, bytes: &[u8]) -> u64 {
        let taken = shelf.take(Digest::of(bytes), bytes.len() as u64, |(file, start)| {
            file.write_all_at(bytes, *start).unwrap();
            Ok(())
        });
        taken.unwrap().expect("there is room").1
    }

    fn held(shelf: &Shelf, bytes: &[u8]) -> Vec<u8> {
        let fetch = |_: &_| panic!("it is there");
        let taken = shelf.take(Digest::of(bytes), bytes.len() as u64, fetch);
        let (file, start) = taken.unwrap().unwrap();
        let mut found = vec![0; bytes.len()];
        file.read_exact_at(&mut found, start).unwrap();
        found
    }

    fn fails() -> Error {
        Error::NotInRegistry {
            place: "x".to_owned(),
        }
    }

    #[test]
    fn each_blob_is_fetched_once_whoever_wants_it() {
        let shelf = shelf();
        let n_fetched = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for i in 0..16 {
                let (shelf, n_fetched) = (&shelf, &n_fetched);
                scope.spawn(move || {
                    // Half of them want the blobs in the other order.
                    for turn in 0..8_u8 {
                        let bytes = [if i % 2 == 0 { turn } else { 7 - turn }; 100];
                        let taken = shelf.take(Digest::of(&bytes), 100, |(file, start)| {
                            n_fetched.fetch_add(1, Ordering::SeqCst);
                            std::thread::yield_now();
                            file.write_all_at(&bytes, *start).unwrap();
                            Ok(())
                        });
                        taken.unwrap().unwrap();
                    }
                });
            }
        });
        assert_eq!(n_fetched.into_inner(), 8);
        for turn in 0..8 {
            assert_eq!(held(&shelf, &[turn; 100]), [turn; 100]);
        }
    }

    #[test]
    fn what_fails_for_one_image_is_fetched_by_the_next() {
        let shelf = shelf();
        let (digest, other) = (Digest::of(b"one"), b"other");
        // The first wrote a part, and a blob behind it is there already.
        let failed = shelf.take(digest, 3, |(file, start)| {
            put(&shelf, other);
            file.write_all_at(b"xx", *start).unwrap();
            Err(fails())
        });
        assert!(failed.is_err());
        put(&shelf, b"one");
        assert_eq!(held(&shelf, b"one"), b"one");
        assert_eq!(held(&shelf, other), other);
    }

    #[test]
    fn a_thread_that_panics_leaves_the_blob_to_the_next() {
        let shelf = shelf();
        let panics = std::thread::scope(|scope| {
            let shelf = &shelf;
            let thread = scope.spawn(move || shelf.take(Digest::of(b"one"), 3, |_| panic!("bug")));
            thread.join().is_err()
        });
        assert!(panics);
        put(&shelf, b"one");
        assert_eq!(held(&shelf, b"one"), b"one");
    }

    #[test]
    fn a_size_that_is_wrong_harms_no_other_image() {
        let shelf = shelf();
        let bytes = [7; 1000];
        for wrong in [0, 1, 999, 1001] {
            let taken = shelf.take(Digest::of(&bytes), wrong, |_| Err(fails()));
            assert!(taken.is_err(), "{wrong}");
        }
        put(&shelf, &bytes);
        put(&shelf, b"behind");
        assert_eq!(held(&shelf, &bytes), bytes);
        // Nor does it get a part of what is there.
        let taken = shelf.take(Digest::of(&bytes), 999, |_| Err(fails()));
        assert!(taken.is_err());
    }

    #[test]
    fn beyond_the_bound_each_image_keeps_its_own() {
        let shelf = shelf();
        let unwanted = |_: &_| panic!("there is no room");
        for size in [MAX_BYTES + 1, u64::MAX] {
            let taken = shelf.take(Digest::of(b"much"), size, unwanted);
            assert!(taken.unwrap().is_none());
        }
        put(&shelf, b"one");
        let taken = shelf.take(Digest::of(b"much"), MAX_BYTES - 2, unwanted);
        assert!(taken.unwrap().is_none());
        let taken = shelf.take(Digest::of(b"much"), MAX_BYTES - 3, |_| Ok(()));
        assert_eq!(taken.unwrap().unwrap().1, 3);
        assert_eq!(held(&shelf, b"one"), b"one");
        let taken = shelf.take(Digest::of(b"more"), 1, unwanted);
        assert!(taken.unwrap().is_none());
    }
}
