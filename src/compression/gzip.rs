//! gzip, compressed by several threads: the same bytes whatever their number.
//!
//! The stream is cut into blocks of a fixed size, each of which becomes a member of its own (RFC 1952, section 2.2): members
//! one after the other are one stream to every reader. Block size and level are part of `ocipatch/v1`, and so is the version of
//! the compressor (see `Cargo.toml`).

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use libdeflater::{CompressionLvl, Compressor};

/// What is compressed at once. In bytes.
const BLOCK_BYTES: usize = 1 << 20;
const LEVEL: i32 = 4;
/// More threads than this find nothing to do while one writes.
const MAX_THREADS: usize = 8;

struct Job {
    block: Vec<u8>,
    reply: SyncSender<io::Result<Vec<u8>>>,
}

/// A writer that compresses on its way.
pub struct GzipWriter<W: Write> {
    output: W,
    block: Vec<u8>,
    jobs: SyncSender<Job>,
    pending: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    max_pending: usize,
    is_begun: bool,
}

impl<W: Write> std::fmt::Debug for GzipWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GzipWriter").finish_non_exhaustive()
    }
}

impl<W: Write> GzipWriter<W> {
    /// Starts the threads.
    pub(super) fn new(output: W) -> io::Result<Self> {
        let n_threads = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MAX_THREADS);
        let max_pending = n_threads + 1;
        let (jobs, work) = sync_channel::<Job>(max_pending);
        let work = Arc::new(Mutex::new(work));
        for _ in 0..n_threads {
            let work = Arc::clone(&work);
            std::thread::Builder::new()
                .name("gzip".to_owned())
                .spawn(move || serve(&work))?;
        }
        Ok(Self {
            output,
            block: Vec::with_capacity(BLOCK_BYTES),
            jobs,
            pending: VecDeque::new(),
            max_pending,
            is_begun: false,
        })
    }

    fn submit(&mut self) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES));
        self.is_begun = true;
        let (reply, answer) = sync_channel(1);
        let job = Job { block, reply };
        self.jobs
            .send(job)
            .map_err(|_| io::Error::other("the compressing threads have ended"))?;
        self.pending.push_back(answer);
        while self.pending.len() > self.max_pending {
            self.write_oldest()?;
        }
        Ok(())
    }

    fn write_oldest(&mut self) -> io::Result<()> {
        let Some(answer) = self.pending.pop_front() else {
            return Ok(());
        };
        let compressed = answer
            .recv()
            .map_err(|_| io::Error::other("a compressing thread has ended"))??;
        self.output.write_all(&compressed)
    }

    /// Ends the last member and gives the inner writer back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        // A stream of nothing is a member too.
        if !self.block.is_empty() || !self.is_begun {
            self.submit()?;
        }
        while !self.pending.is_empty() {
            self.write_oldest()?;
        }
        Ok(self.output)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.submit()?;
        }
        let n = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        // What is compressed depends on the bytes alone, not on when somebody flushes.
        self.output.flush()
    }
}

/// Compresses blocks until there is nobody who sends any.
fn serve(work: &Mutex<Receiver<Job>>) {
    let level = CompressionLvl::new(LEVEL).expect("the level is one of those that there are");
    let mut compressor = Compressor::new(level);
    loop {
        let Ok(job) = work
            .lock()
            .map_or(Err(()), |work| work.recv().map_err(drop))
        else {
            return;
        };
        // Nobody waits for the answer after a failure elsewhere.
        let _ = job.reply.send(compress(&mut compressor, &job.block));
    }
}

/// Every call begins anew: no state of the last block is left. The header has no name, time or operating system.
fn compress(compressor: &mut Compressor, block: &[u8]) -> io::Result<Vec<u8>> {
    let mut output = vec![0; compressor.gzip_compress_bound(block.len())];
    let n = compressor.gzip_compress(block, &mut output);
    output.truncate(n.map_err(io::Error::other)?);
    Ok(output)
}
