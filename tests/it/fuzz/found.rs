//! What the targets found, each as a case that a person understands.

use ocipatch::digest::Digest;
use ocipatch::media_type::is_manifest;
use serde_json::Value;
use tar::EntryType;

use crate::binary::{command, ok, write_files};
use crate::edit::{Archive, Entry, layer};

/// Applies operations to an archive; what comes out is sound, and is returned.
fn apply(archive: &Archive, operations: &[&str]) -> Archive {
    apply_to("", archive, operations, &[])
}

fn apply_to(target: &str, archive: &Archive, operations: &[&str], options: &[&str]) -> Archive {
    let home = tempfile::tempdir().unwrap();
    let lines = operations
        .iter()
        .map(|operation| format!("- {operation}\n"));
    let patch = format!(
        "apiVersion: ocipatch/v1\n{target}operations:\n{}",
        lines.collect::<String>()
    );
    write_files(
        home.path(),
        &[("fix.yaml", &patch), ("rootfs/etc/greeting", "hello\n")],
    );
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("in.tar"), archive.to_bytes()).unwrap();
    let (patch, input, output) = (path("fix.yaml"), path("in.tar"), path("out.tar"));
    let arguments = ["apply", "-q", &patch, &input, "-o", &output];
    ok([&arguments[..], options].concat());
    ok(["verify", &output]);
    Archive::read(&std::fs::read(output).unwrap())
}

/// `LayerSources` of Docker 25 and later describes layers as they are stored, by their diff ids.
#[test]
fn a_compressed_layer_is_described_as_it_is_stored() {
    for operation in [
        "add-layer: {from: rootfs, compression: zstd}",
        "add-layer: {from: rootfs, compression: gzip, at: 1}",
        "replace-layer: {layer: 2, with: {from: rootfs, compression: gzip}}",
        "squash: {layers: all, compression: zstd}",
    ] {
        let mut output = apply(&Archive::fixture("docker26.tar"), &[operation]);
        let manifest: Value = serde_json::from_slice(&output.entry("manifest.json").data).unwrap();
        let sources = manifest[0]["LayerSources"].as_object().unwrap();
        let layers = manifest[0]["Layers"].as_array().unwrap();
        assert_eq!(sources.len(), layers.len(), "{operation}");
        for source in sources.values() {
            let hex = source["digest"]
                .as_str()
                .unwrap()
                .strip_prefix("sha256:")
                .unwrap();
            let data = &output.entry(hex).data;
            let media_type = match data[..2] {
                [0x1f, 0x8b] => "application/vnd.oci.image.layer.v1.tar+gzip",
                [0x28, 0xb5] => "application/vnd.oci.image.layer.v1.tar+zstd",
                _ => "application/vnd.oci.image.layer.v1.tar",
            };
            assert_eq!(source["mediaType"], media_type, "{operation}");
            assert_eq!(source["size"], data.len(), "{operation}");
        }
    }
}

