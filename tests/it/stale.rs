//! What a descriptor says of the bytes it names goes when it names others, and stays where it does not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ocipatch::digest::Digest;
use serde_json::{Value, json};
use tar::EntryType::Regular;

use crate::binary::{ok, write_files};
use crate::edit::{Archive, layer};

const CACHE: &str = "moby.buildkit.cache.v0";
/// Where the bytes can be had, and tables of contents of them.
const ABOUT_BYTES: [&str; 5] = [
    "containerd.io/distribution.source.docker.io",
    "containerd.io/distribution.source.ghcr.io",
    "containerd.io/snapshot/stargz/toc.digest",
    "io.containers.estargz.uncompressed-size",
    "io.github.containers.zstd-chunked.manifest-position",
];

/// Padded base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |i: usize| {
            let index = usize::try_from(bits >> (18 - 6 * i) & 63).unwrap();
            if i > group.len() {
                '='
            } else {
                char::from(DIGITS[index])
            }
        };
        (0..4).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Adds a blob; its descriptor says all that can be said of bytes, and something that is said of no bytes.
fn put(archive: &mut Archive, media_type: &str, data: &[u8]) -> Value {
    let digest = Digest::of(data);
    let name = format!("blobs/sha256/{}", digest.hex());
    if !archive.entries.iter().any(|entry| entry.name == name) {
        archive.add(&name, data);
    }
    let mut descriptor = json!({
        "mediaType": format!("application/vnd.oci.image.{media_type}"),
        "digest": digest.to_string(), "size": data.len(), "data": base64(data),
        "annotations": {"com.example.kept": "yes"},
    });
    for key in ABOUT_BYTES {
        descriptor["annotations"][key] = json!("something");
    }
    descriptor
}

/// A layout of two platforms, whose images have a layer in common.
fn layout() -> Archive {
    let entries = Vec::new();
    let mut archive = Archive { entries };
    let mut manifests = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let tars = ["base", "top"].map(|name| layer(&[(Regular, name)]));
        let config = json!({
            "architecture": architecture, "os": "linux", CACHE: "c3RhbGU=", "config": {},
            "rootfs": {"type": "layers", "diff_ids": tars.each_ref().map(|tar| Digest::of(tar).to_string())},
            "history": [{"created_by": "made"}, {"created_by": "made"}],
        });
        let layers = tars.map(|tar| put(&mut archive, "layer.v1.tar", &tar));
        let config = put(
            &mut archive,
            "config.v1+json",
            config.to_string().as_bytes(),
        );
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": layers,
        });
        let mut manifest = put(
            &mut archive,
            "manifest.v1+json",
            manifest.to_string().as_bytes(),
        );
        manifest["platform"] = json!({"os": "linux", "architecture": architecture});
        manifests.push(manifest);
    }
    let index = |manifests: &[Value]| {
        json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
        })
    };
    let inner = index(&manifests).to_string();
    let mut top = put(&mut archive, "index.v1+json", inner.as_bytes());
    top["annotations"]["org.opencontainers.image.ref.name"] = json!("app:1");
    archive.add("index.json", index(&[top]).to_string().as_bytes());
    archive.add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    archive
}

/// The layout as the operations leave it, and what was said about it.
fn patched(operations: &str) -> (Archive, String) {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let patch = format!(
        "apiVersion: ocipatch/v1\ntarget: {{platforms: [linux/amd64]}}\noperations:\n{operations}"
    );
    write_files(
        directory.path(),
        &[("fix.yaml", &patch), ("rootfs/new", "x")],
    );
    std::fs::write(place("in.tar"), layout().to_bytes()).unwrap();
    let (fix, input, output) = (place("fix.yaml"), place("in.tar"), place("out.tar"));
    ok(["verify".as_ref(), input.as_os_str()]);
    let plan = ok(["plan".as_ref(), fix.as_os_str(), input.as_os_str()]);
    ok([
        "apply".as_ref(),
        fix.as_os_str(),
        input.as_os_str(),
        "-o".as_ref(),
        output.as_os_str(),
    ]);
    ok(["verify".as_ref(), output.as_os_str()]);
    (Archive::read(&std::fs::read(&output).unwrap()), plan)
}

fn document(archive: &Archive, name: &str) -> Value {
    let found = archive.entries.iter().find(|entry| entry.name == name);
    serde_json::from_slice(&found.expect(name).data).unwrap()
}

fn blob(archive: &Archive, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().unwrap();
    document(archive, &format!("blobs/{}", digest.replace(':', "/")))
}

