//! What is found in small archives that are made in memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value as Json, json};

use super::checker::Checker;
use super::{Finding, v1, verify};
use crate::archive::tests::Files;
use crate::digest::Digest;
use crate::media_type::{CONFIG, INDEX, MANIFEST, PLAIN_LAYER};
use crate::tarball::END_OF_ARCHIVE;

/// Rules and messages of what is found, warnings too.
fn found(files: &Files) -> Vec<String> {
    let report = verify(&files.source()).unwrap();
    let told = |finding: &Finding| format!("{}: {}", finding.rule.code(), finding.message);
    report.findings.iter().map(told).collect()
}

/// The layout of an image with one layer and these others.
fn with_layers(more: &[Json]) -> Files {
    let mut files = Files::default();
    let mut layers = vec![files.blob(PLAIN_LAYER, &END_OF_ARCHIVE)];
    layers.extend_from_slice(more);
    let diff_ids: Vec<&Json> = layers.iter().map(|layer| &layer["digest"]).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = files.blob(CONFIG, config.to_string().as_bytes());
    let manifest = files.manifest(&json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
    }));
    files.layout(&[manifest])
}

#[test]
fn a_layer_that_is_not_distributed_may_be_elsewhere() {
    let absent = |media_type: &str| {
        let digest = Digest::of(b"elsewhere").to_string();
        json!({"mediaType": media_type, "digest": digest, "size": 9})
    };
    for (media_type, is_fine) in [
        (
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            true,
        ),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar", true),
        (PLAIN_LAYER, false),
    ] {
        let found = found(&with_layers(&[absent(media_type)]));
        let is_missing =
            |line: &String| line.contains("does not exist") || line.contains("missing");
        assert_eq!(
            !found.iter().any(is_missing),
            is_fine,
            "{media_type} {found:?}"
        );
    }
}

#[test]
fn names_in_a_store_are_digests() {
    let store = with_layers(&[]);
    assert_eq!(found(&store), Vec::<String>::new());
    let hex = Digest::of(b"x").hex();
    for name in [
        "blobs/note",
        "blobs/sha256/note",
        &format!("blobs/sha256/{hex}.tar.gz"),
    ] {
        let mut files = store.clone();
        files.put(name, b"x");
        let found = found(&files);
        let is_told = found
            .iter()
            .any(|line| line.contains("its name is not a digest"));
        assert!(is_told, "{name} {found:?}");
        // A marker of the layout or its index makes it one.
        for marker in ["oci-layout", "index.json"] {
            let mut files = files.clone();
            files.0.remove(marker);
            let report = verify(&files.source()).unwrap();
            let mut messages = report.findings.iter().map(|finding| &finding.message);
            assert!(messages.any(|message| message.contains("its name is not a digest")));
        }
    }
    // Whoever keeps no store may have ends behind digests, and other files.
    let mut files = Files::default();
    let layer = format!("blobs/sha256/{}.tar", Digest::of(&END_OF_ARCHIVE).hex());
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {
        "type": "layers", "diff_ids": [Digest::of(&END_OF_ARCHIVE).to_string()],
    }});
    files.put("config.json", config.to_string().as_bytes());
    files.put(&layer, &END_OF_ARCHIVE);
    files.put("blobs/note", b"x");
    let list = json!([{"Config": "config.json", "RepoTags": ["a:1"], "Layers": [layer]}]);
    files.put("manifest.json", list.to_string().as_bytes());
    let told = found(&files);
    assert!(!told.iter().any(|line| line.contains("digest")), "{told:?}");
    files.put(&layer, &[0; 2048]);
    let told = found(&files);
    let is_wrong = told
        .iter()
        .any(|line| line.contains("does not match its name"));
    assert!(is_wrong, "{told:?}");
}

#[test]
fn loose_documents_are_read_up_to_a_size() {
    const MOST: usize = 4 << 20;
    let large = |n_bytes: usize| {
        let mut bytes = b"{}".to_vec();
        bytes.resize(n_bytes, b' ');
        bytes
    };
    for (sizes, n_read) in [
        (&[MOST, MOST, MOST, MOST, 2][..], 4),
        (&[MOST, MOST, MOST, MOST - 2, 2], 5),
        (&[MOST + 1, 2], 1),
    ] {
        let mut files = Files::default();
        for (i, size) in sizes.iter().enumerate() {
            files.put(&format!("blobs/{i}"), &large(*size));
        }
        files.put("other", b"{}");
        let source = files.source();
        let loose = v1::read_loose(&Checker::new(&source, false)).unwrap();
        assert_eq!(loose.len(), n_read, "{sizes:?}");
    }
}

#[test]
fn descriptors_are_followed_up_to_a_number() {
    let mut files = Files::default();
    let image = files.image("app");
    // Both are visited once for nothing.
    let inner = files.index(&vec![image; 100]);
    for (n, is_followed) in [(101, true), (102, false)] {
        let mut files = files.clone();
        let top = files.index(&vec![inner.clone(); n]);
        let found = found(&files.layout(&[top]));
        let told = found.iter().filter(|line| line.starts_with("index-depth"));
        assert_eq!(told.count(), usize::from(!is_followed), "{n} {found:#?}");
    }
}

#[test]
fn a_media_type_of_layers_states_a_compression() {
    for (end, stated) in [
        ("tar", Some("none")),
        ("tar+gzip", Some("gzip")),
        ("tar+zstd", Some("zstd")),
        ("tar.zstd", Some("zstd")),
        ("diff.tar.gzip", Some("gzip")),
        ("tar+xz", None),
    ] {
        for (family, is_known) in [("oci.image.layer.v1", true), ("example", false)] {
            let layer = super::oci::OciLayer {
                media_type: format!("application/vnd.{family}.{end}"),
                entry: None,
                is_foreign: false,
            };
            let stated = stated.filter(|_| is_known);
            assert_eq!(layer.stated_compression(), stated, "{family} {end}");
        }
    }
}

#[test]
fn an_index_may_lack_some_of_its_images_but_not_all() {
    let absent = json!({
        "mediaType": MANIFEST, "digest": Digest::of(b"elsewhere").to_string(), "size": 9,
    });
    for (has_image, is_fine) in [(true, true), (false, false)] {
        let mut files = Files::default();
        let mut manifests = vec![absent.clone()];
        if has_image {
            manifests.push(files.image("a"));
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        let index = files.blob(INDEX, index.to_string().as_bytes());
        let found = found(&files.layout(&[index]));
        let is_told = |line: &String| line.contains("references no image in the archive");
        assert_eq!(!found.iter().any(is_told), is_fine, "{found:?}");
    }
}
