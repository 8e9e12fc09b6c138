//! Writing a draft as a tar: kept bytes travel by range, neighbours in one piece.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use super::draft::{Content, Draft, DraftEntry, NewEntry};
use super::source::Blob;
use crate::compression::Encoder;
use crate::error::Error;
use crate::tarball::{BLOCK_BYTES, END_OF_ARCHIVE, Kind};

/// Where a tar goes: a file or pipe that the kernel copies to, or a compressor.
#[derive(Debug)]
pub(super) enum Sink {
    Plain(File),
    Compressed(Encoder<File>),
}

impl Sink {
    /// Copies `start..end` of `file` without looking at it.
    pub(super) fn copy(&mut self, file: &File, start: u64, end: u64) -> io::Result<()> {
        let mut at = start;
        if let Self::Plain(output) = self {
            at = copy_in_kernel(file, start, end, output)?;
        }
        let mut buffer = vec![0; usize::try_from(end - at).unwrap_or(usize::MAX).min(1 << 20)];
        while at < end {
            let n = usize::try_from(end - at)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            file.read_exact_at(&mut buffer[..n], at)?;
            self.write_all(&buffer[..n])?;
            at += n as u64;
        }
        Ok(())
    }

    /// Ends the stream; what comes back is the file, complete but not yet synced.
    pub(super) fn finish(self) -> io::Result<File> {
        match self {
            Self::Plain(file) => Ok(file),
            Self::Compressed(encoder) => encoder.finish(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Compressed(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Compressed(encoder) => encoder.flush(),
        }
    }
}

/// Returns how far the kernel copied: all the way, or not at all where it cannot for this pair of files.
fn copy_in_kernel(file: &File, start: u64, end: u64, output: &File) -> io::Result<u64> {
    let mut at = start;
    let mut by_range = true;
    while at < end {
        let n = usize::try_from(end - at).unwrap_or(usize::MAX).min(1 << 30);
        let copied = if by_range {
            rustix::fs::copy_file_range(file, Some(&mut at), output, None, n)
        } else {
            rustix::fs::sendfile(output, file, Some(&mut at), n)
        };
        match copied {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(
                rustix::io::Errno::XDEV
                | rustix::io::Errno::INVAL
                | rustix::io::Errno::NOSYS
                | rustix::io::Errno::OPNOTSUPP
                | rustix::io::Errno::BADF,
            ) => {
                if !by_range {
                    return Ok(at);
                }
                by_range = false;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(at)
}

/// Writes the whole draft.
pub(super) fn write_tar(draft: &Draft<'_>, sink: &mut Sink, place: &str) -> Result<(), Error> {
    let failed = |source| Error::Io {
        place: place.to_owned(),
        source,
    };
    let Some(tar) = draft.source.tar_file() else {
        return write_directory_as_tar(draft, sink, place);
    };
    // The run of kept entries that lie one behind the other.
    let mut run: Option<(u64, u64)> = None;
    for entry in &draft.entries {
        match entry {
            DraftEntry::Kept(index) => {
                let (start, end) = draft
                    .source
                    .span(*index)
                    .expect("a tar's entries have spans");
                run = match run {
                    Some((first, last)) if last == start => Some((first, end)),
                    Some((first, last)) => {
                        sink.copy(tar, first, last).map_err(failed)?;
                        Some((start, end))
                    }
                    None => Some((start, end)),
                };
            }
            DraftEntry::New(new) => {
                if let Some((first, last)) = run.take() {
                    sink.copy(tar, first, last).map_err(failed)?;
                }
                write_new(draft, new, sink, place)?;
            }
        }
    }
    let (tail, length) = draft.source.tail().expect("a tar has a tail");
    match run {
        Some((first, last)) if last == tail => sink.copy(tar, first, length).map_err(failed)?,
        Some((first, last)) => {
            sink.copy(tar, first, last).map_err(failed)?;
            sink.copy(tar, tail, length).map_err(failed)?;
        }
        None => sink.copy(tar, tail, length).map_err(failed)?,
    }
    if length - tail < END_OF_ARCHIVE.len() as u64 {
        sink.write_all(&END_OF_ARCHIVE).map_err(failed)?;
    }
    Ok(())
}

fn write_directory_as_tar(draft: &Draft<'_>, sink: &mut Sink, place: &str) -> Result<(), Error> {
    let failed = |source| Error::Io {
        place: place.to_owned(),
        source,
    };
    for entry in &draft.entries {
        match entry {
            DraftEntry::Kept(index) => {
                sink.write_all(&draft.header_on_disk(*index))
                    .map_err(failed)?;
                if draft.source.entries()[*index].kind == Kind::File {
                    write_blob(&draft.source.blob(*index)?, sink).map_err(failed)?;
                }
            }
            DraftEntry::New(new) => write_new(draft, new, sink, place)?,
        }
    }
    sink.write_all(&END_OF_ARCHIVE).map_err(failed)
}

fn write_new(draft: &Draft<'_>, new: &NewEntry, sink: &mut Sink, place: &str) -> Result<(), Error> {
    let failed = |source| Error::Io {
        place: place.to_owned(),
        source,
    };
    sink.write_all(&draft.header(new)?).map_err(failed)?;
    match &new.content {
        Content::Directory | Content::Symlink(_) => Ok(()),
        Content::Bytes(bytes) => {
            sink.write_all(bytes).map_err(failed)?;
            pad(bytes.len() as u64, sink).map_err(failed)
        }
        Content::Entry(index) => write_blob(&draft.source.blob(*index)?, sink).map_err(failed),
        Content::Layer(index) => {
            let layer = &draft.layers[*index];
            let mut buffered = io::BufWriter::with_capacity(128 * 1024, &mut *sink);
            (layer.write)(&mut buffered)?;
            buffered.flush().map_err(failed)?;
            drop(buffered);
            pad(layer.size, sink).map_err(failed)
        }
    }
}

fn write_blob(blob: &Blob, sink: &mut Sink) -> io::Result<()> {
    sink.copy(&blob.file, blob.start, blob.start + blob.size)?;
    pad(blob.size, sink)
}

/// Fills the last block.
pub(super) fn pad(size: u64, sink: &mut Sink) -> io::Result<()> {
    let n = usize::try_from(size.next_multiple_of(BLOCK_BYTES) - size).expect("below one block");
    sink.write_all(&[0; BLOCK_BYTES as usize][..n])
}
