//! Writing a draft as a tar: kept bytes travel by range, neighbours in one piece.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use rustix::io::Errno;

use super::compared::Comparison;
use super::content::write_layer;
use crate::archive::draft::{Content, Draft, DraftEntry, NewEntry};
use crate::archive::source::piece::Piece;
use crate::archive::source::remote::Data;
use crate::compression::Encoder;
use crate::error::Error;
use crate::tarball::{BLOCK_BYTES, END_OF_ARCHIVE, Kind};
use crate::watch::{self, Counted};

/// Where a tar goes: a file or pipe that the kernel copies to, or a compressor.
#[derive(Debug)]
pub(in crate::archive) enum Sink {
    Plain(File),
    /// A file that is to be durable in the end: written back while it is still being written.
    Durable(File, WriteBack),
    Compressed(Encoder<File>),
    /// Nowhere: the bytes are compared with those of a file.
    Compared(Encoder<Comparison>),
}

/// What the kernel's caches are made of. In bytes.
const PAGE_BYTES: u64 = 4096;
/// How much is read and written at once. In bytes.
const BUFFER_BYTES: usize = 1 << 20;
/// How much is copied between two nudges of the write-back. In bytes.
const WRITE_BACK_BYTES: u64 = 16 << 20;

/// A thread that has the kernel write a file back as it grows, so that the sync at the end finds little to do.
#[derive(Debug)]
pub(in crate::archive) struct WriteBack {
    nudge: Option<SyncSender<()>>,
    /// How many bytes were written since the last nudge.
    n_waiting: u64,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl WriteBack {
    pub(in crate::archive) fn start(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (nudge, nudges) = std::sync::mpsc::sync_channel(1);
        let work = move || {
            for () in nudges {
                let synced = file.sync_data();
                let errno = synced.as_ref().err().and_then(Errno::from_io_error);
                // What cannot be synced, such as a pipe, is not to be durable.
                if !matches!(errno, Some(Errno::INVAL | Errno::ROFS)) {
                    // The kernel tells it once: the sync at the end would find nothing.
                    synced?;
                }
            }
            Ok(())
        };
        let thread = std::thread::Builder::new()
            .name("write-back".to_owned())
            .spawn(work)?;
        Ok(Self {
            nudge: Some(nudge),
            n_waiting: 0,
            thread: Some(thread),
        })
    }

    /// Waits for the thread; tells of what could not be written.
    fn end(mut self) -> io::Result<()> {
        self.nudge = None;
        let thread = self.thread.take().expect("it is taken here or in drop");
        thread.join().expect("it only syncs, which does not panic")
    }

    fn wrote(&mut self, n_bytes: u64) {
        self.n_waiting += n_bytes;
        if self.n_waiting < WRITE_BACK_BYTES {
            return;
        }
        self.n_waiting = 0;
        if let Some(nudge) = &self.nudge {
            // It is busy, and will find these bytes too.
            let _ = nudge.try_send(());
        }
    }
}

impl Drop for WriteBack {
    fn drop(&mut self) {
        self.nudge = None;
        if let Some(thread) = self.thread.take() {
            // What failed before this is what is told.
            let _ = thread.join();
        }
    }
}

impl Sink {
    /// Copies a piece of an archive without looking at it.
    pub(in crate::archive) fn copy(&mut self, piece: Piece<'_>) -> io::Result<()> {
        let Piece { file, start, end } = piece;
        let mut at = start;
        while at < end {
            let stop = end.min(at + WRITE_BACK_BYTES);
            let from = at;
            at = match self {
                Self::Plain(output) | Self::Durable(output, _) => {
                    copy_piece(file, at, stop, output)?
                }
                Self::Compressed(encoder) => copy_by_hand(file, at, stop, encoder)?,
                Self::Compared(encoder) => copy_by_hand(file, at, stop, encoder)?,
            };
            if let Self::Durable(_, write_back) = self {
                write_back.wrote(at - from);
            }
            watch::moves(at - from, Counted::Written);
        }
        Ok(())
    }

    /// Copies the data of an entry; returns how many bytes it has.
    pub(in crate::archive) fn copy_data(&mut self, data: Data) -> io::Result<u64> {
        match data {
            Data::Blob(blob) => {
                let piece = blob.piece();
                self.copy(piece)?;
                Ok(piece.n_bytes())
            }
            Data::Stream(mut stream) => io::copy(&mut stream, self),
        }
    }

