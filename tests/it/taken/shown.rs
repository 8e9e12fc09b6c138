//! What is told of archives that are not whole, or hold more than images.

use super::{LABEL, document, inspected, made, patched, refused, write};
use crate::binary::ok;

#[test]
fn cosign_is_known_by_its_tags_and_by_its_kinds() {
    for archive in [made::signed(false), made::signed(true)] {
        let shown = inspected(&archive, 0);
        for kind in ["cosign signature, about ", "cosign attestation, about "] {
            assert!(shown.contains(kind), "{shown}");
        }
        assert!(refused(&archive, LABEL).contains("attested"));
        let dropping = LABEL.replace("operations", "attestations: drop\noperations");
        let mut after = patched(&archive, &dropping);
        assert_eq!(
            document(&mut after, "index.json")["manifests"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(after.entries.len(), 5);
        let home = tempfile::tempdir().unwrap();
        ok(["verify".as_ref(), write(home.path(), &archive).as_os_str()]);
    }
}

#[test]
fn what_can_be_read_of_a_damaged_archive_is_shown() {
    for (archive, code, shown) in [
        (
            made::damaged(),
            3,
            ["tags     app:1", "other:1: the digest of"],
        ),
        (
            made::second_damaged(),
            3,
            ["greeter2", "greeter:1: the digest of"],
        ),
        (
            made::absent(),
            0,
            ["tags     app:1", "other:1: the archive has no entry"],
        ),
        (
            made::sparse(),
            0,
            ["tags     app:1", "(not in the archive) COPY"],
        ),
        (
            made::artifacts(),
            0,
            [
                "tags     app:1",
                "artifact of type application/vnd.cncf.helm.config.v1+json",
            ],
        ),
    ] {
        let text = inspected(&archive, code);
        for part in shown {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}

/// Each signature is about the image that cosign has saved it with, however many of both there are.
#[test]
fn a_saved_signature_is_about_one_image() {
    let mut layout = made::Layout::new();
    let kind = |kind: &str| serde_json::json!({"kind": format!("dev.cosignproject.cosign/{kind}")});
    let mut images = Vec::new();
    for n in 0..300 {
        let image = layout.image(&format!("image-{n}"), "amd64");
        images.push(image["digest"].clone());
        layout.list(image, kind("image"));
        let media_type = "application/vnd.dev.cosign.simplesigning.v1+json";
        let payload = layout.blob(media_type, format!("{{\"of\":{n}}}").as_bytes());
        let config =
            serde_json::json!({"rootfs": {"type": "layers", "diff_ids": [payload["digest"]]}});
        let signature = layout.manifest(&config, &[payload]);
        layout.list(signature, kind("sigs"));
    }
    let home = tempfile::tempdir().unwrap();
    let image = write(home.path(), &layout.to_archive());
    let text = ok([
        "inspect".as_ref(),
        image.as_os_str(),
        "--format=json".as_ref(),
    ]);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let about = |other: &serde_json::Value| other["about"].as_array().unwrap().clone();
    let about: Vec<_> = report["others"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(about)
        .collect();
    assert_eq!(about, images);
}
