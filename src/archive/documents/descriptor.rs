//! Descriptors (image-spec descriptor.md): what a document says of the bytes that it names.

use crate::digest::Digest;
use crate::image::json::{ArrayEdit, Document, Value};
use crate::reference::Reference;

/// containerd's full name of the image, which Docker writes too.
pub(in crate::archive) const NAME: &str = "io.containerd.image.name";
/// image-spec annotations.md; Docker puts the bare tag there.
pub(in crate::archive) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What an attestation is about (`BuildKit` `attestation-storage.md`).
pub(in crate::archive) const ATTESTED: &str = "vnd.docker.reference.digest";
/// What a referrer is about, as containerd exports it.
pub(in crate::archive) const REFERRED: &str = "io.containerd.manifest.subject";

/// The fields of a configuration that a descriptor's `platform` repeats, in the order of Go's struct (image-spec
/// image-index.md and `specs-go`).
pub(in crate::archive) const PLATFORM: [&str; 5] =
    ["architecture", "os", "os.version", "os.features", "variant"];

/// Annotations that speak of the bytes of a blob: where they can be had, and tables of contents of lazily pulled layers
/// (stargz, zstd:chunked).
const ABOUT_BYTES: [&str; 4] = [
    "containerd.io/distribution.source.",
    "containerd.io/snapshot/stargz/",
    "io.containers.estargz.",
    "io.github.containers.zstd-chunked.",
];

/// A copy of the content within its descriptor.
const COPY: &str = "data";

/// Tells whether an annotation speaks of the bytes that its descriptor names, and goes when these change.
#[must_use]
pub fn speaks_of_bytes(key: &str) -> bool {
    ABOUT_BYTES.iter().any(|prefix| key.starts_with(prefix))
}

