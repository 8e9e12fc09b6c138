//! Keeping a stream while it is read as a tar, within limits.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use super::inlet::Inlet;
use crate::error::Error;
use crate::tarball::{Input, TarReader};

/// Bytes that move between two looks at the limits.
const STEP_BYTES: u64 = 16 << 20;

/// How much of a stream may be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes that every archive may decompress to.
    pub(super) free: u64,
    /// Bytes that may come of each compressed one beyond that.
    pub(super) ratio: u64,
    /// One part in so many of the free room is left to others.
    pub(super) room_share: u64,
}

/// Images come to 2 to 5 bytes for each compressed one, disks of virtual machines to some 50; gzip reaches 1032.
pub(super) const LIMITS: Limits = Limits {
    free: 1 << 30,
    ratio: 256,
    room_share: 16,
};

/// A stream that is kept while it is read as a tar.
pub(super) struct Spooling<'a, I> {
    input: I,
    /// The first bytes, which are kept already, as far as nobody has read them.
    pending: &'a [u8],
    file: File,
    n_kept: u64,
    place: &'a str,
    directory: &'a Path,
    limits: Limits,
    /// Bytes that the file system had room for.
    room: u64,
    /// What ended it, where that was not the tar.
    failure: Option<Error>,
}

impl<'a, I: Inlet> Spooling<'a, I> {
    pub(super) fn new(
        file: File,
        input: I,
        (place, directory): (&'a str, &'a Path),
        limits: Limits,
    ) -> Self {
        Self {
            input,
            pending: &[],
            room: room(&file).unwrap_or(u64::MAX),
            file,
            n_kept: 0,
            place,
            directory,
            limits,
            failure: None,
        }
    }

    /// Says what has been read and kept already.
    pub(super) fn behind(mut self, first: &'a [u8]) -> Self {
        self.pending = first;
        self.n_kept = first.len() as u64;
        self
    }

    /// Returns the file once the stream, or the tar in it, has ended.
    pub(super) fn fill(self) -> Result<File, Error> {
        let mut reader = TarReader::new(self);
        let mut has_entries = false;
        let is_tar = loop {
            match reader.next() {
                Ok(Some(_)) => has_entries = true,
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        let mut spool = reader.into_input();
        if let Some(failure) = spool.failure {
            return Err(failure);
        }
        if has_entries && is_tar {
            while spool.pour(u64::MAX)? > 0 {}
        } else if has_entries && spool.input.n_packed().is_some() {
            spool.read_on()?;
        }
        Ok(spool.file)
    }

    /// Moves up to `n` bytes; 0 where the stream ends.
    fn pour(&mut self, n: u64) -> Result<u64, Error> {
        let n = n.min(STEP_BYTES);
        let poured = self.input.pour(n, &mut self.file, self.directory)?;
        self.count(poured)?;
        Ok(poured)
    }

    /// What looks like a damaged tar may be a damaged compression, which its decoder tells further on.
    fn read_on(&mut self) -> Result<(), Error> {
        let mut buffer = vec![0; 256 * 1024];
        let mut unread = self.limits.free;
        while unread > 0 {
            let n = self.input.read(&mut buffer)? as u64;
            if n == 0 {
                break;
            }
            self.count(n)?;
            unread = unread.saturating_sub(n);
        }
        Ok(())
    }

    fn count(&mut self, n: u64) -> Result<(), Error> {
        self.n_kept += n;
        let spare = self.room / self.limits.room_share;
        if self.n_kept > self.room - spare {
            let reason = format!(
                "`{}` needs more than {} of {} free bytes",
                self.place,
                self.room - spare,
                self.room
            );
            let source = io::Error::new(io::ErrorKind::StorageFull, reason);
            return Err(Error::spool(self.directory, source));
        }
        let Some(n_packed) = self.input.n_packed() else {
            return Ok(());
        };
        let allowed = n_packed
            .saturating_mul(self.limits.ratio)
            .saturating_add(self.limits.free);
        if self.n_kept <= allowed {
            return Ok(());
        }
        Err(Error::NotAnImage {
            place: self.place.to_owned(),
            reason: format!(
                "decompresses to more than {allowed} bytes, the limit for {n_packed} compressed bytes"
            ),
        })
    }

    /// Keeps an error for whom `io::Error` cannot carry it to.
    fn stop(&mut self, error: Error) -> io::Error {
        self.failure = Some(error);
        io::ErrorKind::Other.into()
    }
}

impl<I: Inlet> Read for Spooling<'_, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.pending.is_empty() {
            return self.pending.read(buffer);
        }
        let read = self.input.read(buffer).and_then(|n| {
            let kept = self.file.write_all(&buffer[..n]);
            kept.map_err(|error| Error::spool(self.directory, error))?;
            self.count(n as u64)?;
            Ok(n)
        });
        read.map_err(|error| self.stop(error))
    }
}

