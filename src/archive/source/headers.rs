//! The headers of layers, from the cache where they were read before.

use std::io::{self, BufReader, Read, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::entry::Blob;
use crate::cache::{Cache, Recorder, Recording, Replayed};
use crate::compression::Compression;
use crate::digest::{Digest, Hashing};
use crate::error::Error;
use crate::tarball::{Input, Stream, TarReader};

/// The entries of a layer, in the order of its stream.
pub type Headers<'a> = TarReader<Box<dyn Input + 'a>>;

/// How much is read at once. In bytes.
const BUFFER_BYTES: usize = 128 * 1024;
/// How many buffers may wait to be hashed.
const MAX_WAITING: usize = 8;

/// Stored bytes of a layer, wherever they lie, that cost more to read than its headers do.
pub(super) struct Stored<'a> {
    /// What messages call them.
    pub(super) place: &'a str,
    pub(super) n_bytes: u64,
    /// Their digest, if reading them to their end checks it; nothing if they have to be hashed for it.
    pub(super) digest: Option<Digest>,
    /// Opens them at their start.
    pub(super) open: &'a dyn Fn() -> Result<Box<dyn Read + 'a>, Error>,
}

impl Blob {
    /// Has the headers of a layer read, from the cache if they were read before. A plain layer is read itself: to pass over its
    /// contents costs nothing.
    pub(super) fn read_headers<T, E>(
        self,
        place: &str,
        cache: Option<&Cache>,
        read: impl FnOnce(&mut Headers<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let is_plain = self.compression(place)? == Compression::None;
        let Some(cache) = cache.filter(|_| !is_plain) else {
            return Ok(read(&mut TarReader::new(self.into_tar(place)?)));
        };
        let stored = Stored {
            place,
            n_bytes: self.n_bytes(),
            digest: None,
            open: &|| Ok(Box::new(self.reader())),
        };
        stored.read_headers(cache, read)
    }
}

impl<'a> Stored<'a> {
    /// Has the headers read, from the cache if they were read before; if not, the cache gets them once `read` succeeds.
    pub(super) fn read_headers<T, E>(
        &self,
        cache: &Cache,
        read: impl FnOnce(&mut Headers<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let digest = self.digest_to_find(cache);
        if let Some(record) = digest.and_then(|digest| cache.find(digest, self.n_bytes)) {
            let open = || self.tar().map_err(io::Error::other);
            let input = Replayed::new(record, open);
            return Ok(read(&mut TarReader::new(Box::new(input))));
        }
        match cache.start() {
            None => Ok(read(&mut TarReader::new(self.tar()?))),
            Some(recording) => self.record(recording, read),
        }
    }

    /// Returns what a record would be found by. Hashing is cheaper than decompressing, but not for nothing.
    fn digest_to_find(&self, cache: &Cache) -> Option<Digest> {
        if self.digest.is_some() || !cache.may_have(self.n_bytes) {
            return self.digest;
        }
        // What cannot be read is reported when the layer is.
        let (digest, n_bytes) = Digest::of_reader(&mut (self.open)().ok()?).ok()?;
        (n_bytes == self.n_bytes).then_some(digest)
    }

    fn tar(&self) -> Result<Box<dyn Input + 'a>, Error> {
        let decoder = Compression::decode((self.open)()?);
        let decoder = decoder.map_err(Error::in_place(self.place))?;
        Ok(Box::new(Stream(decoder)))
    }

    /// Has the headers read and recorded. The stored bytes are hashed in the same pass, by a thread of its own.
    fn record<T, E>(
        &self,
        mut recording: Recording<'_>,
        read: impl FnOnce(&mut Headers<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let (sender, receiver) = sync_channel(MAX_WAITING);
        thread::scope(|scope| {
            let hashing = match self.digest {
                Some(_) => None,
                None => thread::Builder::new()
                    .spawn_scoped(scope, || hash(receiver))
                    .ok(),
            };
            let mut stored = Told {
                input: (self.open)()?,
                hashing: hashing.is_some().then_some(sender),
            };
            let decoder = Compression::decode(&mut stored);
            let decoder = decoder.map_err(Error::in_place(self.place))?;
            let input = Recorder::new(decoder, &mut recording);
            let result = read(&mut TarReader::new(Box::new(input)));
            if result.is_err() {
                return Ok(result);
            }
            // What follows the end of the tar is part of the blob too.
            let mut rest = BufReader::with_capacity(BUFFER_BYTES, &mut stored);
            let is_read = io::copy(&mut rest, &mut io::sink()).is_ok();
            drop(stored);
            let hashed = hashing.and_then(|thread| thread.join().ok());
            let hashed = hashed.filter(|(_, n_bytes)| *n_bytes == self.n_bytes);
            let digest = self.digest.or(hashed.map(|(digest, _)| digest));
            if let Some(digest) = digest.filter(|_| is_read) {
                recording.keep(digest, self.n_bytes);
            }
            Ok(result)
        })
    }
}

/// A stream whose bytes are told to a thread that hashes them.
struct Told<R> {
    input: R,
    hashing: Option<SyncSender<Vec<u8>>>,
}

impl<R: Read> Read for Told<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        if let Some(hashing) = &self.hashing {
            // A thread that ended has said so by not counting them.
            let _ = hashing.send(buffer[..n].to_vec());
        }
        Ok(n)
    }
}

/// Hashes and counts what it is told.
fn hash(told: Receiver<Vec<u8>>) -> (Digest, u64) {
    let mut hashing = Hashing::new(io::sink());
    for bytes in told {
        let written = hashing.write_all(&bytes);
        written.expect("a sink takes everything");
    }
    let (digest, n_bytes, _) = hashing.finish();
    (digest, n_bytes)
}
