//! A bound on what is done at once.

use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lets so many through at once; the others wait.
pub(super) struct Gate {
    n_free: Mutex<usize>,
    freed: Condvar,
}

/// The right to be through.
pub(super) struct Pass<'a>(&'a Gate);

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl Gate {
    pub(super) fn new(n_at_once: usize) -> Self {
        Self {
            n_free: Mutex::new(n_at_once.max(1)),
            freed: Condvar::new(),
        }
    }

    pub(super) fn pass(&self) -> Pass<'_> {
        let mut n_free = self.lock();
        while *n_free == 0 {
            n_free = self
                .freed
                .wait(n_free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *n_free -= 1;
        Pass(self)
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.n_free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.freed.notify_one();
    }
}
