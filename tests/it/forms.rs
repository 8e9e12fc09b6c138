//! Archives of writers without a fixture, made from one that has one, and what a patch does to each form.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::io::Write;
use std::path::{Path, PathBuf};

use ocipatch::compression::Compression;
use ocipatch::digest::Digest;
use serde_json::{Value, json};

use crate::binary::{fails, ok, write_files};
use crate::edit::{Archive, layer};

/// The v1 ids of docker20.tar.
const V1: [&str; 2] = [
    "a26bb6160b554c9d44a078cdbc7e80251853c08aa69de97b11804492fd9a05ad",
    "c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7",
];

/// The v1 directories of `rules_docker` and of ggcr: their ids follow rules of their own.
pub(crate) fn foreign_ids() -> Archive {
    let mut archive = Archive::fixture("docker20.tar");
    for (i, id) in V1.into_iter().enumerate() {
        archive.replace_everywhere(id, &format!("{i}").repeat(64));
    }
    archive
}

/// One image: what all forms are made from.
struct Image {
    config: Value,
    /// Tars, from the base up.
    layers: Vec<Vec<u8>>,
}

impl Image {
    /// The image of docker20.tar.
    fn greeter() -> Self {
        let mut archive = Archive::fixture("docker20.tar");
        let layers = V1.map(|id| archive.entry(&format!("{id}/layer.tar")).data.clone());
        Self {
            config: serde_json::from_slice(&archive.entry("fba3ad4a").data).unwrap(),
            layers: layers.into(),
        }
    }

    /// The same with a layer of empty entries on top.
    fn with(lines: &[(tar::EntryType, &str)]) -> Self {
        let mut image = Self::greeter();
        let tar = layer(lines);
        let add = |list: &mut Value, item| list.as_array_mut().unwrap().push(item);
        let diff_id = Digest::of(&tar).to_string();
        add(&mut image.config["rootfs"]["diff_ids"], json!(diff_id));
        add(&mut image.config["history"], json!({"created_by": "made"}));
        image.layers.push(tar);
        image
    }
}

fn empty() -> Archive {
    let entries = Vec::new();
    Archive { entries }
}

fn compressed(layer: &[u8], compression: Compression) -> Vec<u8> {
    let mut encoder = compression.encoder(Vec::new()).unwrap();
    encoder.write_all(layer).unwrap();
    encoder.finish().unwrap()
}

/// Adds a file named by its digest and returns that name.
fn add(archive: &mut Archive, before: &str, data: &[u8], behind: &str) -> Value {
    let name = format!("{before}{}{behind}", Digest::of(data).hex());
    archive.add(&name, data);
    json!(name)
}

fn finished(mut archive: Archive, config: &Value, layers: &[Value], text: &str) -> Archive {
    archive.add("manifest.json", text.as_bytes());
    let manifest: Value = serde_json::from_str(text).unwrap();
    assert_eq!(manifest[0]["Config"], *config);
    assert_eq!(manifest[0]["Layers"], json!(layers));
    archive
}

/// kaniko's `--tar-path`: an archive of ggcr's whose layers name their root and link to absolute paths.
pub(crate) fn kaniko() -> Archive {
    use tar::EntryType::{Directory, Link, Regular};
    let image = Image::with(&[
        (Directory, "/"),
        (Directory, "kaniko/"),
        (Regular, "kaniko/file"),
        (Link, "kaniko/twin -> /kaniko/file"),
    ]);
    let mut archive = empty();
    let config = image.config.to_string();
    let config = add(&mut archive, "sha256:", config.as_bytes(), "");
    let mut layer = |layer: &Vec<u8>| {
        let data = compressed(layer, Compression::Gzip);
        add(&mut archive, "", &data, ".tar.gz")
    };
    let layers: Vec<Value> = image.layers.iter().map(&mut layer).collect();
    let manifest = json!([{"Config": config, "RepoTags": ["greeter:1"], "Layers": layers}]);
    finished(archive, &config, &layers, &manifest.to_string())
}

/// `oci_tarball` of `rules_oci` in its Docker format: `.tar.gz` whatever the layer is.
pub(crate) fn rules_oci() -> Archive {
    let image = Image::greeter();
    let mut archive = empty();
    let config = image.config.to_string();
    let config = add(&mut archive, "blobs/sha256/", config.as_bytes(), "");
    let base = compressed(&image.layers[0], Compression::Gzip);
    let layers =
        [&base, &image.layers[1]].map(|layer| add(&mut archive, "blobs/sha256/", layer, ".tar.gz"));
    let manifest = json!([{"Config": config, "RepoTags": ["greeter:1"], "Layers": layers}]);
    let manifest = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
    finished(archive, &config, &layers, &manifest)
}

/// `streamLayeredImage` of nix: absolute names in the layers, `<diff id>/layer.tar`, JSON indented by four.
pub(crate) fn nix() -> Archive {
    use tar::EntryType::{Directory, Regular};
    let image = Image::with(&[
        (Directory, "/nix/"),
        (Directory, "/nix/store/"),
        (Regular, "/nix/store/hello"),
    ]);
    let mut archive = empty();
    let layer = |layer: &Vec<u8>| add(&mut archive, "", layer, "/layer.tar");
    let layers: Vec<Value> = image.layers.iter().map(layer).collect();
    let config = indented(&image.config);
    let config = add(&mut archive, "", config.as_bytes(), ".json");
    let manifest = json!([{"Config": config, "RepoTags": ["greeter:1"], "Layers": layers}]);
    finished(archive, &config, &layers, &indented(&manifest))
}

