//! Archives of writers without a fixture, made from the image of one that has one.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::io::Write;

use ocipatch::compression::Compression;
use ocipatch::digest::Digest;
use serde_json::{Value, json};
use tar::EntryType::{Directory, Link, Regular, Symlink};

use crate::edit::{Archive, layer};

/// The v1 ids of docker20.tar.
const V1: [&str; 2] = [
    "a26bb6160b554c9d44a078cdbc7e80251853c08aa69de97b11804492fd9a05ad",
    "c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7",
];

/// The ids of podman-docker.tar.
const PODMAN: [&str; 2] = [
    "8116c121814408e2695bf5df067fdb2e37541156281d5efa90d35989489058a9",
    "c9d0c36040eeb165d8affedc64b9d1f8fbbb93deddbdf0dd58655780a5996d18",
];

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
        image.add(layer(lines));
        image
    }

    fn add(&mut self, tar: Vec<u8>) {
        let add = |list: &mut Value, item| list.as_array_mut().unwrap().push(item);
        let diff_id = Digest::of(&tar).to_string();
        add(&mut self.config["rootfs"]["diff_ids"], json!(diff_id));
        add(&mut self.config["history"], json!({"created_by": "made"}));
        self.layers.push(tar);
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

fn item(config: &Value, layers: &[Value]) -> Value {
    json!([{"Config": config, "RepoTags": ["greeter:1"], "Layers": layers}])
}

/// Gives every entry the same mode, time and user.
fn dressed(mut archive: Archive, mode: u32, mtime: u64, uid: u64) -> Archive {
    for entry in &mut archive.entries {
        let header = &mut entry.header;
        header.set_mode(mode);
        header.set_mtime(mtime);
        header.set_uid(uid);
    }
    archive
}

/// What Go writes.
pub(super) fn compact(value: &Value) -> String {
    value.to_string()
}

/// What Go's `Encoder` writes.
pub(super) fn compact_line(value: &Value) -> String {
    value.to_string() + "\n"
}

/// What `jq` writes.
pub(super) fn jq(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

/// What Python writes for `json.dumps(…)`.
pub(super) fn python(value: &Value) -> String {
    let item = |(key, value): (&String, &Value)| format!("{}: {}", json!(key), python(value));
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(python).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members.iter().map(item).collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// What Python writes for `json.dumps(…, indent=4)`.
pub(super) fn indented(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap();
    let line = |line: &str| {
        let rest = line.trim_start_matches(' ');
        " ".repeat(2 * (line.len() - rest.len())) + rest
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The v1 directories of `rules_docker` and of ggcr: their ids follow rules of their own.
pub(crate) fn foreign_ids() -> Archive {
    let mut archive = Archive::fixture("docker20.tar");
    for (i, id) in V1.into_iter().enumerate() {
        archive.replace_everywhere(id, &format!("{i}").repeat(64));
    }
    archive
}

/// v1 directories without entries of their own; `of` writes their documents.
fn v1_files(image: &Image, of: fn(&Value) -> String) -> (Archive, Vec<Value>) {
    let mut archive = empty();
    let mut below = Value::Null;
    let mut layers = Vec::new();
    for (i, layer) in image.layers.iter().enumerate() {
        let id = Digest::of(format!("layer {i}").as_bytes()).hex();
        let mut document = json!({"id": id, "created": "1970-01-01T00:00:00Z"});
        if !below.is_null() {
            document["parent"] = below;
        }
        below = json!(id);
        archive.add(&format!("{id}/VERSION"), b"1.0");
        archive.add(&format!("{id}/layer.tar"), layer);
        archive.add(&format!("{id}/json"), of(&document).as_bytes());
        layers.push(json!(format!("{id}/layer.tar")));
    }
    let repositories = json!({"greeter": {"1": below}});
    archive.add("repositories", of(&repositories).as_bytes());
    (archive, layers)
}

/// `container_image` of `rules_docker`: Python's JSON, and keys in another order than Docker's.
pub(crate) fn rules_docker() -> Archive {
    let image = Image::greeter();
    let (mut archive, layers) = v1_files(&image, python);
    let config = python(&image.config);
    let config = add(&mut archive, "", config.as_bytes(), ".json");
    let manifest = json!([{"Config": config, "Layers": layers, "RepoTags": ["greeter:1"]}]);
    archive.add("manifest.json", python(&manifest).as_bytes());
    archive
}

/// `pkg/legacy/tarball` of ggcr: `manifest.json` before `repositories`.
pub(crate) fn ggcr_legacy() -> Archive {
    let image = Image::greeter();
    let (mut archive, layers) = v1_files(&image, compact);
    let config = compact(&image.config);
    let config = add(&mut archive, "", config.as_bytes(), ".json");
    archive.add("manifest.json", compact(&item(&config, &layers)).as_bytes());
    let repositories = archive
        .entries
        .iter()
        .position(|entry| entry.name == "repositories");
    let repositories = archive.entries.remove(repositories.unwrap());
    archive.entries.push(repositories);
    archive
}

/// `buildImage` of nix: a tar of a directory by GNU tar, nothing writable, every name behind `./`.
pub(crate) fn nix_built() -> Archive {
    let image = Image::greeter();
    let (mut archive, layers) = v1_files(&image, compact);
    let config = compact(&image.config);
    let config = add(&mut archive, "", config.as_bytes(), ".json");
    archive.add("manifest.json", compact(&item(&config, &layers)).as_bytes());
    let mut archive = dressed(archive, 0o444, 1, 0);
    let mut directories = vec![String::new()];
    for path in layers {
        directories.push(path.as_str().unwrap().replace("layer.tar", ""));
    }
    for name in directories {
        archive.add(&name, b"");
        let header = &mut archive.entries.last_mut().unwrap().header;
        header.set_entry_type(Directory);
        header.set_mode(0o555);
        header.set_mtime(1);
    }
    archive.entries.sort_by(|a, b| a.name.cmp(&b.name));
    for entry in &mut archive.entries {
        entry.name.insert_str(0, "./");
    }
    archive
}

/// podman's, with ids of a version that nobody knows.
pub(super) fn podman_other_ids() -> Archive {
    let mut archive = Archive::fixture("podman-docker.tar");
    for (i, id) in PODMAN.into_iter().enumerate() {
        archive.replace_everywhere(id, &format!("{i}").repeat(64));
    }
    archive
}

/// kaniko's `--tar-path`: an archive of ggcr's whose layers name their root and link to absolute paths.
pub(crate) fn kaniko() -> Archive {
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
    archive.add("manifest.json", compact(&item(&config, &layers)).as_bytes());
    archive
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
    archive.add("manifest.json", jq(&item(&config, &layers)).as_bytes());
    dressed(archive, 0o755, 1_672_560_000, 0)
}

/// `streamLayeredImage` of nix: absolute names in the layers, `<diff id>/layer.tar`, JSON indented by four.
pub(crate) fn nix() -> Archive {
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
    archive.add(
        "manifest.json",
        indented(&item(&config, &layers)).as_bytes(),
    );
    archive
}

/// Nobody's: names that say nothing, a user's files, a layer that stands twice, and a file that belongs to no image.
pub(crate) fn unrecognized() -> Archive {
    let mut image = Image::greeter();
    let twin = image.layers[1].clone();
    image.add(twin);
    let mut archive = empty();
    archive.add("config.json", indented(&image.config).as_bytes());
    archive.add("layers/base.tar", &image.layers[0]);
    archive.add("layers/top.tar", &image.layers[1]);
    archive.add("README", b"made by hand\n");
    let names = ["layers/base.tar", "layers/top.tar", "layers/top.tar"];
    let layers = names.map(|name| json!(name));
    let manifest = item(&json!("config.json"), &layers);
    archive.add("manifest.json", compact_line(&manifest).as_bytes());
    dressed(archive, 0o600, 1_700_000_000, 1000)
}

/// The same, in which a link stands for the layer's second place. podman 4.3 fails on it.
pub(super) fn linked() -> Archive {
    let mut archive = unrecognized();
    let manifest = archive.entry("manifest.json");
    let mut items: Value = serde_json::from_slice(&manifest.data).unwrap();
    items[0]["Layers"][2] = json!("layers/again.tar");
    manifest.data = compact_line(&items).into_bytes();
    archive.add("layers/again.tar", b"");
    let header = &mut archive.entries.last_mut().unwrap().header;
    header.set_entry_type(Symlink);
    header.set_link_name("top.tar").unwrap();
    archive
}

/// Layers that are read and not written: bzip2 and xz.
pub(crate) fn bzip2_and_xz() -> Archive {
    let image = Image::greeter();
    let mut archive = empty();
    let config = compact(&image.config);
    let config = add(&mut archive, "", config.as_bytes(), ".json");
    let base = compressed(&image.layers[0], Compression::Bzip2);
    let top = compressed(&image.layers[1], Compression::Xz);
    let layers = [
        add(&mut archive, "", &base, ".tar.bz2"),
        add(&mut archive, "", &top, ".tar.xz"),
    ];
    archive.add("manifest.json", compact(&item(&config, &layers)).as_bytes());
    archive
}

/// A layout: `of` writes its manifest and index.
fn layout(compression: Compression, of: fn(&Value) -> String) -> Archive {
    let image = Image::greeter();
    let mut archive = empty();
    let mut blob = |kind: &str, data: &[u8]| {
        let name = add(&mut archive, "blobs/sha256/", data, "");
        let digest = name.as_str().unwrap().replace("blobs/sha256/", "sha256:");
        let media_type = format!("application/vnd.oci.image.{kind}");
        json!({"mediaType": media_type, "digest": digest, "size": data.len()})
    };
    let kind = format!("layer.v1.tar+{}", compression.name());
    let layer = |layer: &Vec<u8>| blob(&kind, &compressed(layer, compression));
    let layers: Vec<Value> = image.layers.iter().map(layer).collect();
    let config = blob("config.v1+json", of(&image.config).as_bytes());
    let media_type = |kind: &str| format!("application/vnd.oci.image.{kind}.v1+json");
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type("manifest"), "config": config, "layers": layers});
    let mut manifest = blob("manifest.v1+json", of(&manifest).as_bytes());
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": "greeter:1"});
    let index =
        json!({"schemaVersion": 2, "mediaType": media_type("index"), "manifests": [manifest]});
    archive.add("index.json", of(&index).as_bytes());
    archive.add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    archive
}

/// A layout with layers compressed by zstd, as `buildx --output type=oci,compression=zstd` writes it.
pub(crate) fn zstd_layout() -> Archive {
    layout(Compression::Zstd, compact)
}

/// `oci_tarball` of `rules_oci` in its OCI format, and a layout of ggcr's: indented documents.
pub(crate) fn rules_oci_layout() -> Archive {
    let archive = layout(Compression::Gzip, jq);
    dressed(archive, 0o755, 1_672_560_000, 0)
}

/// What Docker saved before 1.10: the same directories, and nothing that says which of them are an image.
pub(super) fn before_1_10(fixture: &str) -> Archive {
    let mut archive = Archive::fixture(fixture);
    let is_document = |name: &str| name.split_once('.').is_some_and(|(_, end)| end == "json");
    archive.entries.retain(|entry| !is_document(&entry.name));
    archive
}
