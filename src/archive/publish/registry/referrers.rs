//! What refers to an image in a registry: sent by digest, before the image has its name.
//!
//! A registry of OCI 1.1 lists it by itself. For others the sender keeps a list under a tag that is made of the subject's digest
//! (distribution-spec, "Referrers Tag Schema"); two who do so at once lose one of their items.

use std::collections::{BTreeMap, BTreeSet};

use super::{Manifest, Parts, Target, parsed};
use crate::archive::documents::descriptor::{digest_of, media_type_of};
use crate::archive::documents::graph::children;
use crate::archive::in_parallel::in_parallel;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::json::{Document, Value};
use crate::media_type::INDEX;
use crate::registry::Name;

impl Target<'_> {
    /// Sends what refers to the image, or to one of its index.
    pub(super) fn send_referrers(&self) -> Result<(), Error> {
        let mut by_subject: BTreeMap<Digest, Vec<Value>> = BTreeMap::new();
        for (subject, parts) in self.referrers()? {
            let blobs: Vec<_> = parts.blobs.iter().collect();
            in_parallel(&blobs, |(digest, blob)| self.sending().send(**digest, blob))?;
            let referrer = parts.manifests.last().expect("the referrer is one");
            if self.is_same && referrer.is_kept {
                continue;
            }
            let name = Name::Digest(referrer.digest);
            self.to
                .put_manifest(name, &referrer.media_type, &referrer.bytes)?;
            by_subject
                .entry(subject)
                .or_default()
                .push(described(referrer)?);
        }
        by_subject
            .into_iter()
            .try_for_each(|(subject, referrers)| self.list(subject, referrers))
    }

    /// Returns what of the draft refers to what is sent, and what it consists of.
    fn referrers(&self) -> Result<Vec<(Digest, Parts)>, Error> {
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
            let document = parsed(&referrer.digest.to_string(), &referrer.bytes)?;
            let subject = document.root.get("subject").and_then(digest_of);
            if let Some(subject) = subject.filter(|subject| sent.contains(subject)) {
                found.push((subject, parts));
            }
        }
        Ok(found)
    }

    /// Sees to it that the registry lists what refers to a subject.
    fn list(&self, subject: Digest, referrers: Vec<Value>) -> Result<(), Error> {
        let listed = parsed("the list of referrers", &self.to.referrers(subject)?)?;
        let known: Vec<Value> = children(&listed).cloned().collect();
        let is_new = |referrer: &Value| {
            let mut known = known.iter();
            !known.any(|known| digest_of(known) == digest_of(referrer))
        };
        let new: Vec<Value> = referrers.into_iter().filter(is_new).collect();
        if new.is_empty() {
            return Ok(());
        }
        let index = Document::new(Value::object([
            ("schemaVersion", Value::number(2)),
            ("mediaType", Value::text(INDEX)),
            ("manifests", Value::array(known.into_iter().chain(new))),
        ]));
        let tag = format!("sha256-{}", subject.hex());
        self.to
            .put_manifest(Name::Tag(&tag), INDEX, &index.to_bytes())
    }
}

/// Describes a referrer as the list of referrers does (distribution-spec, "Listing Referrers").
fn described(referrer: &Manifest) -> Result<Value, Error> {
    let document = parsed(&referrer.digest.to_string(), &referrer.bytes)?;
    let mut descriptor = vec![
        ("mediaType", Value::text(&referrer.media_type)),
        ("digest", Value::text(&referrer.digest.to_string())),
        ("size", Value::number(referrer.bytes.len() as u64)),
    ];
    let stated = document.root.get("artifactType").cloned();
    let of_config = || {
        let config = document.root.get("config").map(media_type_of)?;
        (!config.is_empty()).then(|| Value::text(&config))
    };
    descriptor.extend(stated.or_else(of_config).map(|kind| ("artifactType", kind)));
    let annotations = document.root.get("annotations").cloned();
    descriptor.extend(annotations.map(|annotations| ("annotations", annotations)));
    Ok(Value::object(descriptor))
}
