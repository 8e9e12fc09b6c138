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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread::{self, ThreadId};

    use super::{Counted, Counting, Watcher, Write as _, begins, is_at, set};

    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

    /// Sees the work of one thread: other tests work meanwhile.
    struct OfThread(ThreadId);

    impl OfThread {
        fn sees(&self, what: String) {
            if thread::current().id() == self.0 {
                SEEN.lock().unwrap().push(what);
            }
        }
    }

    impl Watcher for OfThread {
        fn begins(&self, what: &str, n_bytes: u64, counted: Counted) {
            self.sees(format!("{what} {n_bytes} {counted:?}"));
        }

        fn moves(&self, n_bytes: u64, counted: Counted) {
            self.sees(format!("+{n_bytes} {counted:?}"));
        }

        fn is_at(&self, n_bytes: u64) {
            self.sees(format!("={n_bytes}"));
        }
    }

    #[test]
    fn a_watcher_sees_what_begins_and_how_far_it_is() {
        begins(|| unreachable!("nobody watches"), 0, Counted::Read);
        assert!(set(Box::new(OfThread(thread::current().id()))));
        assert!(!set(Box::new(OfThread(thread::current().id()))));
        begins(|| "reading".to_owned(), 5, Counted::Made);
        let mut out = Counting {
            out: &mut [0; 3][..],
            counted: Counted::Written,
        };
        assert_eq!(out.write(b"abcde").unwrap(), 3);
        is_at(2);
        assert_eq!(
            *SEEN.lock().unwrap(),
            ["reading 5 Made", "+3 Written", "=2"]
        );
    }
}