/// What Python writes for `json.dumps(…, indent=4)`.
fn indented(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap();
    let line = |line: &str| {
        let rest = line.trim_start_matches(' ');
        " ".repeat(2 * (line.len() - rest.len())) + rest
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A layout with layers compressed by zstd, as `buildx --output type=oci,compression=zstd` writes it.
pub(crate) fn zstd_layout() -> Archive {
    let image = Image::greeter();
    let mut archive = empty();
    let mut blob = |kind: &str, data: &[u8]| {
        let name = add(&mut archive, "blobs/sha256/", data, "");
        let digest = name.as_str().unwrap().replace("blobs/sha256/", "sha256:");
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": media_type, "digest": digest, "size": data.len()})
    };
    let layer = |layer: &Vec<u8>| {
        let data = compressed(layer, Compression::Zstd);
        blob("layer.v1.tar+zstd", &data)
    };
    let layers: Vec<Value> = image.layers.iter().map(layer).collect();
    let config = blob("config.v1+json", image.config.to_string().as_bytes());
    let media_type = |kind: &str| format!("application/vnd.oci.image.{kind}.v1+json");
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type("manifest"), "config": config, "layers": layers});
    let mut manifest = blob("manifest.v1+json", manifest.to_string().as_bytes());
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "greeter:1"});
    let index =
        json!({"schemaVersion": 2, "mediaType": media_type("index"), "manifests": [manifest]});
    archive.add("index.json", index.to_string().as_bytes());
    archive.add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    archive
}

/// What Docker saved before 1.10: the same directories, and nothing that says which of them are an image.
fn before_1_10() -> Archive {
    let mut archive = Archive::fixture("docker20.tar");
    archive.remove("manifest.json");
    archive.remove("fba3ad4a");
    archive
}

fn write(directory: &Path, archive: &Archive) -> PathBuf {
    let path = directory.join("made.tar");
    std::fs::write(&path, archive.to_bytes()).unwrap();
    path
}

fn patched(directory: &Path, archive: &Archive, operations: &str) -> PathBuf {
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n{operations}");
    let files = [("rootfs/etc/greeting", "hello\n"), ("fix.yaml", &patch)];
    write_files(directory, &files);
    let (input, output) = (write(directory, archive), directory.join("patched.tar"));
    let fix = directory.join("fix.yaml");
    let arguments = [fix.as_os_str(), input.as_os_str(), "-o".as_ref()];
    ok([&["apply".as_ref()], &arguments[..], &[output.as_os_str()]].concat());
    output
}

/// The directories of an image from the base up, each with the `parent` that its `json` names.
fn chain(archive: &Path) -> Vec<(String, Value)> {
    let mut archive = Archive::read(&std::fs::read(archive).unwrap());
    let manifest: Value = serde_json::from_slice(&archive.entry("manifest.json").data).unwrap();
    let layers = manifest[0]["Layers"].as_array().unwrap();
    let directory = |layer: &Value| layer.as_str().unwrap().replace("/layer.tar", "");
    let link = |layer: &Value| {
        let directory = directory(layer);
        let json = &archive.entry(&format!("{directory}/json")).data;
        let json: Value = serde_json::from_slice(json).unwrap();
        assert_eq!(json["id"], directory);
        (directory, json["parent"].clone())
    };
    layers.iter().map(link).collect()
}

#[test]
fn an_added_layer_has_the_layer_below_as_its_parent_whatever_its_id() {
    // A text where Docker has a number: no struct of Docker's holds this config, so no id of Docker's is its own.
    let mut odd = foreign_ids();
    odd.replace(
        "fba3ad4a",
        "\"architecture\"",
        "\"Size\":\"much\",\"architecture\"",
    );
    odd.repair();
    for archive in [foreign_ids(), odd] {
        let directory = tempfile::tempdir().unwrap();
        let twice = "  - add-layer: {from: rootfs}\n".repeat(2);
        let output = patched(directory.path(), &archive, &twice);
        let chain = chain(&output);
        assert_eq!(chain.len(), 4);
        assert_eq!(chain[0], ("0".repeat(64), Value::Null));
        for pair in chain.windows(2) {
            assert_eq!(pair[1].1, pair[0].0);
        }
        ok(["verify".as_ref(), output.as_os_str()]);
    }
}

#[test]
fn an_archive_older_than_docker_1_10_is_refused_with_a_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let input = write(directory.path(), &before_1_10());
    let stderr = fails(3, ["inspect".as_ref(), input.as_os_str()]);
    let expected = "`docker save` before Docker 1.10 (no `manifest.json`); load and save it again with Docker 1.10 to 28";
    assert!(stderr.contains(expected), "{stderr}");
}

#[test]
fn verify_finds_no_error_in_a_made_form() {
    for archive in [foreign_ids(), kaniko(), rules_oci(), nix(), zstd_layout()] {
        let directory = tempfile::tempdir().unwrap();
        let input = write(directory.path(), &archive);
        ok(["verify".as_ref(), input.as_os_str()]);
    }
}