/// `mediaType` of a manifest is optional; umoci leaves it out. The descriptor of a converted archive states it.
#[test]
fn a_manifest_that_does_not_say_what_it_is_stays_one_in_every_form() {
    for name in ["docker26.tar", "docker26-containerd.tar", "skopeo-oci.tar"] {
        for form in ["docker-archive", "oci-archive"] {
            let mut archive = Archive::fixture(name);
            let manifest = archive
                .entries
                .iter_mut()
                .find(|entry| {
                    entry.data.starts_with(br#"{"schemaVersion":2"#) && entry.name != "index.json"
                })
                .unwrap();
            let mut document: Value = serde_json::from_slice(&manifest.data).unwrap();
            document
                .as_object_mut()
                .unwrap()
                .shift_remove("mediaType")
                .unwrap();
            manifest.data = document.to_string().into_bytes();
            archive.repair();
            let to = format!("--to={form}");
            let mut output = apply_to("", &archive, &["set-label: {a: b}"], &[&to]);
            let index: Value = serde_json::from_slice(&output.entry("index.json").data).unwrap();
            let media_type = index["manifests"][0]["mediaType"].as_str().unwrap();
            assert!(is_manifest(media_type), "{name} {form}: {index}");
        }
    }
}

/// Directories of podman hold what no version of podman has written: nothing about them changes, and they stay.
#[test]
fn what_nothing_changes_stays_as_another_writer_has_it() {
    for (old, new) in [
        ("{\"id\"", "{ \"id\""),
        ("9058a9\"}", "9058a9\",\"os\":\"linux\"}"),
        ("9058a9\"}", "9058a9\"}\n"),
    ] {
        let mut archive = Archive::fixture("podman-docker.tar");
        archive.replace("89058a9/json", old, new);
        let nothing = "unset-label: {match: [nothing], if-missing: ignore}";
        let output = apply(&archive, &[nothing]);
        assert!(output.to_bytes() == archive.to_bytes(), "{new}");
        for operation in ["set-label: {a: b}", "add-layer: {from: rootfs}"] {
            let mut output = apply(&archive, &[operation]);
            let (was, is) = (archive.entry("89058a9/json"), output.entry("89058a9/json"));
            assert!(was.data == is.data, "{new} {operation}");
        }
    }
}

/// Two images share a layer, and a directory that links to it; one of them becomes another.
#[test]
fn links_of_an_image_that_stays_are_not_taken_away() {
    let mut archive = Archive::fixture("podman-docker.tar");
    let config = archive.entry("79b38beee.json").data.clone();
    let mut second: Value = serde_json::from_slice(&config).unwrap();
    second["author"] = "second".into();
    let second = second.to_string().into_bytes();
    let name = format!("{}.json", Digest::of(&second).hex());
    archive.add(&name, &second);
    let manifest = archive.entry("manifest.json");
    let mut items: Value = serde_json::from_slice(&manifest.data).unwrap();
    let mut item = items[0].clone();
    item["Config"] = name.into();
    item["RepoTags"] = serde_json::json!(["localhost/second:1"]);
    items.as_array_mut().unwrap().push(item);
    manifest.data = items.to_string().into_bytes();
    let repositories = archive.entry("repositories");
    let mut names: Value = serde_json::from_slice(&repositories.data).unwrap();
    names["localhost/second"] = names["localhost/greeter"].clone();
    repositories.data = names.to_string().into_bytes();
    // A name that podman would not derive.
    archive.replace_everywhere("8116c121", "0016c121");
    for tag in ["localhost/greeter:1", "localhost/second:1"] {
        for operation in ["set-label: {a: b}", "remove-layer: 1", "squash: all"] {
            let target = format!("target: {{images: ['{tag}']}}\n");
            let output = apply_to(&target, &archive, &[operation], &[]);
            for entry in &archive.entries {
                if entry.name.starts_with("0016c121") {
                    let is_kept = |kept: &Entry| kept.name == entry.name && kept.data == entry.data;
                    let is_there = output.entries.iter().any(is_kept);
                    assert!(is_there, "{} {tag} {operation}", entry.name);
                }
            }
        }
    }
}

/// A manifest whose types are none is an image to Docker, and another artifact in a layout: it gets types with the form.
#[test]
fn an_image_with_odd_media_types_is_an_image_in_a_layout() {
    for (old, new) in [
        ("image.layer.v1.tar\"", "text/plain\""),
        ("application/vnd.oci.image.layer.v1.tar\"", "sha256:00\""),
        (
            "application/vnd.oci.image.config.v1+json",
            "application/json",
        ),
    ] {
        let mut archive = Archive::fixture("docker26.tar");
        let manifest = archive.entries.iter_mut().find(|entry| {
            entry.data.starts_with(br#"{"schemaVersion":2"#) && entry.name != "index.json"
        });
        let manifest = manifest.unwrap();
        let text = String::from_utf8(manifest.data.clone()).unwrap();
        assert!(text.contains(old), "{old}");
        manifest.data = text.replace(old, new).into_bytes();
        archive.repair();
        apply_to("", &archive, &["set-label: {a: b}"], &["--to=oci-archive"]);
    }
}

/// Where a link of the image leads to `.wh.etc`, a new directory there would remove `/etc`.
#[test]
fn no_operation_follows_a_link_to_the_name_of_a_whiteout() {
    let lines = [
        (EntryType::Directory, "etc/"),
        (EntryType::Regular, "etc/motd"),
        (EntryType::Symlink, "d -> .wh.etc"),
    ];
    let mut archive = Archive::fixture("docker20.tar");
    archive.entry("layer.tar").data = layer(&lines);
    archive.repair();
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("in.tar"), archive.to_bytes()).unwrap();
    for operation in [
        "add-layer: {files: [{path: /d/a, content: x}]}",
        "move-path: {/etc/motd: /d/motd}",
        "move-path: {/etc/motd: /d/a/motd}",
    ] {
        let patch = format!("apiVersion: ocipatch/v1\noperations:\n- {operation}\n");
        write_files(home.path(), &[("fix.yaml", &patch)]);
        let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
        let output = command()
            .args(["plan", &path("fix.yaml"), &path("in.tar")])
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("`/.wh.etc"), "{told}");
    }
}

/// An archive of podman whose image has no layers is one of podman all the same, by what else is in it.
#[test]
fn the_first_layer_of_an_image_is_named_as_its_writer_does() {
    let mut archive = Archive::fixture("podman-docker.tar");
    let config = archive.entry("79b38beee.json").data.clone();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    config["rootfs"]["diff_ids"] = serde_json::json!([]);
    config["history"] = serde_json::json!([]);
    let config = config.to_string().into_bytes();
    let name = format!("{}.json", Digest::of(&config).hex());
    archive.add(&name, &config);
    let manifest = archive.entry("manifest.json");
    let mut items: Value = serde_json::from_slice(&manifest.data).unwrap();
    items[0]["Config"] = name.into();
    items[0]["Layers"] = serde_json::json!([]);
    manifest.data = items.to_string().into_bytes();
    apply(&archive, &["add-layer: {from: rootfs}"]);
}

/// What looks at the layer of earlier edits leaves it open for later ones, also where the entries of layers were not read.
#[test]
fn edits_go_on_behind_what_looks_at_their_layer() {
    for between in [
        "recompress: {to: gzip}",
        "recompress: {to: zstd}",
        "set-label: {a: b}",
    ] {
        for edit in [
            "move-path: {/usr/bin/greet: /srv/greet}",
            "remove-path: [/usr/bin/greet]",
            "set-mode: {/usr/bin/greet: '0600'}",
        ] {
            let first = "set-owner: {/etc: '7:7'}";
            for name in ["docker26-containerd.tar", "skopeo-oci.tar"] {
                apply(&Archive::fixture(name), &[first, between, edit]);
            }
        }
    }
}

/// A layer that one operation has made anew is not one that the patch has added.
#[test]
fn one_layer_is_purged_again_and_again() {
    for second in [
        "remove-path: {match: [/opt/app/VERSION], purge: true}",
        "remove-path: [/opt/app/VERSION]",
        "remove-path: {match: [/usr/bin/hello], purge: true}",
    ] {
        for first in [
            "remove-path: {match: [/usr/bin/greet], purge: true}",
            "set-mode: {set: {/srv/data/keep.txt: '0600'}, in: layer}",
        ] {
            for name in ["docker20.tar", "skopeo-oci.tar"] {
                apply(&Archive::fixture(name), &[first, second]);
            }
        }
    }
}
