//! The work that takes time: every entry's bytes hashed once, on all cores.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::layer::{self, LayerFacts};
use super::stated::Sha512;
use crate::archive::Source;
use crate::compression::Compression;
use crate::digest::Digest;
use crate::error::Error;
use crate::watch::{self, Counted};

/// More threads than this only fight over the disk.
const MAX_THREADS: usize = 8;

/// What the bytes of the archive hash to, by entry.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) digests: BTreeMap<usize, Digest>,
    /// Of what is named by a SHA-512.
    pub(super) long: BTreeMap<usize, Sha512>,
    pub(super) layers: BTreeMap<usize, LayerFacts>,
    /// How many bytes went through a hash.
    pub(super) n_bytes: u64,
}

/// What is to be hashed, by entry.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// As stored.
    pub(super) stored: BTreeSet<usize>,
    /// As stored, by SHA-512.
    pub(super) long: BTreeSet<usize>,
    /// Decompressed.
    pub(super) layers: BTreeSet<usize>,
    /// Decompressed, by SHA-512 as well.
    pub(super) long_layers: BTreeSet<usize>,
}

#[derive(Debug, Clone, Copy)]
enum Job {
    /// The bytes as stored.
    Stored(usize),
    /// The bytes as stored, by SHA-512.
    Long(usize),
    /// The layer inside, and for a plain layer the bytes as stored along with it.
    Layer(usize, bool),
}

/// Hashes what is wanted; a plain layer that is wanted as stored and decompressed is read once.
pub(super) fn hash(source: &Source, wanted: &Wanted) -> Result<Facts, Error> {
    let layer = |&entry| Job::Layer(entry, wanted.long_layers.contains(&entry));
    let mut jobs: Vec<Job> = wanted.layers.iter().map(layer).collect();
    jobs.extend(wanted.long.iter().map(|&entry| Job::Long(entry)));
    for &entry in &wanted.stored {
        let is_plain_layer = wanted.layers.contains(&entry)
            && Compression::of(source.blob(entry)?.reader())
                .map_err(|error| at(source, entry, error))?
                == Compression::None;
        if !is_plain_layer {
            jobs.push(Job::Stored(entry));
        }
    }
    let size = |job: &Job| {
        let (Job::Stored(entry) | Job::Long(entry) | Job::Layer(entry, _)) = *job;
        source.entries()[entry].size
    };
    // The largest first, so that no core waits for a late one; a stable sort keeps this the same each time.
    jobs.sort_by_key(|job| std::cmp::Reverse(size(job)));
    watch::begins(
        || "checking".to_owned(),
        jobs.iter().map(size).sum(),
        Counted::Read,
    );
    run(source, &jobs)
}

fn run(source: &Source, jobs: &[Job]) -> Result<Facts, Error> {
    let next = AtomicUsize::new(0);
    let facts = Mutex::new(Facts::default());
    let failures = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some(&job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err((entry, error)) = run_job(source, job, &facts) {
                failures
                    .lock()
                    .expect("no thread panics")
                    .insert(entry, error);
            }
        }
    };
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
    let n_threads = n_threads.min(MAX_THREADS).min(jobs.len());
    thread::scope(|scope| {
        for _ in 1..n_threads {
            scope.spawn(work);
        }
        work();
    });
    let failures = failures.into_inner().expect("no thread panics");
    match failures.into_values().next() {
        Some(error) => Err(error),
        None => Ok(facts.into_inner().expect("no thread panics")),
    }
}

fn run_job(source: &Source, job: Job, facts: &Mutex<Facts>) -> Result<(), (usize, Error)> {
    let (Job::Stored(entry) | Job::Long(entry) | Job::Layer(entry, _)) = job;
    let failed = |error| (entry, at(source, entry, error));
    let blob = source.blob(entry).map_err(|error| (entry, error))?;
    match job {
        Job::Stored(_) => {
            let (digest, n_bytes) = Digest::of_reader(&mut blob.reader()).map_err(failed)?;
            let mut facts = facts.lock().expect("no thread panics");
            facts.digests.insert(entry, digest);
            facts.n_bytes += n_bytes;
        }
        Job::Long(_) => {
            let (digest, n_bytes) = Sha512::of_reader(&mut blob.reader()).map_err(failed)?;
            let mut facts = facts.lock().expect("no thread panics");
            facts.long.insert(entry, digest);
            facts.n_bytes += n_bytes;
        }
        Job::Layer(_, is_long) => {
            let layer = layer::examine(&blob, is_long).map_err(failed)?;
            let mut facts = facts.lock().expect("no thread panics");
            if layer.compression == Compression::None {
                let digest = Digest::parse_hex(&layer.diff_id.hex());
                let digest = digest.expect("a diff id is printed as a digest is");
                facts.digests.insert(entry, digest);
            }
            facts.n_bytes += layer.n_bytes;
            facts.layers.insert(entry, layer);
        }
    }
    Ok(())
}

fn at(source: &Source, entry: usize, error: std::io::Error) -> Error {
    Error::Io {
        place: format!("{}: {}", source.place(), source.entries()[entry].name),
        source: error,
    }
}
