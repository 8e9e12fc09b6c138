//! Where tar streams are read from.

use std::borrow::Borrow;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use crate::watch::{self, Counted};

/// Bytes that can be read in order and passed over.
pub trait Input: Read {
    /// Passes over `n` bytes; an input that ends before is `UnexpectedEof`.
    fn skip(&mut self, n: u64) -> io::Result<()>;
}

/// Any reader as an [`Input`]; passing over means reading.
#[derive(Debug)]
pub struct Stream<R>(pub R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Input for Stream<R> {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.0.by_ref().take(n), &mut io::sink())?;
        if skipped < n {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(())
        }
    }
}

impl Input for Box<dyn Input + '_> {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        (**self).skip(n)
    }
}

/// A range of a file, read by position; passing over costs nothing.
#[derive(Debug)]
pub struct Range<F> {
    file: F,
    position: u64,
    end: u64,
}

impl<F: Borrow<File>> Range<F> {
    /// Takes the bytes `start..end` of `file`.
    #[must_use]
    pub fn new(file: F, start: u64, end: u64) -> Self {
        Self {
            file,
            position: start,
            end,
        }
    }
}

impl<F: Borrow<File>> Read for Range<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.position);
        let n = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = self
            .file
            .borrow()
            .read_at(&mut buffer[..n], self.position)?;
        self.position += n as u64;
        watch::moves(n as u64, Counted::Read);
        Ok(n)
    }
}

impl<F: Borrow<File>> Input for Range<F> {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        let position = self.position.checked_add(n).filter(|&p| p <= self.end);
        self.position = position.ok_or(io::ErrorKind::UnexpectedEof)?;
        watch::moves(n, Counted::Read);
        Ok(())
    }
}
