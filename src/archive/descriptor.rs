//! Descriptors (image-spec descriptor.md): what a document says of the bytes that it names.

use crate::digest::Digest;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::reference::Reference;

/// containerd's full name of the image, which Docker writes too.
pub(super) const NAME: &str = "io.containerd.image.name";
/// image-spec annotations.md; Docker puts the bare tag there.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What an attestation is about (`BuildKit` `attestation-storage.md`).
pub(super) const ATTESTED: &str = "vnd.docker.reference.digest";
/// What a referrer is about, as containerd exports it.
pub(super) const REFERRED: &str = "io.containerd.manifest.subject";

/// Annotations that speak of the bytes of a blob: where they can be had, and tables of contents of lazily pulled layers
/// (stargz, zstd:chunked).
const ABOUT_BYTES: [&str; 4] = [
    "containerd.io/distribution.source.",
    "containerd.io/snapshot/stargz/",
    "io.containers.estargz.",
    "io.github.containers.zstd-chunked.",
];

/// Tells whether an annotation speaks of the bytes that its descriptor names, and goes when these change.
#[must_use]
pub fn speaks_of_bytes(key: &str) -> bool {
    ABOUT_BYTES.iter().any(|prefix| key.starts_with(prefix))
}

pub(super) fn blob_name(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

pub(super) fn digest_of(descriptor: &Value) -> Option<Digest> {
    let digest = descriptor.get("digest")?.as_text()?;
    Digest::parse(&digest).ok()
}

pub(super) fn media_type_of(descriptor: &Value) -> String {
    let media_type = descriptor.get("mediaType").and_then(Value::as_text);
    media_type.unwrap_or_default().into_owned()
}

pub(super) fn annotation(descriptor: &Value, key: &str) -> Option<String> {
    let value = descriptor.get("annotations")?.get(key)?.as_text()?;
    Some(value.into_owned())
}

/// Returns the name of an image, or the text that is none: containerd's name is the whole one; without it there is the
/// tag or reference that the writer was given.
pub(super) fn name_of(descriptor: &Value) -> Result<Option<Reference>, String> {
    if let Some(name) = annotation(descriptor, NAME) {
        return Reference::parse(&name).map(Some).map_err(|_| name);
    }
    match annotation(descriptor, REF_NAME) {
        Some(name) => Reference::from_ref_name(&name).map(Some).map_err(|_| name),
        None => Ok(None),
    }
}

pub(super) fn new_descriptor(media_type: &str, digest: Digest, size: u64) -> Value {
    Value::object([
        ("mediaType", Value::text(media_type)),
        ("digest", Value::text(&digest.to_string())),
        ("size", Value::number(size)),
    ])
}

/// Makes a descriptor name other bytes: what it says of the old ones goes, the rest stays.
pub(super) fn rewrite(items: &mut ArrayEdit<'_>, i: usize, digest: Digest, size: u64) {
    if digest_of(items.get(i)) == Some(digest) {
        return;
    }
    items.set(i, "digest", &[], Value::text(&digest.to_string()));
    items.set(i, "size", &[], Value::number(size));
    // A copy of the old content.
    items.take(i, "data");
    let annotations = items.get(i).get("annotations").and_then(Value::members);
    let stale: Vec<String> = annotations
        .into_iter()
        .flatten()
        .map(|(key, _)| key.into_owned())
        .filter(|key| speaks_of_bytes(key))
        .collect();
    for key in stale {
        items.take_within(i, "annotations", &key);
    }
}

/// Has a descriptor state the media type that its document states.
pub(super) fn follow_media_type(items: &mut ArrayEdit<'_>, i: usize, document: &Document) {
    let stated = media_type_of(&document.root);
    if !stated.is_empty() && stated != media_type_of(items.get(i)) {
        items.set(i, "mediaType", &[], Value::text(&stated));
    }
}
