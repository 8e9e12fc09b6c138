//! Archives that real tools take, made: layouts with one odd neighbour, old writers, keys in other letters.

use std::collections::BTreeMap;

use ocipatch::digest::Digest;
use serde_json::{Value, json};
use tar::EntryType;

use crate::edit::{Archive, file_header, layer};

/// A layout while it is put together.
pub(super) struct Layout {
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
    pub(super) manifests: Vec<Value>,
}

pub(super) fn oci(kind: &str) -> String {
    format!("application/vnd.oci.image.{kind}")
}

fn tar(name: &str) -> Vec<u8> {
    layer(&[(EntryType::Regular, name)])
}

impl Layout {
    pub(super) fn new() -> Self {
        Self {
            blobs: BTreeMap::new(),
            manifests: Vec::new(),
        }
    }

    /// Stores a blob; returns its descriptor.
    pub(super) fn blob(&mut self, media_type: &str, data: &[u8]) -> Value {
        let digest = Digest::of(data);
        self.blobs.insert(digest.hex(), data.to_vec());
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": data.len()})
    }

    pub(super) fn document(&mut self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    /// Stores an image of one layer, which holds a file of that name; returns the descriptor of its manifest.
    pub(super) fn image(&mut self, name: &str, architecture: &str) -> Value {
        let data = tar(name);
        let diff_id = Digest::of(&data).to_string();
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {"Cmd": [name]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]}, "history": [{"created_by": "COPY"}],
        });
        let layers = [self.blob(&oci("layer.v1.tar"), &data)];
        self.manifest(&config, &layers)
    }

    pub(super) fn manifest(&mut self, config: &Value, layers: &[Value]) -> Value {
        let config = self.document(&oci("config.v1+json"), config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": oci("manifest.v1+json"), "config": config, "layers": layers,
        });
        self.document(&oci("manifest.v1+json"), &manifest)
    }

    /// Lists a descriptor under a name.
    pub(super) fn list(&mut self, mut descriptor: Value, annotations: Value) {
        if annotations != json!({}) {
            descriptor["annotations"] = annotations;
        }
        self.manifests.push(descriptor);
    }

    /// Removes a blob that a descriptor names.
    pub(super) fn lose(&mut self, descriptor: &Value) {
        let digest = descriptor["digest"].as_str().unwrap();
        let found = self.blobs.remove(digest.trim_start_matches("sha256:"));
        assert!(found.is_some(), "{descriptor}");
    }

    pub(super) fn to_archive(&self) -> Archive {
        let mut archive = Archive {
            entries: Vec::new(),
        };
        for (hex, data) in &self.blobs {
            archive.add(&format!("blobs/sha256/{hex}"), data);
        }
        let index = json!({
            "schemaVersion": 2, "mediaType": oci("index.v1+json"), "manifests": self.manifests,
        });
        archive.add("index.json", index.to_string().as_bytes());
        archive.add("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        archive
    }
}

pub(super) fn named(name: &str) -> Value {
    json!({"org.opencontainers.image.ref.name": name})
}

/// A layout with the image `app:1` and whatever `beside` puts there.
fn beside(beside: impl FnOnce(&mut Layout)) -> Archive {
    let mut layout = Layout::new();
    let image = layout.image("a", "amd64");
    layout.list(image, named("app:1"));
    beside(&mut layout);
    layout.to_archive()
}

/// Another manifest that is not there.
pub(super) fn absent() -> Archive {
    beside(|layout| {
        let other = layout.image("b", "amd64");
        layout.lose(&other);
        layout.list(other, named("other:1"));
    })
}

/// Another image whose manifest is not what its digest says.
pub(super) fn damaged() -> Archive {
    beside(|layout| {
        let other = layout.image("b", "amd64");
        let hex = other["digest"].as_str().unwrap()[7..].to_owned();
        layout.blobs.get_mut(&hex).unwrap().push(b' ');
        layout.list(other, named("other:1"));
    })
}

/// The only image lacks its only layer, as those of buildpacks do.
pub(super) fn sparse() -> Archive {
    let mut layout = Layout::new();
    let image = layout.image("a", "amd64");
    let data = tar("a");
    let layer = layout.blob(&oci("layer.v1.tar"), &data);
    layout.lose(&layer);
    layout.list(image, named("app:1"));
    layout.to_archive()
}

