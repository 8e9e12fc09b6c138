//! Everything in a layout besides images: attestations, signatures and artifacts, recognized by what their tools write.

use std::collections::HashSet;

use serde::Serialize;

use super::descriptor::{REF_NAME, annotation, digest_of, media_type_of};
use super::graph::{Node, NodeKind, children};
use super::referrers::{COSIGN_KIND, Saved, subjects};
use crate::archive::Archive;
use crate::digest::Digest;
use crate::image::json::Value;
use crate::media_type::{is_index, is_manifest};

/// How `BuildKit` marks its attestations (`attestation-storage.md`).
const DOCKER_TYPE: &str = "vnd.docker.reference.type";
/// What cosign's manifests list (cosign `pkg/types/media.go`).
const COSIGN_PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const DSSE: &str = "application/vnd.dsse.envelope.v1+json";
/// Notation's (notation `specs/signature-specification.md`).
const NOTATION: &str = "application/vnd.cncf.notary.signature";

/// Something that is not an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    /// What it is, in a few words.
    pub kind: String,
    /// Its digest.
    pub digest: Digest,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The documents that it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<Digest>,
}

impl Archive {
    /// Returns what the documents list besides images and indexes of these, each once, in their order.
    #[must_use]
    pub fn others(&self) -> Vec<Other> {
        let mut others: Vec<Other> = Vec::new();
        let Some(graph) = &self.contents.graph else {
            return others;
        };
        let saved = Saved::of(&graph.index);
        // What cannot be read is reported as that.
        let unread = self.unread.iter().filter_map(|unread| unread.digest);
        let mut seen: HashSet<Digest> = unread.collect();
        let nodes = graph.reachable().into_iter();
        let below = nodes.filter_map(|digest| graph.nodes.get(&digest));
        let lists = [&graph.index]
            .into_iter()
            .chain(below.map(|node| &node.document));
        for descriptor in lists.flat_map(children) {
            let Some(digest) = digest_of(descriptor) else {
                continue;
            };
            let is_image = |kind| matches!(kind, NodeKind::Image | NodeKind::Index);
            if graph.kind(digest).is_some_and(is_image)
                || graph.kind(digest).is_none() && !is_unknown(descriptor)
                || !seen.insert(digest)
            {
                continue;
            }
            let node = graph.nodes.get(&digest);
            others.push(Other {
                kind: kind(descriptor, node),
                digest,
                name: annotation(descriptor, REF_NAME),
                about: about(&saved, descriptor, node),
            });
        }
        others
    }
}

/// Tells whether a descriptor is of a type that we do not follow: of others, what is not there is another platform's image.
fn is_unknown(descriptor: &Value) -> bool {
    let media_type = media_type_of(descriptor);
    !is_manifest(&media_type) && !is_index(&media_type)
}

fn about(saved: &Saved, descriptor: &Value, node: Option<&Node>) -> Vec<Digest> {
    let mut about = subjects(saved, descriptor, node);
    about.sort_unstable();
    about.dedup();
    about
}

