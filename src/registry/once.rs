//! What a run knows to be in a repository, because it has put it there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Repository;
use crate::digest::Digest;
use crate::error::Error;

/// Of more blobs nothing is remembered; they are sent again.
const MAX_BLOBS: usize = 100_000;

/// A repository, by its name, and a blob.
type Key = (String, Digest);

/// For each repository and blob whether it is there; locked while somebody sends it.
#[derive(Default)]
pub(super) struct Sent(Mutex<HashMap<Key, Arc<Mutex<bool>>>>);

impl Sent {
    fn state(&self, key: Key) -> Arc<Mutex<bool>> {
        let mut blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if blobs.len() >= MAX_BLOBS {
            blobs.clear();
        }
        Arc::clone(blobs.entry(key).or_default())
    }

    fn remove(&self, key: &Key) {
        let mut blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.remove(key);
    }
}

impl Repository {
    /// Sends a blob by `send`, unless that was done in this run: several images share their layers. Another thread that wants the
    /// same one waits, since some registries lose a blob for a moment that two clients put in one place (distribution 2.8).
    pub fn once(
        &self,
        digest: Digest,
        send: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let state = self.registries.0.sent.state((self.shown(), digest));
        let mut is_there = state.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_there {
            send()?;
            *is_there = true;
        }
        Ok(())
    }

    /// Forgets that a blob was sent: the registry says that it is not there.
    pub fn forget(&self, digest: Digest) {
        self.registries.0.sent.remove(&(self.shown(), digest));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::digest::Digest;
    use crate::error::Error;
    use crate::reference::Reference;
    use crate::registry::{Registries, Repository, Settings, Transport};

    fn repositories() -> [Repository; 2] {
        #[derive(Debug)]
        struct None;
        impl Transport for None {
            fn send(
                &self,
                _: crate::registry::Request<'_>,
            ) -> Result<crate::registry::Response, crate::registry::Failure> {
                unreachable!("nothing is sent")
            }
        }
        let registries = Registries::over(std::sync::Arc::new(None), Settings::default());
        ["r.example.com/a", "r.example.com/b"]
            .map(|name| registries.repository(&Reference::parse(name).unwrap()))
    }

    #[test]
    fn a_blob_is_sent_once_to_each_repository_whoever_wants_it() {
        let repositories = repositories();
        let n_sent = AtomicUsize::new(0);
        let n_at_once = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for i in 0..16 {
                let (repositories, n_sent, n_at_once) = (&repositories, &n_sent, &n_at_once);
                scope.spawn(move || {
                    let sent = repositories[i % 2].once(Digest::of(b"x"), || {
                        n_at_once.fetch_add(1, Ordering::SeqCst);
                        std::thread::yield_now();
                        assert!(n_at_once.fetch_sub(1, Ordering::SeqCst) <= 2);
                        n_sent.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    });
                    sent.unwrap();
                });
            }
        });
        assert_eq!(n_sent.into_inner(), 2);
    }

    #[test]
    fn what_failed_or_was_forgotten_is_sent_again() {
        let [repository, _] = repositories();
        let digest = Digest::of(b"x");
        let failed = || {
            Err(Error::NotInRegistry {
                place: "x".to_owned(),
            })
        };
        assert!(repository.once(digest, failed).is_err());
        let n = AtomicUsize::new(0);
        let send = || {
            let sent = repository.once(digest, || {
                n.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            sent.unwrap();
        };
        send();
        send();
        assert_eq!(n.load(Ordering::SeqCst), 1);
        repository.forget(digest);
        send();
        assert_eq!(n.load(Ordering::SeqCst), 2);
    }
}