/// An index of two platforms, one of which has no layer there.
pub(super) fn sparse_platform() -> Archive {
    let mut layout = Layout::new();
    let (one, other) = (layout.image("a", "amd64"), layout.image("b", "arm64"));
    let layer = layout.blob(&oci("layer.v1.tar"), &tar("b"));
    layout.lose(&layer);
    let index = json!({
        "schemaVersion": 2, "mediaType": oci("index.v1+json"), "manifests": [one, other],
    });
    let index = layout.document(&oci("index.v1+json"), &index);
    layout.list(index, named("app:1"));
    layout.to_archive()
}

/// An artifact with the configuration type of an image, and one with a type of its own.
pub(super) fn artifacts() -> Archive {
    beside(|layout| {
        let payload = layout.blob(&oci("layer.v1.tar"), b"no tar");
        let config = json!({"architecture": "amd64", "os": "linux"});
        let wasm = layout.manifest(&config, &[payload]);
        layout.list(wasm, named("module:1"));
        let config = layout.document("application/vnd.cncf.helm.config.v1+json", &json!({}));
        let chart = layout.blob(
            "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            b"chart",
        );
        let helm = json!({"schemaVersion": 2, "config": config, "layers": [chart]});
        let helm = layout.document(&oci("manifest.v1+json"), &helm);
        layout.list(helm, named("chart:1"));
    })
}

/// The same descriptor twice.
pub(super) fn listed_twice() -> Archive {
    beside(|layout| {
        let image = layout.manifests[0].clone();
        layout.manifests.push(image);
    })
}

/// A name that is no reference, as regctl writes it.
pub(super) fn called_by_a_path() -> Archive {
    let mut layout = Layout::new();
    let image = layout.image("a", "amd64");
    let name = json!({"io.containerd.image.name": "ocidir:///srv/My Layout", "org.opencontainers.image.ref.name": "1"});
    layout.list(image, name);
    layout.to_archive()
}

/// What cosign copies beside an image, by its tags; `save` tells them apart by `kind`.
pub(super) fn signed(is_saved: bool) -> Archive {
    let mut layout = Layout::new();
    let image = layout.image("a", "amd64");
    let hex = image["digest"].as_str().unwrap()[7..].to_owned();
    let kind = |kind: &str| json!({"kind": format!("dev.cosignproject.cosign/{kind}"), "org.opencontainers.image.ref.name": "app:1"});
    let own = if is_saved {
        kind("image")
    } else {
        named("app:1")
    };
    layout.list(image, own);
    for (end, saved, media_type) in [
        (
            "sig",
            "sigs",
            "application/vnd.dev.cosign.simplesigning.v1+json",
        ),
        ("att", "atts", "application/vnd.dsse.envelope.v1+json"),
    ] {
        let payload = layout.blob(
            media_type,
            format!("{{\"of\":\"{hex}\",\"by\":\"{end}\"}}").as_bytes(),
        );
        let diff_ids = [payload["digest"].clone()];
        let config = json!({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}});
        let manifest = layout.manifest(&config, &[payload]);
        let by_tag = named(&format!("_cosign:sha256-{hex}.{end}"));
        layout.list(manifest, if is_saved { kind(saved) } else { by_tag });
    }
    layout.to_archive()
}

fn entry(archive: &mut Archive, name: &str, data: &[u8]) {
    archive.add(name, data);
}

fn link(archive: &mut Archive, name: &str, target: &str) {
    archive.add(name, b"");
    let header = &mut archive.entries.last_mut().unwrap().header;
    *header = file_header();
    header.set_entry_type(EntryType::Symlink);
    header.set_link_name(target).unwrap();
}

/// What the directories of layers are called in an archive of skopeo or podman of before 2020.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Ids {
    Chain,
    Layer,
}