fn kind(descriptor: &Value, node: Option<&Node>) -> String {
    let root = node.map(|node| &node.document.root);
    let layers = root.and_then(|root| root.get("layers")?.items());
    let layers: Vec<String> = layers.into_iter().flatten().map(media_type_of).collect();
    let has = |media_type: &str| layers.iter().any(|layer| layer == media_type);
    let config = root.and_then(|root| root.get("config")).map(media_type_of);
    let config = config.unwrap_or_default();
    let stated = |value: &Value| Some(value.get("artifactType")?.as_text()?.into_owned());
    let artifact = root.and_then(stated).or_else(|| stated(descriptor));
    let cosign = annotation(descriptor, "kind");
    let cosign = cosign
        .as_deref()
        .and_then(|kind| kind.strip_prefix(COSIGN_KIND));
    let name = annotation(descriptor, REF_NAME).unwrap_or_default();
    let is_called = |end: &str| name.contains("sha256-") && name.ends_with(end);
    if annotation(descriptor, DOCKER_TYPE).is_some() {
        return "attestation".to_owned();
    }
    if has(COSIGN_PAYLOAD) || cosign == Some("sigs") || is_called(".sig") {
        return "cosign signature".to_owned();
    }
    if has(DSSE) || cosign == Some("atts") || is_called(".att") {
        return "cosign attestation".to_owned();
    }
    if is_called(".sbom") {
        return "cosign SBOM".to_owned();
    }
    if config == NOTATION || artifact.as_deref() == Some(NOTATION) {
        return "Notation signature".to_owned();
    }
    if is_index(&media_type_of(descriptor)) {
        return "index without images".to_owned();
    }
    let kind = artifact.filter(|kind| !kind.is_empty()).unwrap_or(config);
    match kind.as_str() {
        "" => format!("artifact of type {}", media_type_of(descriptor)),
        kind => format!("artifact of type {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::{COSIGN_PAYLOAD, DSSE, NOTATION, Node, NodeKind, kind};
    use crate::archive::tests::parsed;
    use crate::media_type::{INDEX, MANIFEST};

    fn told(descriptor: &Json, manifest: Option<&Json>) -> String {
        let node = manifest.map(|manifest| Node {
            kind: NodeKind::Other,
            document: parsed(manifest),
        });
        kind(&parsed(descriptor).root, node.as_ref())
    }

    #[test]
    fn any_mark_of_a_tool_is_enough() {
        let annotated = |key: &str, value: &str| json!({"annotations": {key: value}});
        let named = |name: &str| annotated("org.opencontainers.image.ref.name", name);
        let cosign = |kind: &str| annotated("kind", &format!("dev.cosignproject.cosign/{kind}"));
        for (descriptor, wanted) in [
            (annotated("vnd.docker.reference.type", "x"), "attestation"),
            (cosign("sigs"), "cosign signature"),
            (cosign("atts"), "cosign attestation"),
            (cosign("sboms"), "artifact of type "),
            (annotated("kind", "sigs"), "artifact of type "),
            (named("sha256-ab.sig"), "cosign signature"),
            (named("app:sha256-ab.att"), "cosign attestation"),
            (named("sha256-ab.sbom"), "cosign SBOM"),
            (named("ab.sig"), "artifact of type "),
            (named("ab.att"), "artifact of type "),
            (named("ab.sbom"), "artifact of type "),
            (named("sha256-ab"), "artifact of type "),
            (json!({"artifactType": NOTATION}), "Notation signature"),
            (json!({"artifactType": "a"}), "artifact of type a"),
            (
                json!({"artifactType": "", "mediaType": "m"}),
                "artifact of type m",
            ),
            (json!({"mediaType": "m"}), "artifact of type m"),
            (json!({"mediaType": INDEX}), "index without images"),
        ] {
            assert_eq!(told(&descriptor, None), wanted, "{descriptor}");
        }
        let layers = |kinds: &[&str]| {
            let layers: Vec<Json> = kinds
                .iter()
                .map(|kind| json!({"mediaType": kind}))
                .collect();
            json!({"layers": layers})
        };
        for (manifest, wanted) in [
            (layers(&["x", COSIGN_PAYLOAD]), "cosign signature"),
            (layers(&[DSSE, "x"]), "cosign attestation"),
            (layers(&["x"]), "artifact of type m"),
            (
                json!({"config": {"mediaType": NOTATION}}),
                "Notation signature",
            ),
            (json!({"config": {"mediaType": "c"}}), "artifact of type c"),
            (json!({"artifactType": NOTATION}), "Notation signature"),
            (
                json!({"artifactType": "a", "config": {"mediaType": "c"}}),
                "artifact of type a",
            ),
            (
                json!({"artifactType": "", "config": {"mediaType": "c"}}),
                "artifact of type c",
            ),
            (json!({"mediaType": MANIFEST}), "artifact of type m"),
        ] {
            let descriptor = json!({"mediaType": "m", "artifactType": "a"});
            let stated = manifest.get("artifactType").is_some();
            let descriptor = if stated {
                descriptor
            } else {
                json!({"mediaType": "m"})
            };
            assert_eq!(told(&descriptor, Some(&manifest)), wanted, "{manifest}");
        }
    }
}
