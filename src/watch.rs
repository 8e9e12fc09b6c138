//! Long work, watched: how far it is.
//!
//! The program has at most one watcher, as it has one logger; a library user who sets none pays an atomic load for each buffer that is
//! read. What is told changes nothing that is written.

use std::io::{self, Write};
use std::sync::OnceLock;

/// What bytes count in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Those that are read from archives.
    Read,
    /// Those of new layers as they are made, before compression.
    Made,
    /// Those that are written to the output.
    Written,
}

/// Sees long work. It is called by several threads at once, and often.
pub trait Watcher: Send + Sync {
    /// A phase begins, and any earlier one is over: what is done, to how many bytes, and which bytes count.
    fn begins(&self, what: &str, n_bytes: u64, counted: Counted);

    /// So many bytes were handled.
    fn moves(&self, n_bytes: u64, counted: Counted);

    /// So many bytes of the phase are done, whatever was counted.
    fn is_at(&self, n_bytes: u64);
}

static WATCHER: OnceLock<Box<dyn Watcher>> = OnceLock::new();

/// Sets the watcher of the process; returns whether there was none yet.
pub fn set(watcher: Box<dyn Watcher>) -> bool {
    WATCHER.set(watcher).is_ok()
}

pub(crate) fn begins(what: impl FnOnce() -> String, n_bytes: u64, counted: Counted) {
    if let Some(watcher) = WATCHER.get() {
        watcher.begins(&what(), n_bytes, counted);
    }
}

pub(crate) fn moves(n_bytes: u64, counted: Counted) {
    if let Some(watcher) = WATCHER.get() {
        watcher.moves(n_bytes, counted);
    }
}

pub(crate) fn is_at(n_bytes: u64) {
    if let Some(watcher) = WATCHER.get() {
        watcher.is_at(n_bytes);
    }
}

/// A writer whose bytes are counted.
pub(crate) struct Counting<W> {
    pub(crate) out: W,
    pub(crate) counted: Counted,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.out.write(bytes)?;
        moves(n as u64, self.counted);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
