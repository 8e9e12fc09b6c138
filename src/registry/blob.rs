//! Blobs as they are read (distribution-spec, "Pulling blobs").

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::digest::{Digest, Hashing};
use crate::error::Error;

use super::answer::{failure, refused};
use super::call::Call;
use super::transport::Method;
use super::wait::Tries;
use super::{Access, Name, Repository};

impl Repository {
    /// Opens a blob of `size` bytes. It is verified while it is read: the read of the last byte fails if digest or size differ.
    ///
    /// One that does not exist is [`Error::NotInRegistry`].
    pub fn blob(&self, digest: Digest, size: u64) -> Result<Box<dyn Read + Send>, Error> {
        let place = self.place(Name::Digest(digest));
        let call = self.blob_call(Method::Get, digest, &place);
        let mut response = self.exchange(&call)?;
        match response.status {
            200 => {}
            404 => return Err(Error::NotInRegistry { place }),
            _ => return Err(refused(&place, &call.asked(), &mut response)),
        }
        if let Some(announced) = response.header("content-length")
            && announced.parse() != Ok(size)
        {
            return Err(Error::Mismatch {
                what: format!("the size that the registry announces for `{place}`"),
                found: announced.chars().take(30).collect(),
                wanted: size.to_string(),
            });
        }
        Ok(Box::new(Verified {
            body: response.body,
            repository: self.clone(),
            place,
            digest,
            size,
            n_left: size,
            tries: self.registries.tries(),
            hashing: Some(Hashing::new(io::sink())),
        }))
    }

    /// Tells whether the repository has a blob.
    pub fn has_blob(&self, digest: Digest) -> Result<bool, Error> {
        let place = self.place(Name::Digest(digest));
        let call = self.blob_call(Method::Head, digest, &place);
        let mut response = self.exchange(&call)?;
        match response.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(refused(&place, &call.asked(), &mut response)),
        }
    }

    fn blob_call<'a>(&self, method: Method, digest: Digest, place: &'a str) -> Call<'a> {
        let url = self.url(&format!("blobs/{digest}"));
        Call::new(method, url, place, Access::Pull)
    }
}

/// A body that is a blob, or ends in an error. One that breaks off is asked for again from there (RFC 9110, section 14.2).
struct Verified {
    body: Box<dyn Read + Send>,
    repository: Repository,
    place: String,
    digest: Digest,
    size: u64,
    n_left: u64,
    tries: Tries,
    /// Nothing once it was found right.
    hashing: Option<Hashing<io::Sink>>,
}

impl Verified {
    fn n_read(&self) -> u64 {
        self.size - self.n_left
    }

    /// Called when all bytes are there: no more may come, and they have the digest.
    fn end(&mut self) -> io::Result<()> {
        let Some(hashing) = self.hashing.take() else {
            return Ok(());
        };
        // What breaks here has no more, and all that it should have.
        let n_more = self.body.read(&mut [0]).unwrap_or(0);
        let (digest, ..) = hashing.finish();
        let error = if n_more > 0 {
            let reason = format!("the blob is longer than its {} bytes", self.size);
            failure(&self.place, reason)
        } else if digest == self.digest {
            return Ok(());
        } else {
            Error::Mismatch {
                what: format!("the digest of what the registry sent for `{}`", self.place),
                found: digest.to_string(),
                wanted: self.digest.to_string(),
            }
        };
        // Whoever goes on reading gets no end.
        self.hashing = Some(Hashing::new(io::sink()));
        Err(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Reads at least one byte of what is left.
    fn read_body(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let (kind, why) = match self.body.read(buffer) {
                Ok(0) => (io::ErrorKind::UnexpectedEof, String::new()),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    (error.kind(), format!(": {error}"))
                }
                result => return result,
            };
            if let Some(wait) = self.tries.after_break()
                && self.resume(wait)
            {
                continue;
            }
            let (n_read, size) = (self.n_read(), self.size);
            let reason = format!("the blob broke off after {n_read} of {size} bytes{why}");
            return Err(io::Error::new(kind, failure(&self.place, reason)));
        }
    }

    /// Opens the rest; not if the registry does not send that.
    fn resume(&mut self, wait: Duration) -> bool {
        let n_read = self.n_read();
        self.repository.host.rest_for(wait);
        let call = self
            .repository
            .blob_call(Method::Get, self.digest, &self.place)
            .header("Range", format!("bytes={n_read}-{}", self.size - 1));
        let Ok(mut response) = self.repository.exchange(&call) else {
            return false;
        };
        let range = response.header("content-range").unwrap_or_default();
        let is_rest = range.starts_with(&format!("bytes {n_read}-"));
        let is_resumed = match response.status {
            206 => is_rest,
            // All of it.
            200 => {
                let mut known = (&mut response.body).take(n_read);
                io::copy(&mut known, &mut io::sink()).is_ok_and(|n| n == n_read)
            }
            _ => false,
        };
        if is_resumed {
            self.body = response.body;
        }
        is_resumed
    }
}

impl Read for Verified {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.n_left == 0 {
            self.end()?;
            return Ok(0);
        }
        let n_wanted = usize::try_from(self.n_left).unwrap_or(usize::MAX);
        let n_wanted = n_wanted.min(buffer.len());
        if n_wanted == 0 {
            return Ok(0);
        }
        let n = self.read_body(&mut buffer[..n_wanted])?;
        let hashing = self.hashing.as_mut().expect("it is there until the end");
        hashing.write_all(&buffer[..n])?;
        self.n_left -= n as u64;
        if self.n_left == 0 {
            self.end()?;
        }
        Ok(n)
    }
}