impl<I: Inlet> Input for Spooling<'_, I> {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        let from_pending = n.min(self.pending.len() as u64);
        self.pending = &self.pending[usize::try_from(from_pending).expect("a part of a page")..];
        let mut left = n - from_pending;
        while left > 0 {
            match self.pour(left) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(poured) => left -= poured,
                Err(error) => return Err(self.stop(error)),
            }
        }
        Ok(())
    }
}

/// Returns how many bytes fit where `file` lies; a file system may not know.
fn room(file: &File) -> Option<u64> {
    let stat = rustix::fs::fstatvfs(file).ok()?;
    let knows = stat.f_blocks > 0;
    knows.then(|| stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write as _};

    use super::{Limits, room};
    use crate::archive::source::spool::unpack;
    use crate::compression::Compression;
    use crate::error::Error;
    use crate::tarball::{END_OF_ARCHIVE, Entry, header_group};

    const FEW: Limits = Limits {
        free: 64 * 1024,
        ratio: 10,
        room_share: 16,
    };

    #[test]
    fn a_file_system_tells_how_much_room_it_has() {
        assert!(room(&tempfile::tempfile().unwrap()).is_some_and(|n_bytes| n_bytes > 0));
    }

    /// A tar of one entry of `n` zeros.
    fn zeros(n: usize) -> Vec<u8> {
        let entry = Entry {
            name: b"a".to_vec(),
            size: n as u64,
            ..Entry::file()
        };
        let mut tar = header_group(&entry);
        tar.resize(tar.len() + n.next_multiple_of(512), 0);
        tar.extend(END_OF_ARCHIVE);
        tar
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Returns how many bytes of a stream were kept.
    fn kept(
        stream: impl Read,
        length: Option<u64>,
        compression: Compression,
        limits: Limits,
    ) -> Result<u64, Error> {
        let directory = std::env::temp_dir();
        let file = unpack(stream, length, compression, "a.tar", &directory, limits)?;
        Ok(file.metadata().unwrap().len())
    }

    #[test]
    fn what_a_compressed_archive_may_come_to_follows_from_its_bytes() {
        let bomb = gzip(&zeros(1 << 20));
        let n = bomb.len() as u64;
        let whole = zeros(1 << 20).len() as u64;
        for length in [Some(n), None] {
            let limits = |ratio| Limits { ratio, ..FEW };
            let enough = (whole - FEW.free).div_ceil(n);
            let read = |limits| kept(bomb.as_slice(), length, Compression::Gzip, limits);
            assert_eq!(read(limits(enough)).unwrap(), whole);
            let error = read(limits(enough - 1)).unwrap_err().to_string();
            let allowed = FEW.free + (enough - 1) * n;
            let message = format!(
                "`a.tar` decompresses to more than {allowed} bytes, the limit for {n} compressed bytes"
            );
            assert_eq!(error, message);
        }
        // What every archive may come to asks for no ratio.
        let small = gzip(&zeros(60 * 1024));
        let limits = Limits { ratio: 0, ..FEW };
        assert!(kept(small.as_slice(), None, Compression::Gzip, limits).is_ok());
    }

    #[test]
    fn some_room_is_left_to_others() {
        let tar = zeros(1 << 20);
        let limits = Limits {
            room_share: 1,
            ..FEW
        };
        let error = kept(tar.as_slice(), None, Compression::None, limits).unwrap_err();
        let Error::Spool { source, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        let text = error.to_string();
        assert!(text.contains("`a.tar` needs more than 0 of "), "{text}");
    }

    #[test]
    fn an_endless_stream_that_is_no_tar_ends_at_the_block_that_says_so() {
        let read = |stream: &mut dyn Read| kept(stream, None, Compression::None, FEW).unwrap();
        assert_eq!(read(&mut io::repeat(0)), 1024);
        assert_eq!(read(&mut io::repeat(7)), 512);
        let single = [0; 512];
        assert_eq!(read(&mut single.as_slice().chain(io::repeat(7))), 1024);
        let mut entry = zeros(0);
        entry.truncate(512);
        assert_eq!(read(&mut entry.as_slice().chain(io::repeat(7))), 1024);
    }

    #[test]
    fn damage_further_up_is_told_as_what_it_is() {
        let mut damaged = gzip(&[zeros(0)[..512].to_vec(), vec![7; 40_000]].concat());
        let n = damaged.len();
        damaged[n - 6] ^= 1;
        let error = kept(damaged.as_slice(), None, Compression::Gzip, FEW).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("a damaged gzip stream"), "{text}");
    }
}
