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

/// Reads some bytes; 0 where the input ends. A signal is no failure: the system asks to be called again.
pub(crate) fn read_some(input: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
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

#[cfg(test)]
pub(super) mod tests {
    use std::io::{self, ErrorKind, Read};

    use super::{Input as _, Stream, read_some};

    /// A stream that a signal interrupts before each piece.
    pub(crate) struct Interrupted<'a>(&'a [u8], bool);

    impl<'a> Interrupted<'a> {
        pub(crate) fn new(bytes: &'a [u8]) -> Self {
            Self(bytes, false)
        }
    }

    impl Read for Interrupted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            let n = buffer.len().min(700);
            self.0.read(&mut buffer[..n])
        }
    }

    /// A byte each time, and each time first what keeps it from coming.
    struct Halting(ErrorKind, bool);

    impl Read for Halting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(self.0.into());
            }
            buffer[0] = b'x';
            Ok(1)
        }
    }

    #[test]
    fn a_signal_is_waited_out_and_a_failure_is_told() {
        let mut buffer = [0; 4];
        let mut input = Halting(ErrorKind::Interrupted, false);
        assert_eq!(read_some(&mut input, &mut buffer).unwrap(), 1);
        assert_eq!(buffer, *b"x\0\0\0");
        let error = read_some(&mut Halting(ErrorKind::TimedOut, false), &mut buffer);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(read_some(&mut &b""[..], &mut buffer).unwrap(), 0);
    }

    #[test]
    fn a_stream_passes_over_what_it_has_and_no_more() {
        let mut stream = Stream(&b"abc"[..]);
        stream.skip(2).unwrap();
        stream.skip(0).unwrap();
        assert_eq!(stream.skip(2).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