    /// Ends the stream; what comes back is the file, complete but not yet synced.
    pub(in crate::archive) fn finish(self) -> io::Result<File> {
        match self {
            Self::Plain(file) => Ok(file),
            Self::Durable(file, write_back) => write_back.end().map(|()| file),
            Self::Compressed(encoder) => encoder.finish(),
            Self::Compared(_) => unreachable!("it ends in `compared`"),
        }
    }

    /// Ends a stream that was compared.
    pub(in crate::archive) fn compared(self) -> io::Result<Comparison> {
        match self {
            Self::Compared(encoder) => encoder.finish(),
            _ => unreachable!("others end in `finish`"),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = match self {
            Self::Plain(file) => file.write(bytes)?,
            Self::Durable(file, write_back) => {
                let n = file.write(bytes)?;
                write_back.wrote(n as u64);
                n
            }
            Self::Compressed(encoder) => encoder.write(bytes)?,
            Self::Compared(encoder) => encoder.write(bytes)?,
        };
        watch::moves(n as u64, Counted::Written);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) | Self::Durable(file, _) => file.flush(),
            Self::Compressed(encoder) => encoder.flush(),
            Self::Compared(encoder) => encoder.flush(),
        }
    }
}

/// Copies by the kernel where it can move whole pages, or where there is a pipe to fill; else by hand.
///
/// Between two page caches that lie askew the kernel copies every page in two pieces, which takes 1.5 times as long as
/// large reads and writes do.
fn copy_piece(file: &File, start: u64, end: u64, mut output: &File) -> io::Result<u64> {
    let lies_askew = output
        .stream_position()
        .is_ok_and(|position| position % PAGE_BYTES != start % PAGE_BYTES);
    let at = if lies_askew {
        start
    } else {
        copy_in_kernel(file, start, end, output)?
    };
    copy_by_hand(file, at, end, &mut output)
}

fn copy_by_hand(file: &File, start: u64, end: u64, output: &mut dyn Write) -> io::Result<u64> {
    let mut at = start;
    let mut buffer = vec![
        0;
        usize::try_from(end - at)
            .unwrap_or(usize::MAX)
            .min(BUFFER_BYTES)
    ];
    while at < end {
        let n = usize::try_from(end - at)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        file.read_exact_at(&mut buffer[..n], at)?;
        output.write_all(&buffer[..n])?;
        at += n as u64;
    }
    Ok(end)
}

