//! Blobs as they are sent (distribution-spec, "Pushing blobs"): mounted, or as one body. Chunks are not used: not every registry takes
//! them.

use std::io::{self, Read};
use std::time::Duration;

use crate::digest::Digest;
use crate::error::Error;

use super::answer::{failure, refused, shown_address};
use super::call::{Body, Call, Open};
use super::manifest::check_digest;
use super::transport::{Method, Response};
use super::url::Url;
use super::{Access, Name, Repository};

/// How often an upload begins again from its first byte.
const MAX_RESTARTS: usize = 2;

/// A session in which a registry takes one blob.
#[derive(Debug)]
pub struct Upload {
    url: Url,
}

impl Repository {
    /// Asks the registry to take a blob from another of its repositories; nothing is left to do if it does. A registry that does not
    /// opens a session instead.
    pub fn mount(&self, digest: Digest, from: &Self) -> Result<Option<Upload>, Error> {
        if !self.is_same_registry(from) {
            return self.start_upload().map(Some);
        }
        let place = self.place(Name::Digest(digest));
        let url = self.url("blobs/uploads/");
        let url = url
            .with("mount", &digest.to_string())
            .with("from", &from.path);
        let mut call = Call::new(Method::Post, url, &place, Access::Push).body(Body::Bytes(&[]));
        call.from = Some(&from.path);
        // Some registries refuse every mount, or those from what the user may not read: the blob can still be sent.
        let Ok(response) = self.exchange(&call) else {
            return self.start_upload().map(Some);
        };
        match response.status {
            201 => Ok(None),
            202 => session(&call, &response).map(Some),
            _ => self.start_upload().map(Some),
        }
    }

    /// Opens a session for a blob.
    pub fn start_upload(&self) -> Result<Upload, Error> {
        let place = self.shown();
        let call = Call::new(
            Method::Post,
            self.url("blobs/uploads/"),
            &place,
            Access::Push,
        )
        .body(Body::Bytes(&[]));
        let mut response = self.exchange(&call)?;
        match response.status {
            202 => session(&call, &response),
            _ => Err(refused(&place, &call.asked(), &mut response)),
        }
    }

    /// Sends a blob of `size` bytes as one body; `open` opens it again where the upload has to be resumed or repeated.
    pub fn upload(
        &self,
        upload: Upload,
        digest: Digest,
        size: u64,
        open: &dyn Fn() -> Result<Box<dyn Read + Send>, Error>,
    ) -> Result<(), Error> {
        let place = self.place(Name::Digest(digest));
        let (mut upload, mut start) = (upload, 0);
        let (mut tries, mut n_restarts) = (self.registries.tries(), 0);
        loop {
            let rest = || rest(open, start);
            let call = put_call(&upload, &place, digest, start, size, &rest);
            let outcome = self.outcome(&call)?;
            let wait = match &outcome {
                Ok(response) if matches!(response.status, 200..=204) => {
                    return check_digest(&place, response, digest);
                }
                // The session has ended, or has another offset than this side thinks.
                Ok(response) if matches!(response.status, 404 | 416) => Some(Duration::ZERO),
                outcome => tries.after(outcome),
            };
            let Some(wait) = wait.filter(|_| n_restarts < MAX_RESTARTS) else {
                return Err(match outcome {
                    Ok(mut response) => refused(&place, &call.asked(), &mut response),
                    Err(failure) => call.failed(&failure),
                });
            };
            self.host.rest_for(wait);
            match self.offset(&upload, &place)? {
                Some((resumed, offset)) if offset > start && offset < size => {
                    (upload, start) = (resumed, offset);
                }
                // The answer may be all that was lost.
                _ if outcome.is_err() && self.has_blob(digest)? => return Ok(()),
                _ => {
                    n_restarts += 1;
                    (upload, start) = (self.start_upload()?, 0);
                }
            }
        }
    }

    /// Asks what a session has got (distribution-spec, "Pushing a blob in chunks"): where it goes on, and at which byte.
    fn offset(&self, upload: &Upload, place: &str) -> Result<Option<(Upload, u64)>, Error> {
        let call = Call::new(Method::Get, upload.url.clone(), place, Access::Push);
        let Ok(response) = self.exchange(&call) else {
            return Ok(None);
        };
        let range = response.header("range").unwrap_or_default();
        let range = range.strip_prefix("bytes=").unwrap_or(range);
        let last: Option<u64> = range.strip_prefix("0-").and_then(|last| last.parse().ok());
        // `0-0` is written for nothing and for one byte.
        match last.filter(|last| *last > 0 && response.status == 204) {
            None => Ok(None),
            Some(last) => {
                let upload = match response.header("location") {
                    Some(_) => session(&call, &response)?,
                    None => Upload {
                        url: upload.url.clone(),
                    },
                };
                Ok(Some((upload, last.saturating_add(1))))
            }
        }
    }
}

fn put_call<'a>(
    upload: &Upload,
    place: &'a str,
    digest: Digest,
    start: u64,
    size: u64,
    rest: &'a Open<'a>,
) -> Call<'a> {
    let url = upload.url.with("digest", &digest.to_string());
    let mut call = Call::new(Method::Put, url, place, Access::Push)
        .header("Content-Type", "application/octet-stream")
        .body(Body::Opened(rest, size - start));
    if start > 0 {
        call = call.header("Content-Range", format!("{start}-{}", size - 1));
    }
    call.is_repeatable = false;
    call
}

/// Opens what is sent, and leaves out what a registry has.
fn rest(open: &Open<'_>, start: u64) -> Result<Box<dyn Read + Send>, Error> {
    let mut reader = open()?;
    let skipped = io::copy(&mut (&mut reader).take(start), &mut io::sink());
    skipped.map_err(Error::in_place("what is sent to the registry"))?;
    Ok(reader)
}

/// The session that an answer opens; it may be at another server.
fn session(call: &Call<'_>, response: &Response) -> Result<Upload, Error> {
    let location = response.header("location").unwrap_or_default();
    match call.url.join(location) {
        Some(url) if call.url.may_lead_to(&url) => Ok(Upload { url }),
        _ => {
            let reason = format!(
                "{} is answered with the address `{}` for the upload, which cannot be used",
                call.asked(),
                shown_address(location)
            );
            Err(failure(call.place, reason))
        }
    }
}