/// Whether a descriptor has lost what was said of its bytes, and nothing else.
#[track_caller]
fn assert_said(descriptor: &Value, is_still_said: bool) {
    assert_eq!(descriptor["annotations"]["com.example.kept"], "yes");
    assert_eq!(
        descriptor["data"].is_string(),
        is_still_said,
        "{descriptor:#}"
    );
    for key in ABOUT_BYTES {
        let is_said = descriptor["annotations"][key].is_string();
        assert_eq!(is_said, is_still_said, "{key}: {descriptor:#}");
    }
}

#[test]
fn what_is_said_of_bytes_goes_up_to_the_top_and_not_beside_it() {
    let (archive, _) = patched("  - set-label: {a: b}\n");
    let top = &document(&archive, "index.json")["manifests"][0];
    assert_said(top, false);
    let inner = blob(&archive, top);
    let [changed, other] = [0, 1].map(|i| &inner["manifests"][i]);
    assert_said(changed, false);
    assert_said(other, true);
    let manifest = blob(&archive, changed);
    assert!(manifest["config"]["data"].is_null(), "{manifest:#}");
    assert_said(&manifest["config"], false);
    // The layer is the one it was.
    assert_said(&manifest["layers"][0], true);
    let config = blob(&archive, &manifest["config"]);
    assert_eq!(config[CACHE], "c3RhbGU=");
    let before = layout();
    let was = document(&before, "index.json");
    assert_eq!(other, &blob(&before, &was["manifests"][0])["manifests"][1]);
}

#[test]
fn a_build_cache_goes_with_the_layers_that_it_is_about() {
    for operations in ["  - add-layer: {from: rootfs}\n", "  - remove-layer: 1\n"] {
        let (archive, plan) = patched(operations);
        let top = &document(&archive, "index.json")["manifests"][0];
        let inner = blob(&archive, top);
        let configs = [0, 1].map(|i| {
            let manifest = blob(&archive, &inner["manifests"][i]);
            blob(&archive, &manifest["config"])
        });
        assert!(configs[0].get(CACHE).is_none(), "{:#}", configs[0]);
        assert_eq!(configs[1][CACHE], "c3RhbGU=");
        assert!(plan.contains(CACHE), "{plan}");
    }
    let (archive, _) = patched("  - add-layer: {from: rootfs}\n");
    let inner = blob(&archive, &document(&archive, "index.json")["manifests"][0]);
    let manifest = blob(&archive, &inner["manifests"][0]);
    assert_said(&manifest["layers"][0], true);
    assert!(
        manifest["layers"][2].get("annotations").is_none(),
        "{manifest:#}"
    );
}

/// A layer that stands twice has two descriptors, and each keeps what it says.
#[test]
fn descriptors_of_a_layer_that_stands_twice_stay_apart() {
    let mut archive = Archive::fixture("skopeo-oci.tar");
    let manifest = archive.entry("sha256/2d446a");
    let mut value: Value = serde_json::from_slice(&manifest.data).unwrap();
    let layers = value["layers"].as_array_mut().unwrap();
    let mut twin = layers[1].clone();
    twin["annotations"] = json!({"com.example.twin": "yes"});
    layers.push(twin);
    manifest.data = value.to_string().into_bytes();
    let config = archive.entry("sha256/722078");
    let mut value: Value = serde_json::from_slice(&config.data).unwrap();
    let diff_ids = value["rootfs"]["diff_ids"].as_array_mut().unwrap();
    diff_ids.push(diff_ids[1].clone());
    let history = value["history"].as_array_mut().unwrap();
    history.push(json!({"created_by": "again"}));
    config.data = value.to_string().into_bytes();
    archive.repair();
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let patch =
        "apiVersion: ocipatch/v1\noperations:\n  - add-layer: {files: [{path: /x, content: y}]}\n";
    write_files(directory.path(), &[("fix.yaml", patch)]);
    std::fs::write(place("in.tar"), archive.to_bytes()).unwrap();
    let (fix, input, output) = (place("fix.yaml"), place("in.tar"), place("out.tar"));
    let arguments = [fix.as_os_str(), input.as_os_str(), "-o".as_ref()];
    ok([&["apply".as_ref()], &arguments[..], &[output.as_os_str()]].concat());
    ok(["verify".as_ref(), output.as_os_str()]);
    let new = Archive::read(&std::fs::read(&output).unwrap());
    let manifest = blob(&new, &document(&new, "index.json")["manifests"][0]);
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 4);
    assert!(layers[1].get("annotations").is_none(), "{manifest:#}");
    assert_eq!(layers[2]["annotations"]["com.example.twin"], "yes");
}
