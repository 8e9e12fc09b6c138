//! What refers to an image in a registry: sent by digest, before the image has its name.
//!
//! A registry of OCI 1.1 lists it by itself. For others the sender keeps a list under a tag that is made of the subject's digest
//! (distribution-spec, "Referrers Tag Schema"); two who do so at once lose one of their items.

use std::collections::{BTreeMap, BTreeSet};

use super::Target;
use super::files::{Manifest, Parts};
use crate::archive::documents::descriptor::{blob_name, describe, digest_of, media_type_of};
use crate::archive::documents::graph::{children, new_index};
use crate::archive::documents::read::parse;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::Value;
use crate::media_type::INDEX;
use crate::registry::Name;

impl Target<'_> {
    /// Sends what refers to the image, or to one of its index.
    pub(super) fn send_referrers(&self) -> Result<(), Error> {
        let mut by_subject: BTreeMap<Digest, Vec<Value>> = BTreeMap::new();
        for (subject, parts) in self.referrers()? {
            self.send_blobs(&parts.blobs)?;
            let (referrer, below) = parts.manifests.split_last().expect("the referrer is one");
            self.send_manifests(below)?;
            if self.is_there(referrer) {
                continue;
            }
            let name = Name::Digest(referrer.digest);
            let stored = self
                .to
                .put_manifest(name, &referrer.media_type, &referrer.bytes)?;
            if !stored.is_listed {
                let listed = by_subject.entry(subject).or_default();
                listed.push(described(referrer)?);
            }
        }
        by_subject
            .into_iter()
            .try_for_each(|(subject, referrers)| self.list(subject, referrers))
    }

    /// Returns what of the draft refers to what is sent, and what it consists of.
    fn referrers(&self) -> Result<Vec<(Digest, Parts<'_>)>, Error> {
        let sent = self.parts.manifests.iter().map(|manifest| manifest.digest);
        let sent: BTreeSet<Digest> = sent.collect();
        let mut found = Vec::new();
        for digest in self.files.listed()? {
            if sent.contains(&digest) {
                continue;
            }
            let parts = self.files.parts(digest)?;
            let Some(referrer) = parts.manifests.last() else {
                continue;
            };
            let document = parse(&referrer.bytes, &blob_name(referrer.digest))?;
            let subject = document.root.get("subject").and_then(digest_of);
            if let Some(subject) = subject.filter(|subject| sent.contains(subject)) {
                found.push((subject, parts));
            }
        }
        Ok(found)
    }

    /// Sees to it that the registry lists what refers to a subject.
    fn list(&self, subject: Digest, referrers: Vec<Value>) -> Result<(), Error> {
        let listed = parse(&self.to.referrers(subject)?, "the list of referrers")?;
        let known: Vec<Value> = children(&listed).cloned().collect();
        let is_new = |referrer: &Value| {
            let mut known = known.iter();
            !known.any(|known| digest_of(known) == digest_of(referrer))
        };
        let new: Vec<Value> = referrers.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let index = new_index(known.into_iter().chain(new));
        let tag = format!("sha256-{}", subject.hex());
        let tag = Name::Tag(&tag);
        self.to
            .put_manifest(tag, INDEX, &index.to_bytes())
            .map(drop)
    }
}

/// Describes a referrer as the list of referrers does (distribution-spec, "Listing Referrers").
fn described(referrer: &Manifest) -> Result<Value, Error> {
    let document = parse(&referrer.bytes, &blob_name(referrer.digest))?;
    let stated = document.root.get("artifactType").cloned();
    let of_config = || {
        let config = document.root.get("config").map(media_type_of)?;
        (!config.is_empty()).then(|| Value::text(&config))
    };
    let kind = stated.or_else(of_config).map(|kind| ("artifactType", kind));
    let annotations = document.root.get("annotations").cloned();
    let annotations = annotations.map(|annotations| ("annotations", annotations));
    Ok(describe(
        &referrer.media_type,
        referrer.digest,
        referrer.bytes.len() as u64,
        kind.into_iter().chain(annotations),
    ))
}
