//! Images of one OCI layout each, and what they mean, worked out from their bytes alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeSet;

use ocipatch::apply::prepare;
use ocipatch::archive::{Archive, Destination, publish};
use ocipatch::digest::Digest;
use ocipatch::gather;
use ocipatch::patch::PatchFile;
use serde_json::{Map, Value, json};

use crate::edit;

pub(super) type Pairs = Vec<(String, String)>;

/// What a layout says of its only image.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) config: String,
    pub(super) annotations: Pairs,
    pub(super) descriptor_annotations: Pairs,
    pub(super) tags: BTreeSet<String>,
}

impl Image {
    fn bytes(&self) -> Vec<u8> {
        let mut archive = edit::Archive::fixture("skopeo-oci.tar");
        let documents = ["index.json", "2d446a5b93ee", "7220782f67f1"];
        let document = |part: &&str| -> Value {
            let entry = archive
                .entries
                .iter()
                .find(|entry| entry.name.contains(part));
            serde_json::from_slice(&entry.unwrap().data).unwrap()
        };
        let [mut index, mut manifest, config] = documents.each_ref().map(document);
        archive.remove("index.json");
        documents[1..].iter().for_each(|part| archive.remove(part));
        let layers = format!(
            "{{\"type\":\"layers\",\"diff_ids\":{}}}",
            config["rootfs"]["diff_ids"]
        );
        let config = self.config.replacen("{\"type\":\"layers\"}", &layers, 1);
        let mut blob = |data: &[u8]| {
            let digest = Digest::of(data);
            archive.add(&format!("blobs/sha256/{}", digest.hex()), data);
            (json!(digest), json!(data.len()))
        };
        let (digest, size) = blob(config.as_bytes());
        manifest["config"]["digest"] = digest;
        manifest["config"]["size"] = size;
        if !self.annotations.is_empty() {
            manifest["annotations"] = object(&self.annotations);
        }
        let (digest, size) = blob(manifest.to_string().as_bytes());
        let mut descriptor = index["manifests"][0].take();
        descriptor["digest"] = digest;
        descriptor["size"] = size;
        let named = |tag: &String| {
            let mut descriptor = descriptor.clone();
            descriptor["annotations"] = object(&self.descriptor_annotations);
            descriptor["annotations"]["org.opencontainers.image.ref.name"] = json!(tag);
            descriptor
        };
        index["manifests"] = self.tags.iter().map(named).collect();
        archive.add("index.json", index.to_string().as_bytes());
        archive.to_bytes()
    }

    pub(super) fn open(&self) -> Archive {
        Archive::open(edit::open(&self.bytes()).unwrap()).unwrap()
    }

    fn read(archive: &Archive) -> Self {
        let image = &archive.images()[0];
        let annotations = archive.annotations(0);
        let config = String::from_utf8(image.config().to_bytes()).unwrap();
        Self {
            config,
            annotations: annotations.manifest.unwrap().to_vec(),
            descriptor_annotations: annotations.descriptor.unwrap().to_vec(),
            tags: image.tags().iter().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn patched(&self, patch: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = PatchFile::parse("turn.yaml", patch.as_bytes()).unwrap();
        let base = gather::Base {
            directory: home.path().to_owned(),
            ..gather::Base::default()
        };
        let patches = gather::Patches::from((file, base));
        let archive = self.open();
        let gathered = gather::gather(&patches, &archive, &gather::Conditions::default()).unwrap();
        let plan = gathered.plan();
        let plan = plan.unwrap_or_else(|rejected| panic!("{patch}\n{rejected}"));
        let prepared = prepare(&plan, &archive, &gathered.opened, home.path()).unwrap();
        let out = home.path().join("out.tar");
        publish(&prepared.revision.draft, &Destination::File(out.clone())).unwrap();
        Self::read(&Archive::open(edit::open(&std::fs::read(out).unwrap()).unwrap()).unwrap())
    }

    /// The same, where the patch may have nothing to do.
    pub(super) fn patched_or_same(&self, patch: &str) -> Self {
        if patch.lines().all(|line| line.starts_with('#')) {
            return self.clone();
        }
        self.patched(patch)
    }

    /// What the image says, whatever its spelling, less what history tells.
    pub(super) fn meaning(&self) -> Value {
        json!({
            "config": self.config_meaning(),
            "annotations": object(&self.annotations),
            "descriptor": object(&self.descriptor_annotations),
            "tags": self.tags,
        })
    }

    fn config_meaning(&self) -> Value {
        // A lone surrogate is no text to this reader, and a replacement character to Go.
        let text = self.config.replace("\\ud800", "\\ufffd");
        let mut root: Map<String, Value> = serde_json::from_str(&text).unwrap();
        root.remove("history");
        root.remove("rootfs");
        for key in [
            "architecture",
            "author",
            "comment",
            "config",
            "created",
            "os",
            "os.features",
            "os.version",
            "variant",
        ] {
            remove_if(&mut root, key, is_nothing);
        }
        if let Some(Value::Object(config)) = root.get_mut("config") {
            for key in ["Entrypoint", "Cmd", "Shell"] {
                remove_if(config, key, is_nothing);
                if let Some(value @ Value::String(_)) = config.get_mut(key) {
                    *value = json!([value.take()]);
                }
            }
            if let Some(Value::Object(check)) = config.get_mut("Healthcheck") {
                remove_if(check, "Test", is_nothing);
                for key in [
                    "Interval",
                    "Timeout",
                    "StartPeriod",
                    "StartInterval",
                    "Retries",
                ] {
                    remove_if(check, key, |value| value.is_null() || *value == 0);
                }
            }
            for key in ["ExposedPorts", "Volumes"] {
                if let Some(Value::Object(items)) = config.get_mut(key) {
                    let port = |name: &String| match name {
                        name if key == "ExposedPorts" && !name.contains('/') => {
                            format!("{name}/tcp")
                        }
                        name => name.clone(),
                    };
                    let names: BTreeSet<String> = items.keys().map(port).collect();
                    config[key] = json!(names);
                }
            }
            config.retain(|_, value| !is_nothing(value) && *value != false);
        }
        remove_if(&mut root, "config", is_nothing);
        Value::Object(root)
    }

    /// How many values differ, counted as `diff` tells them.
    pub(super) fn differences(&self, other: &Self) -> usize {
        count(&self.meaning(), &other.meaning())
    }
}

fn count(one: &Value, other: &Value) -> usize {
    match (one, other) {
        (one, other) if one == other => 0,
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let nothing = json!({});
            let of = |key: &String| match (a.get(key), b.get(key)) {
                (Some(one), Some(other)) => count(one, other),
                (Some(one), None) | (None, Some(one)) => count(one, &nothing).max(1),
                (None, None) => 0,
            };
            keys.into_iter().map(of).sum()
        }
        _ => 1,
    }
}

fn remove_if(object: &mut Map<String, Value>, key: &str, is_it: impl Fn(&Value) -> bool) {
    if object.get(key).is_some_and(is_it) {
        object.remove(key);
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

pub(super) fn object(pairs: &Pairs) -> Value {
    pairs
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect()
}
