//! From the text of images to the archives that Docker would save: the v1 directories of 1.10 to 24, and the hybrid of
//! 25 and later. The derivations are written down again here, so that they check the ones under test.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ocipatch::digest::Digest;
use serde_json::{Value, json};

use super::text::{Content, File, History, Image};

/// When Docker says that layers below the top one were created, if it runs in UTC.
const EPOCH: &str = "1970-01-01T00:00:00Z";
/// Go's zero `container.Config`.
const CONFIG: &str = r#"{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":null}"#;
/// Its keys, and those that Go leaves out of the zero one.
const CONFIG_KEYS: &str = "Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin StdinOnce Env Cmd Healthcheck ArgsEscaped Image Volumes WorkingDir Entrypoint OnBuild Labels StopSignal StopTimeout Shell";
/// 2024-01-01, the time of what Docker dates by the image.
pub(crate) const MTIME: u64 = 1_704_067_200;

/// An entry of the outer tar.
enum Outer {
    Directory,
    File(Vec<u8>, u64),
    Symlink(String),
    Hardlink(String),
}

/// What both forms have of an image.
struct Parts {
    config: String,
    image_id: String,
    layers: Vec<Vec<u8>>,
    diff_ids: Vec<String>,
}

fn sha256(bytes: &[u8]) -> String {
    Digest::of(bytes).hex()
}

/// Writes one header and its data.
fn append(
    tar: &mut Vec<u8>,
    name: &str,
    mode: u32,
    owner: (u64, u64),
    mtime: u64,
    content: &Outer,
) {
    let mut header = tar::Header::new_ustar();
    header.set_mode(mode);
    header.set_mtime(mtime);
    header.set_uid(owner.0);
    header.set_gid(owner.1);
    let data: &[u8] = match content {
        Outer::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            &[]
        }
        Outer::File(data, _) => {
            header.set_entry_type(tar::EntryType::Regular);
            data
        }
        Outer::Symlink(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_link_name_literal(target).unwrap();
            &[]
        }
        Outer::Hardlink(target) => {
            header.set_entry_type(tar::EntryType::Link);
            header.set_link_name_literal(target).unwrap();
            &[]
        }
    };
    header.set_path(name).unwrap();
    header.set_size(data.len() as u64);
    header.set_cksum();
    tar.extend_from_slice(header.as_bytes());
    tar.extend_from_slice(data);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// Gives a hard link the metadata of its target, as those who write tars do, where the text says nothing else.
fn like_target(file: &File, files: &[File]) -> File {
    let mut target = file;
    // A link may lead to a link.
    for _ in files {
        let Content::Hardlink(path) = &target.content else {
            break;
        };
        let found = files.iter().find(|file| file.path == *path);
        target = found.unwrap_or(file);
    }
    let is_default = file.owner == (0, 0);
    File {
        mode: target.mode,
        owner: if is_default { target.owner } else { file.owner },
        mtime: file.mtime.or(target.mtime),
        ..file.clone()
    }
}

