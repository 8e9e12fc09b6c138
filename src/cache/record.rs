//! Writing a record while a layer is read.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;

use rustix::process::{Resource, getrlimit};

use super::directory::{Directory, Temporary};
use super::{MAX_HEADER_BYTES, MAX_RECORD_BYTES, name, tag, title, title_bytes};
use crate::digest::{Digest, Hashing};
use crate::tarball::Input;

/// How many bytes are read before they are written. In bytes.
const RUN_BYTES: usize = 64 * 1024;
/// Headers are mostly zeros; a higher one takes longer to make records hardly smaller.
const LEVEL: i32 = 1;

/// A record that is being written.
#[derive(Debug)]
pub struct Recording {
    /// Nothing once it turned out that it cannot be kept.
    open: Option<Open>,
}

struct Open {
    temporary: Temporary,
    body: zstd::Encoder<'static, Hashing<Bounded>>,
    /// What was read and is not written yet; what was passed over behind it.
    run: Vec<u8>,
    n_skipped: u64,
    /// How many header bytes there is still room for.
    n_left: u64,
    has_ended: bool,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").finish_non_exhaustive()
    }
}

/// A file that takes no more than a number of bytes.
struct Bounded {
    file: File,
    n_left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.n_left.checked_sub(bytes.len() as u64);
        self.n_left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Recording {
    pub(super) fn start(directory: Directory) -> Option<Self> {
        // Who writes beyond the limit for files is killed.
        let limit = getrlimit(Resource::Fsize).current.unwrap_or(u64::MAX);
        let n_left = limit.checked_sub(title_bytes())?.min(MAX_RECORD_BYTES);
        let (temporary, mut file) = directory.make_file()?;
        file.seek(SeekFrom::Start(title_bytes())).ok()?;
        let body = Hashing::new(Bounded { file, n_left });
        let open = Open {
            temporary,
            body: zstd::Encoder::new(body, LEVEL).ok()?,
            run: Vec::new(),
            n_skipped: 0,
            n_left: MAX_HEADER_BYTES,
            has_ended: false,
        };
        Some(Self { open: Some(open) })
    }

    /// Keeps the record as that of a blob, if it could be written.
    pub fn keep(self, blob: Digest, n_bytes: u64) {
        // Where that fails, whoever needs the record next will write it.
        let _ = self.open.and_then(|open| open.keep(blob, n_bytes));
    }

    fn put(&mut self, put: impl FnOnce(&mut Open) -> io::Result<()>) {
        if self.open.as_mut().is_some_and(|open| put(open).is_err()) {
            self.open = None;
        }
    }

    fn read(&mut self, bytes: &[u8]) {
        self.put(|open| open.read(bytes));
    }

    fn skipped(&mut self, n: u64) {
        self.put(|open| open.skipped(n));
    }

    fn ended(&mut self) {
        self.put(Open::ended);
    }

    fn failed(&mut self) {
        self.open = None;
    }
}

impl Open {
    fn read(&mut self, bytes: &[u8]) -> io::Result<()> {
        let left = self.n_left.checked_sub(bytes.len() as u64);
        self.n_left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        self.write_skipped()?;
        self.run.extend_from_slice(bytes);
        if self.run.len() >= RUN_BYTES {
            self.write_run()?;
        }
        Ok(())
    }

    fn skipped(&mut self, n: u64) -> io::Result<()> {
        self.write_run()?;
        let sum = self.n_skipped.checked_add(n);
        self.n_skipped = sum.ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(())
    }

    fn ended(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.has_ended, true) {
            return Ok(());
        }
        self.write_run()?;
        self.write_skipped()?;
        self.body.write_all(&[tag::END])
    }

    fn write_run(&mut self) -> io::Result<()> {
        if self.run.is_empty() {
            return Ok(());
        }
        self.write_item(tag::READ, self.run.len() as u64)?;
        self.body.write_all(&self.run)?;
        self.run.clear();
        Ok(())
    }

    fn write_skipped(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.n_skipped) {
            0 => Ok(()),
            n => self.write_item(tag::SKIPPED, n),
        }
    }

    fn write_item(&mut self, tag: u8, n: u64) -> io::Result<()> {
        self.body.write_all(&[tag])?;
        self.body.write_all(&n.to_le_bytes())
    }

    fn keep(mut self, blob: Digest, n_bytes: u64) -> Option<()> {
        self.write_run().ok()?;
        self.write_skipped().ok()?;
        let (body, _, bounded) = self.body.finish().ok()?.finish();
        let title = title(blob, body);
        bounded.file.write_all_at(title.as_bytes(), 0).ok()?;
        self.temporary.keep(&name(blob, n_bytes))
    }
}

/// The uncompressed stream of a layer; what is read of it goes into a record.
#[derive(Debug)]
pub struct Recorder<'r, R> {
    input: R,
    recording: &'r mut Recording,
}

impl<'r, R: Read> Recorder<'r, R> {
    /// Takes a stream from its start.
    pub fn new(input: R, recording: &'r mut Recording) -> Self {
        Self { input, recording }
    }
}

impl<R: Read> Read for Recorder<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer);
        match &read {
            Ok(0) if !buffer.is_empty() => self.recording.ended(),
            Ok(n) => self.recording.read(&buffer[..*n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.recording.failed(),
        }
        read
    }
}

impl<R: Read> Input for Recorder<'_, R> {
    fn skip(&mut self, n: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.input.by_ref().take(n), &mut io::sink());
        let skipped = skipped.inspect_err(|_| self.recording.failed())?;
        self.recording.skipped(skipped);
        if skipped == n {
            return Ok(());
        }
        self.recording.ended();
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
