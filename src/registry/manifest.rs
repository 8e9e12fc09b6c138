//! Manifests and indexes (distribution-spec, "Pulling manifests", "Pushing Manifests").

use serde_json::Value;

use crate::digest::Digest;
use crate::error::Error;
use crate::media_type::{self, DOCKER_LIST, DOCKER_MANIFEST, INDEX, MANIFEST};
use crate::printable;
use crate::reference;

use super::answer::{bytes, failure, refused};
use super::call::{Body, Call};
use super::transport::{Method, Response};
use super::url::Url;
use super::{Access, MAX_MANIFEST_BYTES, Name, Repository};

/// A manifest or an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its type.
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What a registry says of a manifest without sending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The digest.
    pub digest: Digest,
    /// The type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
}

/// What a registry says of a manifest that it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Whether it lists the manifest among the referrers of its subject (distribution-spec, "Pushing Manifests with Subject").
    pub is_listed: bool,
}

impl Repository {
    /// Returns a manifest or an index, whose bytes have the digest that was asked for.
    ///
    /// One that does not exist is [`Error::NotInRegistry`].
    pub fn manifest(&self, name: Name<'_>) -> Result<Manifest, Error> {
        let place = self.place(name);
        let call = self.manifest_call(Method::Get, name, &place)?;
        let mut response = self.exchange(&call)?;
        match response.status {
            200 => {}
            404 => return Err(Error::NotInRegistry { place }),
            _ => return Err(refused(&place, &call.asked(), &mut response)),
        }
        let bytes = bytes(
            &place,
            "the manifest",
            &mut response.body,
            MAX_MANIFEST_BYTES,
            self.patience(),
        )?;
        let digest = Digest::of(&bytes);
        if let Name::Digest(wanted) = name {
            same(
                &format!("the digest of `{place}`"),
                digest,
                &wanted.to_string(),
            )?;
        }
        check_digest(&place, &response, digest)?;
        let media_type = media_type_of(&place, &response, &bytes)?;
        Ok(Manifest {
            media_type,
            digest,
            bytes,
        })
    }

    /// Returns what a registry says of a manifest; nothing if it has none.
    pub fn find_manifest(&self, name: Name<'_>) -> Result<Option<Found>, Error> {
        let place = self.place(name);
        let call = self.manifest_call(Method::Head, name, &place)?;
        let mut response = self.exchange(&call)?;
        match response.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(refused(&place, &call.asked(), &mut response)),
        }
        let digest = response.header("docker-content-digest");
        let digest = digest.and_then(|digest| Digest::parse(digest).ok());
        let size = response.header("content-length");
        let size = size.and_then(|size| size.parse().ok());
        let (Some(digest), Some(size)) = (digest, size) else {
            return match self.manifest(name) {
                Ok(manifest) => Ok(Some(Found {
                    digest: manifest.digest,
                    media_type: manifest.media_type,
                    size: manifest.bytes.len() as u64,
                })),
                Err(Error::NotInRegistry { .. }) => Ok(None),
                Err(error) => Err(error),
            };
        };
        if let Name::Digest(wanted) = name {
            same(
                &format!("the digest of `{place}`"),
                digest,
                &wanted.to_string(),
            )?;
        }
        Ok(Some(Found {
            digest,
            media_type: content_type(&response),
            size,
        }))
    }

    /// Stores a manifest or an index under a tag or its digest.
    ///
    /// The registry has to compute the same digest. What it lists has to be there: most registries check that.
    pub fn put_manifest(
        &self,
        name: Name<'_>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Stored, Error> {
        let place = self.place(name);
        if bytes.len() > MAX_MANIFEST_BYTES {
            let reason = format!(
                "the manifest has {} bytes; registries take {MAX_MANIFEST_BYTES}",
                bytes.len()
            );
            return Err(failure(&place, reason));
        }
        let call = Call::new(Method::Put, self.manifest_url(name)?, &place, Access::Push)
            .header("Content-Type", media_type)
            .body(Body::Bytes(bytes));
        let mut response = self.exchange(&call)?;
        match response.status {
            200..=202 => {
                check_digest(&place, &response, Digest::of(bytes))?;
                Ok(Stored {
                    is_listed: response.header("oci-subject").is_some(),
                })
            }
            _ => Err(refused(&place, &call.asked(), &mut response)),
        }
    }

    fn manifest_call<'a>(
        &self,
        method: Method,
        name: Name<'_>,
        place: &'a str,
    ) -> Result<Call<'a>, Error> {
        // distribution 2.8 answers 404 for what exists in a type that is not listed.
        let accepted = [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST];
        let url = self.manifest_url(name)?;
        let call = Call::new(method, url, place, Access::Pull);
        Ok(call.header("Accept", accepted.join(", ")))
    }

    /// What is no tag would be another address.
    fn manifest_url(&self, name: Name<'_>) -> Result<Url, Error> {
        match name {
            Name::Tag(tag) if !reference::is_tag(tag) => {
                Err(failure(&self.place(name), "its tag is not valid"))
            }
            name => Ok(self.url(&format!("manifests/{name}"))),
        }
    }
}

fn same(what: &str, found: Digest, wanted: &str) -> Result<(), Error> {
    if found.to_string() == wanted {
        return Ok(());
    }
    Err(Error::Mismatch {
        what: what.to_owned(),
        found: found.to_string(),
        wanted: printable::line(wanted),
    })
}

/// Compares with what a registry says the digest is: one that says nothing, or uses another algorithm, is right.
pub(super) fn check_digest(place: &str, response: &Response, digest: Digest) -> Result<(), Error> {
    match response.header("docker-content-digest") {
        Some(said) if !said.starts_with("sha512:") => {
            let said: String = said.chars().take(100).collect();
            let what = format!("the digest that the registry names for `{place}`");
            if said == digest.to_string() {
                return Ok(());
            }
            Err(Error::Mismatch {
                what,
                found: printable::line(&said),
                wanted: digest.to_string(),
            })
        }
        _ => Ok(()),
    }
}

/// The type in the header, without parameters.
fn content_type(response: &Response) -> String {
    let value = response.header("content-type").unwrap_or_default();
    let value = value.split(';').next().unwrap_or_default().trim();
    value.to_ascii_lowercase()
}

/// The type that the header says, or the document itself where the header is vague.
fn media_type_of(place: &str, response: &Response, bytes: &[u8]) -> Result<String, Error> {
    let said = content_type(response);
    let is_old = said.starts_with("application/vnd.docker.distribution.manifest.v1+");
    if !is_old && (media_type::is_manifest(&said) || media_type::is_index(&said)) {
        return Ok(said);
    }
    let document: Value = serde_json::from_slice(bytes).unwrap_or_default();
    if is_old || document["schemaVersion"] == 1 {
        let reason = "is an image of Docker's schema 1, which Docker no longer reads; push it again with a newer Docker, or convert \
                      it with `skopeo copy --format oci`";
        return Err(failure(place, reason));
    }
    let own = document["mediaType"].as_str().unwrap_or_default();
    if media_type::is_manifest(own) || media_type::is_index(own) {
        Ok(own.to_owned())
    } else if document["manifests"].is_array() {
        Ok(INDEX.to_owned())
    } else if document["layers"].is_array() {
        Ok(MANIFEST.to_owned())
    } else {
        let said: String = said.chars().take(100).collect();
        let reason = format!(
            "has the type `{}`, which is neither that of a manifest nor that of an index",
            printable::line(&said)
        );
        Err(failure(place, reason))
    }
}