/// Writes a layer.
pub(crate) fn layer(files: &[File]) -> Vec<u8> {
    let mut tar = Vec::new();
    for file in files {
        let file = &like_target(file, files);
        let content = match &file.content {
            Content::Directory => Outer::Directory,
            Content::Text(text) => Outer::File(text.clone().into_bytes(), 0),
            Content::Symlink(target) => Outer::Symlink(target.clone()),
            Content::Hardlink(target) => Outer::Hardlink(target.clone()),
        };
        let mtime = file.mtime.unwrap_or(MTIME);
        append(&mut tar, &file.path, file.mode, file.owner, mtime, &content);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn parts(image: &Image) -> Parts {
    let told = image.layers.iter().map(|files| layer(files));
    let layers: Vec<Vec<u8>> = told.chain(image.streams.iter().cloned()).collect();
    let diff_ids: Vec<String> = layers.iter().map(|layer| sha256(layer)).collect();
    let mut config = format!(
        r#"{{"architecture":"amd64","config":{}"#,
        inner_config(image)
    );
    if let Some(created) = &image.created {
        write!(config, r#","created":"{created}""#).unwrap();
    }
    if image.history != History::Absent {
        let n = layers.len() - usize::from(image.history == History::Short);
        let mut entries: Vec<Value> = (0..n)
            .map(|i| json!({"created_by": format!("COPY layer{i} /")}))
            .collect();
        entries.push(json!({"created_by": "LABEL", "empty_layer": true}));
        write!(config, r#","history":{}"#, Value::from(entries)).unwrap();
    }
    let os = image.os.as_deref().unwrap_or("linux");
    let diff_id_list: Vec<String> = diff_ids.iter().map(|hex| format!("sha256:{hex}")).collect();
    let diff_id_list = Value::from(diff_id_list);
    write!(
        config,
        r#","os":"{os}","rootfs":{{"type":"layers","diff_ids":{diff_id_list}}}}}"#
    )
    .unwrap();
    Parts {
        image_id: sha256(config.as_bytes()),
        config,
        layers,
        diff_ids,
    }
}

fn inner_config(image: &Image) -> String {
    let zero: BTreeMap<&str, Value> = serde_json::from_str(CONFIG).unwrap();
    let labels: BTreeMap<&String, &String> = image.labels.iter().map(|(k, v)| (k, v)).collect();
    let member = |key: &str| {
        let given = image.config.iter().find(|(name, _)| name == key);
        let json = match (given, zero.get(key)) {
            (Some((_, json)), _) => json.clone(),
            _ if key == "Labels" && !labels.is_empty() => json!(labels).to_string(),
            (None, zero) => zero?.to_string(),
        };
        Some(format!("\"{key}\":{json}"))
    };
    let members: Vec<String> = CONFIG_KEYS.split(' ').filter_map(member).collect();
    format!("{{{}}}", members.join(","))
}

/// The `json` of each layer and its id (formats.md 3.3); layers below the top one are of the time `lower`.
fn legacy(image: &Image, parts: &Parts, (lower, zero_time): (&str, &str)) -> Vec<(String, String)> {
    let os = image.os.as_deref().unwrap_or("linux");
    let created = image
        .created
        .as_ref()
        .map_or(zero_time.to_owned(), |time| format!("\"{time}\""));
    let config = inner_config(image);
    let mut layers: Vec<(String, String)> = Vec::new();
    let mut chain = String::new();
    for (i, diff_id) in parts.diff_ids.iter().enumerate() {
        chain = if i == 0 {
            diff_id.clone()
        } else {
            sha256(format!("sha256:{chain} sha256:{diff_id}").as_bytes())
        };
        let parent = layers.last().map(|(id, _)| id.clone());
        let tail = parent.as_ref().map_or(String::new(), |parent| {
            format!(r#","parent":"sha256:{parent}""#)
        });
        let is_top = i + 1 == parts.diff_ids.len();
        let preimage = if is_top {
            format!(
                r#"{{"architecture":"amd64","config":{config},"container_config":{CONFIG},"created":{created},"layer_id":"sha256:{chain}","os":"{os}"{tail}}}"#
            )
        } else {
            format!(
                r#"{{"container_config":{CONFIG},"created":"{lower}","layer_id":"sha256:{chain}"{tail}}}"#
            )
        };
        let id = sha256(preimage.as_bytes());
        let head = parent.map_or(String::new(), |parent| format!(r#""parent":"{parent}","#));
        let json = if is_top {
            format!(
                r#"{{"id":"{id}",{head}"created":{created},"container_config":{CONFIG},"config":{config},"architecture":"amd64","os":"{os}"}}"#
            )
        } else {
            format!(
                r#"{{"id":"{id}",{head}"created":"{lower}","container_config":{CONFIG},"os":"{os}"}}"#
            )
        };
        layers.push((id, json));
    }
    layers
}

/// `repositories`: what each tag stands for.
fn repositories(tags: &[(String, String)]) -> Option<Vec<u8>> {
    let mut map: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (tag, id) in tags {
        let (name, tag) = tag.rsplit_once(':').unwrap();
        map.entry(name).or_default().insert(tag, id);
    }
    (!map.is_empty()).then(|| format!("{}\n", json!(map)).into_bytes())
}

fn tar(entries: BTreeMap<Vec<String>, Outer>, type_bits: u32) -> Vec<u8> {
    let mut tar = Vec::new();
    for (parts, content) in entries {
        let name = parts.join("/");
        let (name, mode, mtime) = match &content {
            Outer::Directory => (format!("{name}/"), 0o40755, MTIME),
            Outer::File(_, mtime) => (name, 0o100_644, *mtime),
            Outer::Symlink(_) | Outer::Hardlink(_) => (name, 0o120_777, MTIME),
        };
        append(
            &mut tar,
            &name,
            mode & (0o7777 | type_bits),
            (0, 0),
            mtime,
            &content,
        );
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn key(name: &str) -> Vec<String> {
    name.split('/').map(str::to_owned).collect()
}

/// Returns what Docker 20.10 would save.
pub(crate) fn v1_directories(images: &[Image]) -> Vec<u8> {
    v1_directories_dated(images, EPOCH)
}

/// Returns what a Docker would save that dates layers below the top one so.
pub(crate) fn v1_directories_dated(images: &[Image], lower: &str) -> Vec<u8> {
    let mut entries = BTreeMap::new();
    let mut first_of: BTreeMap<String, String> = BTreeMap::new();
    let (mut manifest, mut tags) = (Vec::new(), Vec::new());
    for image in images {
        let parts = parts(image);
        let legacy = legacy(image, &parts, (lower, r#""0001-01-01T00:00:00Z""#));
        for (i, (id, json)) in legacy.iter().enumerate() {
            entries.insert(key(id), Outer::Directory);
            let version = Outer::File(b"1.0".to_vec(), MTIME);
            entries.insert(key(&format!("{id}/VERSION")), version);
            let json = Outer::File(json.clone().into_bytes(), MTIME);
            entries.insert(key(&format!("{id}/json")), json);
            let first = first_of
                .entry(parts.diff_ids[i].clone())
                .or_insert_with(|| id.clone());
            let data = if first == id {
                Outer::File(parts.layers[i].clone(), MTIME)
            } else {
                Outer::Symlink(format!("../{first}/layer.tar"))
            };
            entries.insert(key(&format!("{id}/layer.tar")), data);
        }
        let config = format!("{}.json", parts.image_id);
        let paths: Vec<String> = legacy
            .iter()
            .map(|(id, _)| format!("{id}/layer.tar"))
            .collect();
        let repo_tags = if image.tags.is_empty() {
            Value::Null
        } else {
            json!(image.tags)
        };
        manifest.push(json!({"Config": config, "RepoTags": repo_tags, "Layers": paths}));
        entries.insert(key(&config), Outer::File(parts.config.into_bytes(), MTIME));
        let top = &legacy.last().unwrap().0;
        tags.extend(image.tags.iter().map(|tag| (tag.clone(), top.clone())));
    }
    let manifest = format!("{}\n", Value::from(manifest)).into_bytes();
    entries.insert(key("manifest.json"), Outer::File(manifest, 0));
    if let Some(repositories) = repositories(&tags) {
        entries.insert(key("repositories"), Outer::File(repositories, 0));
    }
    tar(entries, 0o170_000)
}

/// Returns what Docker 26 with graph-driver storage would save.
pub(crate) fn hybrid(images: &[Image]) -> Vec<u8> {
    hybrid_dated(images, EPOCH)
}

/// Returns what such a Docker would save that dates layers below the top one so.
pub(crate) fn hybrid_dated(images: &[Image], lower: &str) -> Vec<u8> {
    let mut entries = BTreeMap::new();
    let (mut manifest, mut index, mut tags) = (Vec::new(), Vec::new(), Vec::new());
    let blob = |hex: &str| format!("blobs/sha256/{hex}");
    for image in images {
        let parts = parts(image);
        for (_, json) in legacy(image, &parts, (lower, "null")) {
            let name = blob(&sha256(json.as_bytes()));
            entries.insert(key(&name), Outer::File(json.into_bytes(), MTIME));
        }
        let mut sources = serde_json::Map::new();
        let mut layers = Vec::new();
        for (layer, hex) in parts.layers.iter().zip(&parts.diff_ids) {
            entries.insert(key(&blob(hex)), Outer::File(layer.clone(), MTIME));
            let descriptor = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": layer.len(), "digest": format!("sha256:{hex}")});
            sources.insert(format!("sha256:{hex}"), descriptor);
            layers.push(json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": format!("sha256:{hex}"), "size": layer.len()}));
        }
        sources.sort_keys();
        let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": format!("sha256:{}", parts.image_id), "size": parts.config.len()});
        let oci = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": layers}).to_string();
        let digest = sha256(oci.as_bytes());
        let descriptor = json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": format!("sha256:{digest}"), "size": oci.len()});
        entries.insert(key(&blob(&digest)), Outer::File(oci.into_bytes(), 0));
        if image.tags.is_empty() {
            index.push(descriptor.clone());
        }
        for tag in &image.tags {
            let mut descriptor = descriptor.clone();
            let full = if tag.contains('/') {
                tag.clone()
            } else {
                format!("docker.io/library/{tag}")
            };
            let short = tag.rsplit_once(':').unwrap().1;
            descriptor["annotations"] = json!({"io.containerd.image.name": full, "org.opencontainers.image.ref.name": short});
            index.push(descriptor);
        }
        let repo_tags = if image.tags.is_empty() {
            Value::Null
        } else {
            json!(image.tags)
        };
        let paths: Vec<String> = parts.diff_ids.iter().map(|hex| blob(hex)).collect();
        manifest.push(json!({"Config": blob(&parts.image_id), "RepoTags": repo_tags, "Layers": paths, "LayerSources": sources}));
        let config = Outer::File(parts.config.into_bytes(), MTIME);
        entries.insert(key(&blob(&parts.image_id)), config);
        let top = parts.diff_ids.last().unwrap();
        tags.extend(image.tags.iter().map(|tag| (tag.clone(), top.clone())));
    }
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": index});
    entries.insert(key("blobs"), Outer::Directory);
    entries.insert(key("blobs/sha256"), Outer::Directory);
    let index = index.to_string().into_bytes();
    entries.insert(key("index.json"), Outer::File(index, MTIME));
    let manifest = format!("{}\n", Value::from(manifest)).into_bytes();
    entries.insert(key("manifest.json"), Outer::File(manifest, 0));
    let layout = br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec();
    entries.insert(key("oci-layout"), Outer::File(layout, 0));
    if let Some(repositories) = repositories(&tags) {
        entries.insert(key("repositories"), Outer::File(repositories, 0));
    }
    tar(entries, 0)
}
