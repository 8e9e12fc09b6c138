//! Archives that nobody meant to make: images that a patch makes equal, layers behind links, outputs that are inputs.
#![allow(clippy::unwrap_used, reason = "tests may fail")]

use std::path::{Path, PathBuf};

use ocipatch::digest::Digest;

use crate::binary;
use crate::edit::{Archive, file_header, layer};

const SWAP: &str = "apiVersion: ocipatch/v1
target: {images: ['a:1']}
operations: [set-label: {k: two}]
---
apiVersion: ocipatch/v1
target: {images: ['b:1']}
operations: [set-label: {k: one}]
";
const EQUAL: &str = "apiVersion: ocipatch/v1
target: {images: ['*']}
operations: [set-label: {k: same}]
";
const LAYER: &str = "apiVersion: ocipatch/v1
operations: [add-layer: {from: source}]
";

/// A configuration without history, so that equal labels make equal images.
fn config(layer: &[u8], label: &str) -> Vec<u8> {
    let diff_id = Digest::of(layer);
    format!(
        r#"{{"architecture":"amd64","config":{{"Labels":{{"k":"{label}"}}}},"os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    )
    .into_bytes()
}

/// An archive with both halves, of images of one layer: name and label. `layer_path` is how `manifest.json` spells it.
fn archive(images: &[(&str, &str)], layer_path: Option<&str>) -> Archive {
    let mut archive = Archive {
        entries: Vec::new(),
    };
    let layer = layer(&[(tar::EntryType::Regular, "hello")]);
    let layer_digest = Digest::of(&layer);
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    archive.add(&blob(&layer), &layer);
    let (mut items, mut descriptors) = (Vec::new(), Vec::new());
    for (name, label) in images {
        let config = config(&layer, label);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer_digest}","size":{}}}]}}"#,
            Digest::of(&config),
            config.len(),
            layer.len()
        );
        let tag = name.rsplit_once(':').unwrap().1;
        descriptors.push(format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"annotations":{{"io.containerd.image.name":"docker.io/library/{name}","org.opencontainers.image.ref.name":"{tag}"}}}}"#,
            Digest::of(manifest.as_bytes()),
            manifest.len()
        ));
        let layer_path = layer_path.map_or_else(|| blob(&layer), str::to_owned);
        items.push(format!(
            r#"{{"Config":"{}","RepoTags":["{name}"],"Layers":["{layer_path}"]}}"#,
            blob(&config)
        ));
        for bytes in [config.as_slice(), manifest.as_bytes()] {
            if !archive
                .entries
                .iter()
                .any(|entry| entry.name == blob(bytes))
            {
                archive.add(&blob(bytes), bytes);
            }
        }
    }
    if let Some(path) = layer_path {
        let mut header = file_header();
        header.set_entry_type(tar::EntryType::Symlink);
        header
            .set_link_name_literal(format!("../{}", blob(&layer)))
            .unwrap();
        archive.add(path, b"");
        archive.entries.last_mut().unwrap().header = header;
    }
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{}]}}"#,
        descriptors.join(",")
    );
    archive.add("index.json", index.as_bytes());
    archive.add("manifest.json", format!("[{}]", items.join(",")).as_bytes());
    archive.add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    archive
}

/// Applies a patch, verifies what comes out and what comes out of that, and returns the first.
fn apply(directory: &Path, archive: &Archive, patch: &str) -> PathBuf {
    let path = |name: &str| directory.join(name);
    std::fs::write(path("in.tar"), archive.to_bytes()).unwrap();
    binary::write_files(directory, &[("patch.yaml", patch), ("source/new", "new\n")]);
    binary::ok([Path::new("verify"), &path("in.tar")]);
    for (input, output) in [("in.tar", "out.tar"), ("out.tar", "again.tar")] {
        let (input, output) = (path(input), path(output));
        let patch = path("patch.yaml");
        binary::ok([Path::new("apply"), &patch, &input, Path::new("-o"), &output]);
        binary::ok([Path::new("verify"), &output]);
    }
    path("out.tar")
}

#[test]
fn images_may_become_what_the_other_was() {
    let directory = tempfile::tempdir().unwrap();
    let output = apply(
        directory.path(),
        &archive(&[("a:1", "one"), ("b:1", "two")], None),
        SWAP,
    );
    let mut swapped = archive(&[("a:1", "two"), ("b:1", "one")], None);
    let mut output = Archive::read(&std::fs::read(output).unwrap());
    for name in ["index.json", "manifest.json"] {
        assert_eq!(output.entry(name).data, swapped.entry(name).data, "{name}");
    }
}