/// Returns how far the kernel copied: all the way, or not at all where it cannot for this pair of files.
#[cfg(all(target_os = "linux", not(ocipatch_portable)))]
fn copy_in_kernel(file: &File, start: u64, end: u64, output: &File) -> io::Result<u64> {
    use rustix::io::Errno;
    let mut at = start;
    let mut by_range = true;
    while at < end {
        let n = usize::try_from(end - at).unwrap_or(usize::MAX);
        let copied = if by_range {
            rustix::fs::copy_file_range(file, Some(&mut at), output, None, n)
        } else {
            rustix::fs::sendfile(output, file, Some(&mut at), n)
        };
        match copied {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::BADF) => {
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

#[cfg(not(all(target_os = "linux", not(ocipatch_portable))))]
#[expect(clippy::unnecessary_wraps, reason = "its twin may fail")]
fn copy_in_kernel(_: &File, start: u64, _: u64, _: &File) -> io::Result<u64> {
    Ok(start)
}

/// Writes the whole draft.
pub(in crate::archive) fn write_tar(
    draft: &Draft<'_>,
    sink: &mut Sink,
    place: &str,
) -> Result<(), Error> {
    let failed = Error::in_place(place);
    let Some((before, behind)) = draft.around() else {
        return write_as_tar(draft, sink, place);
    };
    // The run of kept entries that lie one behind the other, beginning with what stands before the first.
    let mut run = Some(before).filter(|before| !before.is_empty());
    for entry in &draft.entries {
        match entry {
            DraftEntry::Kept(index) => {
                let next = draft.source.kept(*index);
                let next = next.expect("a tar's entries are pieces of it");
                run = match run.map(|run| (run, run.joined(next))) {
                    Some((_, Some(joined))) => Some(joined),
                    Some((run, None)) => {
                        copy_entries(run, sink).map_err(failed)?;
                        Some(next)
                    }
                    None => Some(next),
                };
            }
            DraftEntry::New(new) => {
                if let Some(run) = run.take() {
                    copy_entries(run, sink).map_err(failed)?;
                }
                write_new(draft, new, sink, place)?;
            }
        }
    }
    if let Some(run) = run {
        copy_entries(run, sink).map_err(failed)?;
    }
    sink.copy(behind).map_err(failed)?;
    if behind.n_bytes() < END_OF_ARCHIVE.len() as u64 {
        sink.write_all(&END_OF_ARCHIVE).map_err(failed)?;
    }
    Ok(())
}

/// Copies entries with their padding, which the last one of a tar may lack.
fn copy_entries(entries: Piece<'_>, sink: &mut Sink) -> io::Result<()> {
    sink.copy(entries)?;
    pad(entries.n_bytes(), sink)
}

/// Writes a draft of which no entry is kept as it stands in a tar.
fn write_as_tar(draft: &Draft<'_>, sink: &mut Sink, place: &str) -> Result<(), Error> {
    let failed = Error::in_place(place);
    for entry in &draft.entries {
        match entry {
            DraftEntry::Kept(index) => {
                sink.write_all(&draft.header_on_disk(*index))
                    .map_err(failed)?;
                if draft.source.entries()[*index].kind == Kind::File {
                    write_data(draft.source.data(*index)?, sink).map_err(failed)?;
                }
            }
            DraftEntry::New(new) => write_new(draft, new, sink, place)?,
        }
    }
    sink.write_all(&END_OF_ARCHIVE).map_err(failed)
}

fn write_new(draft: &Draft<'_>, new: &NewEntry, sink: &mut Sink, place: &str) -> Result<(), Error> {
    let failed = Error::in_place(place);
    sink.write_all(&draft.header(new)?).map_err(failed)?;
    match &new.content {
        Content::Directory | Content::Symlink(_) => Ok(()),
        Content::Bytes(bytes) => {
            sink.write_all(bytes).map_err(failed)?;
            pad(bytes.len() as u64, sink).map_err(failed)
        }
        Content::Entry(index) => write_data(draft.source.data(*index)?, sink).map_err(failed),
        Content::Stored(index) => {
            let layer = &draft.layers[*index];
            write_layer(layer, &mut *sink, failed)?;
            pad(layer.size, sink).map_err(failed)
        }
    }
}

fn write_data(data: Data, sink: &mut Sink) -> io::Result<()> {
    let n_bytes = sink.copy_data(data)?;
    pad(n_bytes, sink)
}

/// Fills the last block.
pub(in crate::archive) fn pad(size: u64, sink: &mut Sink) -> io::Result<()> {
    let n = usize::try_from(size.next_multiple_of(BLOCK_BYTES) - size).expect("below one block");
    sink.write_all(&END_OF_ARCHIVE[..n])
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;

    use super::{WRITE_BACK_BYTES, WriteBack};

    /// Tells whether what is written back in these pieces lasts.
    fn lasts(file: &File, pieces: &[u64]) -> bool {
        let mut write_back = WriteBack::start(file).unwrap();
        for &n_bytes in pieces {
            write_back.wrote(n_bytes);
        }
        write_back.end().is_ok()
    }

    #[test]
    fn a_file_is_written_back_while_it_grows() {
        let home = tempfile::tempdir().unwrap();
        assert!(lasts(
            &File::create(home.path().join("file")).unwrap(),
            &[WRITE_BACK_BYTES; 3]
        ));
        // What no file system writes back is not to be durable.
        let (_reader, pipe) = io::pipe().unwrap();
        assert!(lasts(&File::from(OwnedFd::from(pipe)), &[WRITE_BACK_BYTES]));
        // Every sync of this one fails.
        #[cfg(all(target_os = "linux", not(ocipatch_portable)))]
        {
            let name = crate::archive::hidden::claim::open_directory(home.path()).unwrap();
            for (pieces, expected) in [
                (&[WRITE_BACK_BYTES - 1][..], true),
                (&[WRITE_BACK_BYTES], false),
                (&[1, WRITE_BACK_BYTES - 1], false),
                (&[1, WRITE_BACK_BYTES - 2], true),
            ] {
                assert_eq!(lasts(&name, pieces), expected, "{pieces:?}");
            }
        }
    }
}
