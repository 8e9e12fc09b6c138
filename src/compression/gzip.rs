//! One gzip member, compressed by several threads: the same bytes whatever their number.
//!
//! The stream is cut into blocks of a fixed size; each is deflated by itself with the bytes before it as dictionary,
//! and ends on a byte boundary (RFC 1951, an empty stored block), so the blocks join into one stream as `pigz` does it.
//! Block size, dictionary and level are part of `ocipatch/v1`.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// What is compressed at once. In bytes.
const BLOCK_BYTES: usize = 1 << 20;
/// How far deflate can look back. In bytes.
const DICTIONARY_BYTES: usize = 32 * 1024;
const LEVEL: u32 = 6;
/// No name, no time, no hint, no operating system (RFC 1952, section 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// More threads than this find nothing to do while one writes.
const MAX_THREADS: usize = 8;

struct Job {
    dictionary: Vec<u8>,
    block: Vec<u8>,
    is_last: bool,
    reply: SyncSender<io::Result<Vec<u8>>>,
}

/// A writer that compresses on its way.
pub struct GzipWriter<W: Write> {
    output: W,
    block: Vec<u8>,
    dictionary: Vec<u8>,
    jobs: SyncSender<Job>,
    pending: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    max_pending: usize,
    crc: Crc,
}

impl<W: Write> std::fmt::Debug for GzipWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GzipWriter").finish_non_exhaustive()
    }
}

impl<W: Write> GzipWriter<W> {
    /// Writes the header and starts the threads.
    pub(super) fn new(mut output: W) -> io::Result<Self> {
        output.write_all(&HEADER)?;
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
            dictionary: Vec::new(),
            jobs,
            pending: VecDeque::new(),
            max_pending,
            crc: Crc::new(),
        })
    }

    fn submit(&mut self, is_last: bool) -> io::Result<()> {
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES));
        self.crc.update(&block);
        let tail = block.len().saturating_sub(DICTIONARY_BYTES);
        let dictionary = std::mem::replace(&mut self.dictionary, block[tail..].to_vec());
        let (reply, answer) = sync_channel(1);
        let job = Job {
            dictionary,
            block,
            is_last,
            reply,
        };
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

    /// Ends the member and gives the inner writer back.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.submit(true)?;
        while !self.pending.is_empty() {
            self.write_oldest()?;
        }
        self.output.write_all(&self.crc.sum().to_le_bytes())?;
        // The length modulo 2^32, which is what `amount` counts.
        self.output.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.output)
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.submit(false)?;
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
    loop {
        let Ok(job) = work
            .lock()
            .map_or(Err(()), |work| work.recv().map_err(drop))
        else {
            return;
        };
        // Nobody waits for the answer after a failure elsewhere.
        let _ = job.reply.send(compress(&job));
    }
}

/// A fresh compressor for every block: one that is reset gives different bytes now and then (zlib-ng issue 2100).
fn compress(job: &Job) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::new(LEVEL), false);
    if !job.dictionary.is_empty() {
        compress
            .set_dictionary(&job.dictionary)
            .map_err(io::Error::other)?;
    }
    let flush = if job.is_last {
        FlushCompress::Finish
    } else {
        FlushCompress::Sync
    };
    let mut output = Vec::with_capacity(job.block.len() / 2 + 1024);
    loop {
        let consumed = usize::try_from(compress.total_in()).expect("a block fits into memory");
        let status = compress
            .compress_vec(&job.block[consumed..], &mut output, flush)
            .map_err(io::Error::other)?;
        let is_consumed = compress.total_in() == job.block.len() as u64;
        let has_room = output.len() < output.capacity();
        match status {
            Status::StreamEnd => return Ok(output),
            // Room left over means that everything is out.
            Status::Ok | Status::BufError if is_consumed && has_room && !job.is_last => {
                return Ok(output);
            }
            Status::Ok | Status::BufError => output.reserve(64 * 1024),
        }
    }
}