#[test]
fn images_may_become_equal_and_be_patched_again() {
    let directory = tempfile::tempdir().unwrap();
    let images = archive(&[("a:1", "one"), ("b:1", "two")], None);
    let output = apply(directory.path(), &images, EQUAL);
    let mut equal = archive(&[("a:1", "same"), ("b:1", "same")], None);
    let mut output = Archive::read(&std::fs::read(output).unwrap());
    for name in ["index.json", "manifest.json"] {
        assert_eq!(output.entry(name).data, equal.entry(name).data, "{name}");
    }
}

#[test]
fn equal_images_are_one_image_under_two_names() {
    let directory = tempfile::tempdir().unwrap();
    let images = archive(&[("a:1", "one"), ("b:1", "one")], None);
    let patch = SWAP.split("---").next().unwrap();
    let output = apply(directory.path(), &images, patch);
    let mut wanted = archive(&[("a:1", "two"), ("b:1", "two")], None);
    let mut output = Archive::read(&std::fs::read(output).unwrap());
    for name in ["index.json", "manifest.json"] {
        assert_eq!(output.entry(name).data, wanted.entry(name).data, "{name}");
    }
}

#[test]
fn of_two_manifests_with_one_configuration_one_may_change() {
    let directory = tempfile::tempdir().unwrap();
    let mut images = archive(&[("a:1", "one"), ("b:1", "one")], None);
    // Both names are of one item, and a second manifest differs in a byte.
    let manifest = images.entry("manifest.json");
    let text = String::from_utf8(manifest.data.clone()).unwrap();
    let item = text[1..].split_once("},").unwrap().0;
    manifest.data = format!("[{}}}]", item.replace(r#""a:1""#, r#""a:1","b:1""#)).into_bytes();
    let first = images
        .entries
        .iter()
        .find(|entry| {
            entry.data.starts_with(
                br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest"#,
            )
        })
        .unwrap()
        .data
        .clone();
    let mut second = first.clone();
    second.push(b'\n');
    let second_name = format!("blobs/sha256/{}", Digest::of(&second).hex());
    images.add(&second_name, &second);
    let (old, new) = (Digest::of(&first), Digest::of(&second));
    let index = images.entry("index.json");
    let text = String::from_utf8(index.data.clone()).unwrap();
    let (one, two) = text.rsplit_once(&old.to_string()).unwrap();
    let two = two.replacen(&first.len().to_string(), &second.len().to_string(), 1);
    index.data = format!("{one}{new}{two}").into_bytes();

    let patch = SWAP.split("---").next().unwrap();
    let output = apply(directory.path(), &images, patch);
    let mut output = Archive::read(&std::fs::read(output).unwrap());
    assert_eq!(output.entry(&second_name).data, second);
    let mut wanted = archive(&[("a:1", "two"), ("b:1", "one")], None);
    let manifest = output.entry("manifest.json").data.clone();
    assert_eq!(manifest, wanted.entry("manifest.json").data);
}

#[test]
fn a_layer_behind_a_link_stays_there() {
    let directory = tempfile::tempdir().unwrap();
    let images = archive(&[("a:1", "one")], Some("base/layer.tar"));
    let output = apply(directory.path(), &images, LAYER);
    let mut output = Archive::read(&std::fs::read(output).unwrap());
    let link = output.entry("base/layer.tar");
    assert_eq!(link.header.entry_type(), tar::EntryType::Symlink);
}

/// A blob of a layout may be a link to a file of another name within it.
#[test]
fn a_layer_of_a_layout_behind_a_link_stays_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut images = archive(&[("a:1", "one")], None);
    images.remove("manifest.json");
    let layer = images.entries[0].name.clone();
    images.entries[0].name = "shared/base.tar".to_owned();
    let mut header = file_header();
    header.set_entry_type(tar::EntryType::Symlink);
    header
        .set_link_name_literal("../../shared/base.tar")
        .unwrap();
    images.add(&layer, b"");
    images.entries.last_mut().unwrap().header = header;
    let output = apply(directory.path(), &images, LAYER);
    let mut output = Archive::read(&std::fs::read(output).unwrap());
    let link = output.entry(&layer);
    assert_eq!(link.header.entry_type(), tar::EntryType::Symlink);
}

/// Some writers end a tar where the last data ends, or within its padding.
#[test]
fn a_tar_without_its_last_padding_gives_a_whole_one() {
    let directory = tempfile::tempdir().unwrap();
    for last in ["oci-layout", "zzz"] {
        let mut images = archive(&[("a:1", "one")], None);
        if last == "zzz" {
            images.add(last, b"something else");
        }
        let bytes = images.to_bytes();
        let end = bytes.len() - 1024;
        let data = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
        let whole = std::fs::read(apply(directory.path(), &images, LAYER)).unwrap();
        let path = |name: &str| directory.path().join(name);
        for cut in [data, data + 1, end - 1, end, end + 512, end + 1024] {
            std::fs::write(path("in.tar"), &bytes[..cut]).unwrap();
            for name in ["out.tar", "packed.tar"] {
                std::fs::remove_file(path(name)).ok();
            }
            std::fs::remove_dir_all(path("unpacked")).ok();
            let (patch, input, output) = (path("patch.yaml"), path("in.tar"), path("out.tar"));
            binary::ok([Path::new("apply"), &patch, &input, Path::new("-o"), &output]);
            let patched = std::fs::read(output).unwrap();
            // But for zero blocks at the end, of which a tar may have more.
            assert!(patched.starts_with(&whole), "{last} {cut}");
            assert!(patched[whole.len()..].iter().all(|&byte| byte == 0));
            assert_eq!(patched.len() % 512, 0, "{last} {cut}");
            let (unpacked, packed) = (path("unpacked"), path("packed.tar"));
            binary::ok([Path::new("unpack"), &input, &unpacked]);
            binary::ok([Path::new("pack"), &unpacked, &packed]);
            let packed = std::fs::read(packed).unwrap();
            assert!(packed.starts_with(&bytes[..cut]), "{last} {cut}");
            assert_eq!(packed.len() % 512, 0, "{last} {cut}");
        }
    }
}

/// Podman, among others, writes files without the directories that they are in.
#[test]
fn every_archive_that_is_unpacked_packs_to_itself() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut n_archives = 0;
    for item in std::fs::read_dir(fixtures).unwrap() {
        let input = item.unwrap().path();
        let name = input.file_stem().unwrap().to_str().unwrap();
        if name.contains("layer") || input.extension().unwrap() != "tar" {
            continue;
        }
        n_archives += 1;
        let directory = tempfile::tempdir().unwrap();
        let [unpacked, packed] = ["unpacked", "packed.tar"].map(|name| directory.path().join(name));
        binary::ok([Path::new("unpack"), &input, &unpacked]);
        binary::ok([Path::new("pack"), &unpacked, &packed]);
        assert!(
            std::fs::read(&packed).unwrap() == std::fs::read(&input).unwrap(),
            "{name}"
        );
        // A directory that is new is packed with what is in it.
        binary::write_files(&unpacked, &[("own/note", "hi")]);
        std::fs::remove_file(&packed).unwrap();
        binary::ok([Path::new("pack"), &unpacked, &packed]);
        let packed = Archive::read(&std::fs::read(&packed).unwrap());
        let names = packed.entries.iter().map(|entry| entry.name.as_str());
        let own: Vec<&str> = names.filter(|name| name.starts_with("own")).collect();
        assert_eq!(own, ["own/", "own/note"], "{name}");
    }
    assert!(n_archives > 10);
}

