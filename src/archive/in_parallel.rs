//! Several requests at once: what they cost is waiting.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// How many are under way at once; containerd and docker have 3 downloads and 5 uploads.
const MAX_WORKERS: usize = 4;

/// Does `work` for each item, several at once; after the first failure none is begun, and the failure of the first item that has
/// one is returned.
pub(in crate::archive) fn in_parallel<T: Sync>(
    items: &[T],
    work: impl Fn(&T) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let has_failed = AtomicBool::new(false);
    let failures = Mutex::new(Vec::new());
    let worker = || {
        while !has_failed.load(Ordering::Relaxed) {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { return };
            if let Err(error) = work(item) {
                has_failed.store(true, Ordering::Relaxed);
                let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                failures.push((place, error));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..items.len().min(MAX_WORKERS) {
            scope.spawn(worker);
        }
        worker();
    });
    let failures = failures
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let first = failures.into_iter().min_by_key(|(place, _)| *place);
    first.map_or(Ok(()), |(_, error)| Err(error))
}
