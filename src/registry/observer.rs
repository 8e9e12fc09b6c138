//! Who wants to see blobs on their way.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

/// Sees blobs on their way between here and registries. It is called by several threads at once, and often.
pub trait Observer: Send + Sync {
    /// A blob of so many bytes is about to be fetched, sent, or passed on.
    fn begins(&self, n_bytes: u64);

    /// So many of its bytes have come by.
    fn moves(&self, n_bytes: u64);

    /// It is where it has to be; `name` is its digest.
    fn ends(&self, name: &str, outcome: Outcome);
}

/// How a blob got where it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was read.
    Fetched,
    /// It was sent.
    Sent,
    /// The registry took it from another of its repositories.
    Mounted,
    /// It was there.
    There,
}

/// An observer, or nobody.
#[derive(Clone, Default)]
pub struct Observed(Option<Arc<dyn Observer>>);

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observed")
    }
}

impl From<Arc<dyn Observer>> for Observed {
    fn from(observer: Arc<dyn Observer>) -> Self {
        Self(Some(observer))
    }
}

impl Observed {
    /// Tells that a blob is where it has to be.
    pub fn ends(&self, name: &impl fmt::Display, outcome: Outcome) {
        if let Some(observer) = &self.0 {
            observer.ends(&name.to_string(), outcome);
        }
    }

    /// Reports that a blob of so many bytes begins to move; returns its stream, which reports bytes as they are read.
    #[must_use]
    pub fn stream(&self, n_bytes: u64, stream: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let Some(observer) = &self.0 else {
            return stream;
        };
        observer.begins(n_bytes);
        Box::new(Stream {
            stream,
            observer: Arc::clone(observer),
        })
    }
}

struct Stream {
    stream: Box<dyn Read + Send>,
    observer: Arc<dyn Observer>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(buffer)?;
        self.observer.moves(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::{Arc, Mutex};

    use super::{Observed, Observer, Outcome};

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl Observer for Kept {
        fn begins(&self, n_bytes: u64) {
            self.0.lock().unwrap().push(format!("begins {n_bytes}"));
        }

        fn moves(&self, n_bytes: u64) {
            self.0.lock().unwrap().push(format!("moves {n_bytes}"));
        }

        fn ends(&self, name: &str, outcome: Outcome) {
            self.0.lock().unwrap().push(format!("{name} {outcome:?}"));
        }
    }

    #[test]
    fn a_blob_is_seen_on_its_way() {
        let kept = Arc::new(Kept::default());
        for observed in [
            Observed::from(Arc::clone(&kept) as Arc<dyn Observer>),
            Observed::default(),
        ] {
            let mut text = String::new();
            let mut stream = observed.stream(3, Box::new(&b"abc"[..]));
            stream.read_to_string(&mut text).unwrap();
            assert_eq!(text, "abc");
            observed.ends(&"blob", Outcome::There);
        }
        let mut seen = kept.0.lock().unwrap().clone();
        seen.retain(|it| it != "moves 0");
        assert_eq!(seen, ["begins 3", "moves 3", "blob There"]);
    }
}