/// An archive of skopeo or podman of 2019 to 2020, in which directories of layers are called by what stays as it is.
pub(super) fn old_skopeo(ids: Ids) -> Archive {
    let layers = [tar("a"), tar("b")];
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let chain = Digest::of(format!("{} {}", diff_ids[0], diff_ids[1]).as_bytes());
    let called = match ids {
        Ids::Chain => [diff_ids[0].hex(), chain.hex()],
        Ids::Layer => [diff_ids[0].hex(), diff_ids[1].hex()],
    };
    let config = json!({
        "architecture": "amd64", "config": {"Cmd": ["/a"]}, "created": "2020-01-01T00:00:00Z", "os": "linux",
        "history": [{"created_by": "a"}, {"created_by": "b"}], "rootfs": {"type": "layers", "diff_ids": diff_ids.iter().map(ToString::to_string).collect::<Vec<_>>()},
    });
    let config = config.to_string();
    let config_name = format!("{}.json", Digest::of(config.as_bytes()).hex());
    let mut archive = Archive {
        entries: Vec::new(),
    };
    let files: Vec<String> = diff_ids
        .iter()
        .map(|id| format!("{}.tar", id.hex()))
        .collect();
    for (file, layer) in files.iter().zip(&layers) {
        entry(&mut archive, file, layer);
    }
    entry(&mut archive, &config_name, config.as_bytes());
    for (i, id) in called.iter().enumerate() {
        link(
            &mut archive,
            &format!("{id}/layer.tar"),
            &format!("../{}", files[i]),
        );
        entry(&mut archive, &format!("{id}/VERSION"), b"1.0");
        let json = match i {
            0 => format!("{{\"id\":\"{id}\"}}"),
            _ => format!(
                "{{\"architecture\":\"amd64\",\"config\":{{\"Cmd\":[\"/a\"]}},\"container\":null,\"container_config\":null,\"created\":\"2020-01-01T00:00:00Z\",\"docker_version\":null,\"id\":\"{id}\",\"os\":\"linux\",\"parent\":\"{}\"}}",
                called[0]
            ),
        };
        entry(&mut archive, &format!("{id}/json"), json.as_bytes());
    }
    let repositories = json!({"app": {"1": called[1]}});
    entry(
        &mut archive,
        "repositories",
        repositories.to_string().as_bytes(),
    );
    let manifest = json!([{"Config": config_name, "RepoTags": ["app:1"], "Layers": files}]);
    entry(
        &mut archive,
        "manifest.json",
        manifest.to_string().as_bytes(),
    );
    archive
}

/// An archive of Jib before 2.3, whose `manifest.json` has its keys in small letters.
pub(super) fn old_jib() -> Archive {
    plain(["config", "repoTags", "layers"], "rootfs", "config.json")
}

/// An archive with the configuration of a Windows base image of 2021.
pub(super) fn root_fs() -> Archive {
    let archive = plain(["Config", "RepoTags", "Layers"], "rootfS", "config.json");
    assert!(
        archive
            .entries
            .iter()
            .any(|entry| entry.data.windows(6).any(|text| text == b"rootfS"))
    );
    archive
}

fn plain(
    [config_key, tags_key, layers_key]: [&str; 3],
    rootfs: &str,
    config_name: &str,
) -> Archive {
    let data = tar("a");
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {"user": "one", "Cmd": ["/a"]},
        "history": [{"created_by": "Apply image"}], rootfs: {"type": "layers", "diff_ids": [Digest::of(&data).to_string()]},
    });
    let mut archive = Archive {
        entries: Vec::new(),
    };
    let file = format!("{}.tar", Digest::of(&data).hex());
    entry(&mut archive, &file, &data);
    entry(&mut archive, config_name, config.to_string().as_bytes());
    let manifest = json!([{config_key: config_name, tags_key: ["docker.io/library/app:1"], layers_key: [file]}]);
    entry(
        &mut archive,
        "manifest.json",
        manifest.to_string().as_bytes(),
    );
    archive
}

/// A Docker archive with a second image whose configuration is not what its name says.
pub(super) fn second_damaged() -> Archive {
    let mut archive = Archive::fixture("docker20-two-images.tar");
    let manifest: Value = serde_json::from_slice(&archive.entry("manifest.json").data).unwrap();
    let of_greeter = |item: &&Value| item["RepoTags"].to_string().contains("greeter:1");
    let config = manifest
        .as_array()
        .unwrap()
        .iter()
        .find(of_greeter)
        .unwrap()["Config"]
        .as_str();
    archive.entry(config.unwrap()).data.push(b' ');
    archive
}

/// An archive of Docker with the containerd store that lists the sources of layers, and has an index above the manifest.
pub(super) fn nested() -> Archive {
    let mut archive = Archive::fixture("docker26.tar");
    let mut index: Value = serde_json::from_slice(&archive.entry("index.json").data).unwrap();
    let mut top = index["manifests"][0].take();
    let annotations = top["annotations"].take();
    top.as_object_mut().unwrap().remove("annotations");
    top["platform"] = json!({"architecture": "amd64", "os": "linux"});
    let below = json!({"schemaVersion": 2, "mediaType": oci("index.v1+json"), "manifests": [top]})
        .to_string();
    let digest = Digest::of(below.as_bytes());
    index["manifests"][0] = json!({
        "mediaType": oci("index.v1+json"), "digest": digest.to_string(), "size": below.len(), "annotations": annotations,
    });
    archive.entry("index.json").data = index.to_string().into_bytes();
    archive.add(&format!("blobs/sha256/{}", digest.hex()), below.as_bytes());
    archive
}