#[test]
fn standard_output_may_not_be_the_input() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let bytes = archive(&[("a:1", "one")], None).to_bytes();
    std::fs::write(path("in.tar"), &bytes).unwrap();
    binary::write_files(directory.path(), &[("patch.yaml", EQUAL)]);
    for is_appending in [false, true] {
        let output = std::fs::OpenOptions::new()
            .write(true)
            .append(is_appending)
            .open(path("in.tar"))
            .unwrap();
        let run = binary::command()
            .arg("apply")
            .args([path("patch.yaml"), path("in.tar")])
            .stdout(output)
            .output()
            .unwrap();
        let stderr = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("is the same file as"), "{stderr}");
        assert!(std::fs::read(path("in.tar")).unwrap() == bytes);
    }
}

#[test]
fn more_layers_than_docker_loads_are_noted() {
    let directory = tempfile::tempdir().unwrap();
    let layer = layer(&[(tar::EntryType::Regular, "hello")]);
    for (n_layers, is_noted) in [(124, false), (125, true)] {
        let diff_ids = vec![format!("\"{}\"", Digest::of(&layer)); n_layers].join(",");
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[{diff_ids}]}}}}"#
        );
        let paths = vec!["\"layer.tar\""; n_layers].join(",");
        let manifest =
            format!(r#"[{{"Config":"config.json","RepoTags":["a:1"],"Layers":[{paths}]}}]"#);
        let mut deep = Archive {
            entries: Vec::new(),
        };
        deep.add("layer.tar", &layer);
        deep.add("config.json", config.as_bytes());
        deep.add("manifest.json", manifest.as_bytes());
        let input = directory.path().join("in.tar");
        std::fs::write(&input, deep.to_bytes()).unwrap();
        binary::write_files(
            directory.path(),
            &[("patch.yaml", LAYER), ("source/new", "new\n")],
        );
        let patch = directory.path().join("patch.yaml");
        let stdout = binary::ok([Path::new("plan"), &patch, &input]);
        let note = "note: more than 125 layers, which Docker loads only with the containerd store";
        assert_eq!(stdout.contains(note), is_noted, "{stdout}");
    }
}
