//! Where the bytes of an archive come from that is kept: a plain stream, or a compressed one.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::path::Path;

use crate::error::Error;
use crate::tarball::read_some;
use crate::watch;

/// Where the bytes of an archive come from.
pub(super) trait Inlet {
    /// Moves up to `n` bytes to the end of `file`; fewer only where the stream ends.
    fn pour(&mut self, n: u64, file: &mut File, directory: &Path) -> Result<u64, Error>;

    /// Reads some bytes.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;

    /// Returns the compressed bytes that there are, or that have come of a stream.
    fn n_packed(&self) -> Option<u64>;
}

/// A plain stream.
pub(super) struct Pipe<'a> {
    pub(super) input: &'a mut File,
    pub(super) place: &'a str,
}

impl Inlet for Pipe<'_> {
    fn pour(&mut self, n: u64, file: &mut File, directory: &Path) -> Result<u64, Error> {
        // Between files and pipes of the system this is `splice` or `copy_file_range`: nothing passes through our memory.
        let poured = io::copy(&mut (&mut *self.input).take(n), file);
        watch::moves(*poured.as_ref().unwrap_or(&0), watch::Counted::Read);
        poured.map_err(|source| match source.kind() {
            // A stream has room for all that comes; it is the file that has not.
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Error::spool(directory, source),
            _ => Error::in_place(self.place)(source),
        })
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        read_some(self.input, buffer).map_err(Error::in_place(self.place))
    }

    fn n_packed(&self) -> Option<u64> {
        None
    }
}

/// A compressed stream.
pub(super) struct Packed<'a> {
    pub(super) decoder: BufReader<Box<dyn Read + 'a>>,
    pub(super) n_read: &'a Cell<u64>,
    pub(super) damaged: &'a dyn Fn(io::Error) -> Error,
}

impl Inlet for Packed<'_> {
    fn pour(&mut self, n: u64, file: &mut File, directory: &Path) -> Result<u64, Error> {
        let mut poured = 0;
        while poured < n {
            let bytes = self.decoder.fill_buf().map_err(self.damaged)?;
            if bytes.is_empty() {
                break;
            }
            let left = usize::try_from(n - poured).unwrap_or(usize::MAX);
            let bytes = &bytes[..left.min(bytes.len())];
            let written = file.write_all(bytes);
            written.map_err(|error| Error::spool(directory, error))?;
            let n_bytes = bytes.len();
            self.decoder.consume(n_bytes);
            poured += n_bytes as u64;
        }
        Ok(poured)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.decoder.read(buffer).map_err(self.damaged)
    }

    fn n_packed(&self) -> Option<u64> {
        Some(self.n_read.get())
    }
}

/// A reader that counts what it reads, where somebody wants to know, and that no signal interrupts.
pub(super) struct Counted<'a, R> {
    pub(super) stream: R,
    pub(super) n_read: Option<&'a Cell<u64>>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = read_some(&mut self.stream, buffer)?;
        if let Some(n_read) = self.n_read {
            n_read.set(n_read.get() + n as u64);
            watch::moves(n as u64, watch::Counted::Read);
        }
        Ok(n)
    }
}