pub(in crate::archive) fn blob_name(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

pub(in crate::archive) fn digest_of(descriptor: &Value) -> Option<Digest> {
    let digest = descriptor.get("digest")?.as_text()?;
    Digest::parse(&digest).ok()
}

pub(in crate::archive) fn media_type_of(descriptor: &Value) -> String {
    let media_type = descriptor.get("mediaType").and_then(Value::as_text);
    media_type.unwrap_or_default().into_owned()
}

pub(in crate::archive) fn annotation(descriptor: &Value, key: &str) -> Option<String> {
    let value = descriptor.get("annotations")?.get(key)?.as_text()?;
    Some(value.into_owned())
}

/// Tells whether a name is that of an image by its digest, as `app@sha256:…` is: it can name no other.
pub(in crate::archive) fn is_by_digest(name: &str) -> bool {
    name.split_once('@').is_some_and(|(name, digest)| {
        Reference::parse(name).is_ok() && Digest::parse(digest).is_ok()
    })
}

/// Returns the name of an image: containerd's name is the whole one; without it there is the tag or reference that the
/// writer was given. A name by digest is no tag, and goes when the image becomes another.
pub(in crate::archive) fn name_of(descriptor: &Value) -> Option<Reference> {
    match annotation(descriptor, NAME) {
        Some(name) if is_by_digest(&name) => None,
        Some(name) => Reference::parse(&name).ok(),
        None => Reference::from_ref_name(&annotation(descriptor, REF_NAME)?).ok(),
    }
}

/// Tells whether a descriptor is called by something that is no reference, such as the path of a layout: that stays.
pub(in crate::archive) fn has_other_name(descriptor: &Value) -> bool {
    let name = annotation(descriptor, NAME).or_else(|| annotation(descriptor, REF_NAME));
    name.is_some_and(|name| !is_by_digest(&name)) && name_of(descriptor).is_none()
}

pub(in crate::archive) fn new_descriptor(media_type: &str, digest: Digest, size: u64) -> Value {
    describe(media_type, digest, size, [])
}

/// Returns a descriptor with more than every descriptor has.
pub(in crate::archive) fn describe(
    media_type: &str,
    digest: Digest,
    size: u64,
    more: impl IntoIterator<Item = (&'static str, Value)>,
) -> Value {
    let members = [
        ("mediaType", Value::text(media_type)),
        ("digest", Value::text(&digest.to_string())),
        ("size", Value::number(size)),
    ];
    Value::object(members.into_iter().chain(more))
}

/// Makes a descriptor name other bytes: what it says of the old ones goes, the rest stays.
pub(in crate::archive) fn rewrite(items: &mut ArrayEdit<'_>, i: usize, digest: Digest, size: u64) {
    if digest_of(items.get(i)) == Some(digest) {
        return;
    }
    items.set(i, "digest", &[], Value::text(&digest.to_string()));
    items.set(i, "size", &[], Value::number(size));
    items.take(i, COPY);
    for key in stale_annotations(items.get(i)) {
        items.take_within(i, "annotations", &key);
    }
}

/// Does the same to the descriptor that is the member `key` of a document.
pub(in crate::archive) fn rewrite_member(
    document: &mut Document,
    key: &str,
    digest: Digest,
    size: u64,
) {
    let descriptor = document.root.get(key);
    if descriptor.and_then(digest_of) == Some(digest) {
        return;
    }
    let stale = descriptor.map(stale_annotations).unwrap_or_default();
    let text = Value::text(&digest.to_string());
    document.set(&[key], "digest", &[], text);
    document.set(&[key], "size", &[], Value::number(size));
    document.remove(&[key], COPY);
    for annotation in &stale {
        document.remove(&[key, "annotations"], annotation);
    }
    let annotations = document.root.get(key).and_then(|d| d.get("annotations"));
    let is_emptied = annotations
        .and_then(Value::members)
        .is_some_and(|m| m.len() == 0);
    if is_emptied && !stale.is_empty() {
        document.remove(&[key], "annotations");
    }
}

fn stale_annotations(descriptor: &Value) -> Vec<String> {
    let annotations = descriptor.get("annotations").and_then(Value::members);
    annotations
        .into_iter()
        .flatten()
        .map(|(key, _)| key.into_owned())
        .filter(|key| speaks_of_bytes(key))
        .collect()
}

/// Has a descriptor state the media type that its document states.
pub(in crate::archive) fn follow_media_type(
    items: &mut ArrayEdit<'_>,
    i: usize,
    document: &Document,
) {
    let stated = media_type_of(&document.root);
    if !stated.is_empty() && stated != media_type_of(items.get(i)) {
        items.set(i, "mediaType", &[], Value::text(&stated));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{
        follow_media_type, has_other_name, is_by_digest, name_of, rewrite, rewrite_member,
        speaks_of_bytes,
    };
    use crate::archive::tests::parsed;
    use crate::digest::Digest;

    #[test]
    fn names_are_tags_or_digests_or_something_else() {
        let by_digest = format!("app@{}", Digest::of(b"x"));
        for (name, is) in [
            (&*by_digest, true),
            ("app@sha256:x", false),
            ("app:1", false),
            ("a b@sha256:x", false),
            (&format!("a b@{}", Digest::of(b"x")), false),
            ("@", false),
        ] {
            assert_eq!(is_by_digest(name), is, "{name}");
        }
        for (whole, tag, name, is_other) in [
            (
                Some("docker.io/library/app:1"),
                Some("2"),
                Some("app:1"),
                false,
            ),
            (None, Some("app:2"), Some("app:2"), false),
            (Some(&*by_digest), Some("2"), None, false),
            (Some("no name"), Some("2"), None, true),
            (None, Some("/a/path"), None, true),
            (None, None, None, false),
        ] {
            let mut annotations = json!({});
            let keys = [
                "io.containerd.image.name",
                "org.opencontainers.image.ref.name",
            ];
            for (key, value) in keys.into_iter().zip([whole, tag]) {
                if let Some(value) = value {
                    annotations[key] = json!(value);
                }
            }
            let descriptor = parsed(&json!({"annotations": annotations})).root;
            let found = name_of(&descriptor).map(|name| name.familiar());
            assert_eq!(found.as_deref(), name, "{whole:?} {tag:?}");
            assert_eq!(has_other_name(&descriptor), is_other, "{whole:?} {tag:?}");
        }
    }

    /// What becomes of a descriptor that is to name other bytes: in a list, and as a member.
    fn rewritten(descriptor: &Json, digest: Digest) -> [Json; 2] {
        let mut list = parsed(&json!({"manifests": [{}, descriptor]}));
        list.edit_array(&[], "manifests", &[], |items| rewrite(items, 1, digest, 7));
        let mut document = parsed(&json!({"config": descriptor}));
        rewrite_member(&mut document, "config", digest, 7);
        let json = |bytes: Vec<u8>| serde_json::from_slice::<Json>(&bytes).unwrap();
        [
            json(list.to_bytes())["manifests"][1].clone(),
            json(document.to_bytes())["config"].clone(),
        ]
    }

    #[test]
    fn what_speaks_of_the_old_bytes_goes_with_them() {
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        let described = |digest: Digest, size: u64, annotations: &Json| {
            let mut descriptor =
                json!({"mediaType": "m", "digest": digest.to_string(), "size": size});
            if !annotations.is_null() {
                descriptor["annotations"] = annotations.clone();
            }
            descriptor
        };
        let stale = json!({"containerd.io/distribution.source.docker.io": "x"});
        let both = json!({"containerd.io/distribution.source.docker.io": "x", "mine": "y"});
        for (annotations, left) in [
            (json!(null), json!(null)),
            (json!({"mine": "y"}), json!({"mine": "y"})),
            (both.clone(), json!({"mine": "y"})),
            (stale, json!(null)),
            // What was empty stays so.
            (json!({}), json!({})),
        ] {
            let mut descriptor = described(old, 3, &annotations);
            descriptor["data"] = json!("b2xk");
            let wanted = described(new, 7, &left);
            assert_eq!(
                rewritten(&descriptor, new),
                [wanted.clone(), wanted],
                "{annotations}"
            );
            assert_eq!(
                rewritten(&descriptor, old),
                [descriptor.clone(), descriptor]
            );
        }
        for (key, is) in [
            ("containerd.io/distribution.source.x", true),
            ("containerd.io/snapshot/stargz/x", true),
            ("io.containers.estargz.x", true),
            ("io.github.containers.zstd-chunked.x", true),
            ("org.opencontainers.image.title", false),
        ] {
            assert_eq!(speaks_of_bytes(key), is, "{key}");
        }
    }

    #[test]
    fn the_media_type_follows_that_of_the_document() {
        for (listed, stated, wanted) in [
            (json!("a"), json!("b"), json!("b")),
            (json!("a"), json!("a"), json!("a")),
            (json!("a"), json!(null), json!("a")),
            (json!("a"), json!(""), json!("a")),
        ] {
            let mut list = parsed(&json!({"manifests": [{"mediaType": listed}]}));
            let document = parsed(&json!({"mediaType": stated}));
            list.edit_array(&[], "manifests", &[], |items| {
                follow_media_type(items, 0, &document);
            });
            let found: Json = serde_json::from_slice(&list.to_bytes()).unwrap();
            assert_eq!(found["manifests"][0]["mediaType"], wanted);
        }
    }
}
