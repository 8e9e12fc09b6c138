//! Blobs as they are read (distribution-spec, "Pulling blobs").

use std::io::{self, Read, Write};

use crate::digest::{Digest, Hashing};
use crate::error::Error;

use super::answer::{failure, refused};
use super::client::Call;
use super::transport::Method;
use super::{Access, Name, Repository};

impl Repository {
    /// Opens a blob of `size` bytes. It is verified while it is read: the read of the last byte fails if digest or size differ.
    ///
    /// One that does not exist is [`Error::NotInRegistry`].
    pub fn blob(&self, digest: Digest, size: u64) -> Result<Box<dyn Read + Send>, Error> {
        let place = self.place(Name::Digest(digest));
        let url = self.url(&format!("blobs/{digest}"));
        let call = Call::new(Method::Get, url, &place, Access::Pull);
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
            place,
            digest,
            size,
            n_left: size,
            hashing: Some(Hashing::new(io::sink())),
        }))
    }

    /// Tells whether the repository has a blob.
    pub fn has_blob(&self, digest: Digest) -> Result<bool, Error> {
        let place = self.place(Name::Digest(digest));
        let url = self.url(&format!("blobs/{digest}"));
        let call = Call::new(Method::Head, url, &place, Access::Pull);
        let mut response = self.exchange(&call)?;
        match response.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(refused(&place, &call.asked(), &mut response)),
        }
    }
}

/// A body that is a blob, or ends in an error.
struct Verified {
    body: Box<dyn Read + Send>,
    place: String,
    digest: Digest,
    size: u64,
    n_left: u64,
    /// Nothing once it was found right.
    hashing: Option<Hashing<io::Sink>>,
}

impl Verified {
    /// Called when all bytes are there: no more may come, and they have the digest.
    fn end(&mut self) -> io::Result<()> {
        let Some(hashing) = self.hashing.take() else {
            return Ok(());
        };
        let mut more = [0];
        let n_more = self.read_body(&mut more)?;
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

    fn read_body(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            let n_read = self.size - self.n_left;
            let reason = format!(
                "the blob broke off after {n_read} of {} bytes: {error}",
                self.size
            );
            io::Error::new(error.kind(), failure(&self.place, reason))
        })
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
        if n == 0 {
            let n_read = self.size - self.n_left;
            let reason = format!("the blob ends after {n_read} of {} bytes", self.size);
            let error = failure(&self.place, reason);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, error));
        }
        let hashing = self.hashing.as_mut().expect("it is there until the end");
        hashing.write_all(&buffer[..n])?;
        self.n_left -= n as u64;
        if self.n_left == 0 {
            self.end()?;
        }
        Ok(n)
    }
}
