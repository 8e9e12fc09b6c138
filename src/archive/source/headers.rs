//! The headers of layers, from the cache where they were read before.

use std::cell::Cell;
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
        if self.compression(place)? == Compression::None {
            return Ok(read(&mut TarReader::new(self.into_tar(place)?)));
        }
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
        cache: Option<&Cache>,
        read: impl FnOnce(&mut Headers<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        if let Some(cache) = cache
            && let Some(digest) = self.digest_to_find(cache)
            && let Some(record) = cache.find(digest, self.n_bytes)
        {
            let is_lacking = Cell::new(false);
            let open = || {
                is_lacking.set(true);
                self.tar().map_err(io::Error::other)
            };
            let input = Replayed::new(record, open);
            let result = read(&mut TarReader::new(Box::new(input)));
            if is_lacking.get() {
                // The next run writes one that does not.
                cache.remove(digest, self.n_bytes);
            }
            return Ok(result);
        }
        self.read_all(cache.and_then(Cache::start), read)
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

    /// Has the headers read from the bytes themselves. Those that go into a record are hashed in the same pass, by a thread of
    /// its own.
    fn read_all<T, E>(
        &self,
        mut recording: Option<Recording>,
        read: impl FnOnce(&mut Headers<'_>) -> Result<T, E>,
    ) -> Result<Result<T, E>, Error> {
        let failed = Error::in_place(self.place);
        let (sender, receiver) = sync_channel(MAX_WAITING);
        thread::scope(|scope| {
            let input = (self.open)()?;
            let is_hashed = self.digest.is_none() && recording.is_some();
            let spawn = || thread::Builder::new().spawn_scoped(scope, || hash(receiver));
            let hashing = is_hashed.then(spawn).and_then(Result::ok);
            let mut stored = Told {
                input,
                hashing: hashing.is_some().then_some(sender),
            };
            let decoder = Compression::decode(&mut stored).map_err(failed)?;
            let input: Box<dyn Input> = match &mut recording {
                Some(recording) => Box::new(Recorder::new(decoder, recording)),
                None => Box::new(Stream(decoder)),
            };
            let result = read(&mut TarReader::new(input));
            let is_kept = recording.is_some() && result.is_ok();
            if self.digest.is_some() || is_kept {
                let is_read = stored.read_to_end();
                // Bytes that are not what they should be explain whatever was found in them.
                if self.digest.is_some() {
                    is_read.map_err(failed)?;
                }
            }
            drop(stored);
            let hashed = hashing.and_then(|thread| thread.join().ok());
            let hashed = hashed.filter(|(_, n_bytes)| *n_bytes == self.n_bytes);
            let digest = self.digest.or(hashed.map(|(digest, _)| digest));
            if let (Some(recording), Some(digest)) = (recording.filter(|_| is_kept), digest) {
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

impl<R: Read> Told<R> {
    /// Reads what follows the end of the tar, which is part of the blob too.
    fn read_to_end(&mut self) -> io::Result<()> {
        let mut rest = BufReader::with_capacity(BUFFER_BYTES, self);
        io::copy(&mut rest, &mut io::sink()).map(drop)
    }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::io::{self, Read};

    use super::{Cache, Headers, Stored};
    use crate::compression::Compression;
    use crate::digest::Digest;
    use crate::tarball::{END_OF_ARCHIVE, Entry, TarError, header_group};

    /// A layer with two files, and bytes behind its end.
    fn layer(compression: Compression) -> Vec<u8> {
        let mut tar = Vec::new();
        for name in ["one", "two"] {
            let entry = Entry {
                name: name.into(),
                size: 512,
                ..Entry::file()
            };
            tar.extend(header_group(&entry));
            tar.extend([b'x'; 512]);
        }
        tar.extend(END_OF_ARCHIVE);
        let mut encoder = compression.encoder(Vec::new()).unwrap();
        io::copy(&mut &tar[..], &mut encoder).unwrap();
        let mut stored = encoder.finish().unwrap();
        if compression == Compression::None {
            stored.extend([0; 3000]);
        }
        stored
    }

    fn names(headers: &mut Headers<'_>) -> Result<Vec<String>, TarError> {
        let mut names = Vec::new();
        while let Some(entry) = headers.next()? {
            names.push(String::from_utf8(entry.name).unwrap());
        }
        Ok(names)
    }

    /// A stream that checks itself where it ends, as that of a registry does.
    struct Checked<'a> {
        bytes: &'a [u8],
        is_right: bool,
        n_ends: &'a Cell<usize>,
    }

    impl Read for Checked<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.bytes.read(buffer)?;
            if n == 0 && !buffer.is_empty() {
                self.n_ends.set(self.n_ends.get() + 1);
                if !self.is_right {
                    return Err(io::Error::other("a wrong digest"));
                }
            }
            Ok(n)
        }
    }

    #[test]
    fn bytes_that_check_themselves_are_fetched_once() {
        let wanted = ["one", "two"].map(str::to_owned);
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let bytes = layer(compression);
            let home = tempfile::tempdir().unwrap();
            let cache = Cache::at(home.path());
            let (n_opened, n_ends, is_right) = (Cell::new(0), Cell::new(0), Cell::new(false));
            let stored = Stored {
                place: "registry.example.com/app",
                n_bytes: bytes.len() as u64,
                digest: Some(Digest::of(&bytes)),
                open: &|| {
                    n_opened.set(n_opened.get() + 1);
                    Ok(Box::new(Checked {
                        bytes: &bytes,
                        is_right: is_right.get(),
                        n_ends: &n_ends,
                    }))
                },
            };
            for cache in [Some(&cache), None] {
                let told = stored.read_headers(cache, names).unwrap_err().to_string();
                assert!(told.contains("a wrong digest"), "{told}");
            }
            is_right.set(true);
            assert_eq!(stored.read_headers(None, names).unwrap().unwrap(), wanted);
            assert_eq!(n_opened.get(), 3, "nothing wrong was recorded");
            let read = || stored.read_headers(Some(&cache), names).unwrap().unwrap();
            assert_eq!(
                (read(), n_opened.get(), n_ends.get() > 0),
                (wanted.to_vec(), 4, true)
            );
            assert_eq!((read(), n_opened.get()), (wanted.to_vec(), 4));
            // What was not asked for then is read from the bytes.
            let content = |headers: &mut Headers<'_>| {
                headers.next().unwrap();
                let mut content = Vec::new();
                headers.read_to_end(&mut content).map(|_| content)
            };
            let content = stored.read_headers(Some(&cache), content).unwrap();
            assert_eq!((content.unwrap(), n_opened.get()), (vec![b'x'; 512], 5));
            // A record that lacked something is replaced.
            assert_eq!((read(), n_opened.get()), (wanted.to_vec(), 6));
            assert_eq!((read(), n_opened.get()), (wanted.to_vec(), 6));
        }
    }

    #[test]
    fn a_reader_that_gives_up_leaves_no_record() {
        let bytes = layer(Compression::Gzip);
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::at(home.path());
        let stored = Stored {
            place: "layer",
            n_bytes: bytes.len() as u64,
            digest: None,
            open: &|| Ok(Box::new(&bytes[..])),
        };
        let n_records = || std::fs::read_dir(home.path()).unwrap().count();
        let gives_up = |_: &mut Headers<'_>| Err::<(), _>("stop");
        assert_eq!(
            stored.read_headers(Some(&cache), gives_up).unwrap(),
            Err("stop")
        );
        assert_eq!(n_records(), 0);
        let nothing = |_: &mut Headers<'_>| Ok::<_, Infallible>(());
        stored.read_headers(Some(&cache), nothing).unwrap().unwrap();
        assert_eq!(n_records(), 1);
        // A record of nothing leads to the layer, and does not stay.
        for n_left in [0, 1, 1] {
            let read = stored.read_headers(Some(&cache), names).unwrap().unwrap();
            assert_eq!(
                (&read[..], n_records()),
                (&["one", "two"].map(str::to_owned)[..], n_left)
            );
        }
    }
}
