//! What a repository lists: its tags, and what refers to a manifest (distribution-spec, "Listing Tags", "Listing Referrers").

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::error::Error;
use crate::media_type::INDEX;
use crate::printable;
use crate::reference;

use super::answer::{bytes, failure, refused};
use super::call::Call;
use super::transport::{Method, Response};
use super::url::Url;
use super::{Access, Name, Repository};

/// What all pages of a list may have, in bytes.
const MAX_LIST_BYTES: usize = 16 * 1024 * 1024;
/// What is asked for in a page; some registries refuse more.
const N_PER_PAGE: &str = "1000";

impl Repository {
    /// Returns all tags, sorted.
    pub fn tags(&self) -> Result<Vec<String>, Error> {
        let place = self.shown();
        let first = self.url("tags/list").with("n", N_PER_PAGE);
        let mut tags = Vec::new();
        let pages = self.pages(
            &place,
            first,
            "application/json",
            |response| match response.status {
                200 => Ok(true),
                404 => Err(Error::NotInRegistry {
                    place: place.clone(),
                }),
                _ => Ok(false),
            },
        )?;
        for page in pages {
            let listed = page["tags"].as_array().map_or(&[][..], Vec::as_slice);
            for tag in listed {
                let tag = tag.as_str().unwrap_or_default();
                // A tag gets into URLs and names.
                if !reference::is_tag(tag) {
                    let shown: String = tag.chars().take(100).collect();
                    let reason = format!(
                        "the list of tags has `{}`, which cannot be a tag",
                        printable::line(&shown)
                    );
                    return Err(failure(&place, reason));
                }
                tags.push(tag.to_owned());
            }
        }
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    /// Returns an index of what refers to a manifest: from the API; from the tag `sha256-…` of a registry that has none; else an empty
    /// one.
    pub fn referrers(&self, digest: Digest) -> Result<Vec<u8>, Error> {
        if self.host.lacks_referrers() {
            return self.tagged_referrers(digest);
        }
        let place = self.place(Name::Digest(digest));
        let first = self.url(&format!("referrers/{digest}"));
        let pages = self.pages(&place, first, INDEX, |response| {
            let said = response.header("content-type").unwrap_or_default();
            let is_index = said.to_ascii_lowercase().starts_with(INDEX);
            // What knows no such address says so in many ways, also with a page for people.
            let is_unknown = matches!(response.status, 400 | 404 | 405 | 406 | 501);
            if response.status == 200 && is_index {
                Ok(true)
            } else if response.status == 200 || is_unknown {
                Err(Error::NotInRegistry {
                    place: place.clone(),
                })
            } else {
                Ok(false)
            }
        });
        match pages {
            Ok(pages) => Ok(merged(pages)),
            Err(Error::NotInRegistry { .. }) => {
                self.host.note_lack_of_referrers();
                self.tagged_referrers(digest)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the list that clients keep under a tag where the registry keeps none (distribution-spec, "Referrers Tag Schema").
    fn tagged_referrers(&self, digest: Digest) -> Result<Vec<u8>, Error> {
        let tag = digest.to_string().replace(':', "-");
        match self.manifest(Name::Tag(&tag)) {
            Ok(manifest) => Ok(manifest.bytes),
            Err(Error::NotInRegistry { .. }) => Ok(merged(Vec::new())),
            Err(error) => Err(error),
        }
    }

    /// Follows a list from page to page (RFC 8288: `Link: <…>; rel="next"`). `check` tells whether an answer is a page; one that is not
    /// is refused.
    fn pages(
        &self,
        place: &str,
        first: Url,
        accept: &str,
        check: impl Fn(&Response) -> Result<bool, Error>,
    ) -> Result<Vec<Value>, Error> {
        let mut n_left = MAX_LIST_BYTES;
        let mut seen: Vec<Url> = Vec::new();
        let mut pages = Vec::new();
        let mut next = Some(first);
        while let Some(url) = next {
            let call =
                Call::new(Method::Get, url.clone(), place, Access::Pull).header("Accept", accept);
            let mut response = self.exchange(&call)?;
            if !check(&response)? {
                return Err(refused(place, &call.asked(), &mut response));
            }
            let bytes = bytes(
                place,
                "the list",
                &mut response.body,
                n_left,
                self.patience(),
            )?;
            // An empty page costs something too: there are at most 1024.
            n_left = n_left.saturating_sub(bytes.len() + 16 * 1024);
            let page: Value = serde_json::from_slice(&bytes).map_err(|error| {
                failure(
                    place,
                    format!("{} is answered with no JSON: {error}", call.asked()),
                )
            })?;
            pages.push(page);
            seen.push(url.clone());
            next = next_page(&url, &response);
            // Credentials and limits are those of this registry.
            let is_wrong = |next: &Url| !next.is_same_server(&url) || seen.contains(next);
            if next.as_ref().is_some_and(is_wrong) || n_left == 0 {
                let reason = format!(
                    "the pages of {} have no end or lead elsewhere",
                    call.asked()
                );
                return Err(failure(place, reason));
            }
        }
        Ok(pages)
    }
}

fn next_page(url: &Url, response: &Response) -> Option<Url> {
    response.all_headers("link").find_map(|link| {
        let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters
            .split(';')
            .any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then(|| url.join(address)).flatten()
    })
}

fn merged(pages: Vec<Value>) -> Vec<u8> {
    let listed = pages
        .into_iter()
        .flat_map(|mut page| match page["manifests"].take() {
            Value::Array(listed) => listed,
            _ => Vec::new(),
        });
    let listed: Vec<Value> = listed.collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
        .to_string()
        .into_bytes()
}
