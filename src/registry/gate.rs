//! A bound on what is done at once.

use std::cell::Cell;
use std::fmt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lets so many through at once; the others wait.
pub(super) struct Gate {
    n_free: Mutex<usize>,
    freed: Condvar,
}

/// The right to be through; nothing to give back if the thread had one already.
pub(super) struct Pass<'a>(Option<&'a Gate>);

thread_local! {
    /// Whether the thread is through a gate. What it asks for then is a part of the same work, such as the rest of a blob that is
    /// being sent: if it waited for another pass, all could wait for each other.
    static IS_THROUGH: Cell<bool> = const { Cell::new(false) };
}

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
        if IS_THROUGH.replace(true) {
            return Pass(None);
        }
        let mut n_free = self.lock();
        while *n_free == 0 {
            n_free = self
                .freed
                .wait(n_free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *n_free -= 1;
        Pass(Some(self))
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.n_free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            IS_THROUGH.set(false);
            *gate.lock() += 1;
            gate.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Gate;

    #[test]
    fn who_is_through_a_gate_waits_for_none() {
        let (gate, other) = (Gate::new(1), Gate::new(1));
        for _ in 0..2 {
            let _pass = gate.pass();
            let _inner = gate.pass();
            let _elsewhere = other.pass();
        }
        assert_eq!((*gate.lock(), *other.lock()), (1, 1));
    }

    #[test]
    fn only_so_many_are_through() {
        let gate = Gate::new(2);
        let (n_through, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _pass = gate.pass();
                    let n = n_through.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(n, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    n_through.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(most.into_inner(), 2);
    }
}
