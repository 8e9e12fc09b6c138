//! What people do to archives by hand: nothing that depends on it is changed along.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::io::Write as _;

use ocipatch::digest::Digest;
use serde_json::{Value, json};

use crate::edit::{Archive, Entry};

/// An edit; false if the archive has nothing that it could be done to.
pub(super) type Edit = fn(&mut Archive) -> bool;

pub(super) const EDITS: &[(&str, Edit)] = &[
    ("a label", |archive| {
        let config = config(archive);
        edit(archive, &config, |config| {
            config["config"]["Labels"]["edited"] = json!("by hand");
        });
        true
    }),
    ("white space", |archive| {
        let name = config(archive);
        let value = read(archive, &name);
        entry(archive, &name).data = serde_json::to_vec_pretty(&value).unwrap();
        true
    }),
    ("the architecture", |archive| {
        let config = config(archive);
        edit(archive, &config, |config| {
            config["architecture"] = json!("riscv64");
        });
        true
    }),
    ("diff ids that are none", |archive| {
        let config = config(archive);
        edit(archive, &config, |config| {
            config["rootfs"]["diff_ids"] = json!(["todo", 1]);
        });
        true
    }),
    ("too much history", |archive| {
        let config = config(archive);
        edit(archive, &config, |config| {
            let history = json!([{"created_by": "a"}, {"created_by": "b"}, {"created_by": "c"}]);
            config["history"] = history;
        });
        true
    }),
    ("a file of the lowest layer", |archive| {
        let layer = layers(archive)[0].clone();
        change_layer(archive, &layer, 1)
    }),
    ("a file of the top layer", |archive| {
        let layer = layers(archive).pop().unwrap();
        change_layer(archive, &layer, 2)
    }),
    ("the compression of a layer", |archive| {
        let layer = layers(archive).pop().unwrap();
        recompress(archive, &layer)
    }),
    ("a layer more", |archive| add_layer(archive, false)),
    ("a layer more, and its diff id", |archive| {
        add_layer(archive, true)
    }),
    ("the lowest layer is gone", |archive| drop_layer(archive, 0)),
    ("the top layer is gone", |archive| {
        let top = layers(archive).len() - 1;
        drop_layer(archive, top)
    }),
    ("another tag", |archive| {
        if has(archive, "manifest.json") {
            edit(archive, "manifest.json", |manifest| {
                manifest[0]["RepoTags"] = json!(["registry.example.com/edited:2"]);
            });
        } else {
            edit(archive, "index.json", |index| {
                index["manifests"][0]["annotations"] =
                    json!({"org.opencontainers.image.ref.name": "registry.example.com/edited:2"});
            });
        }
        true
    }),
    ("another name in `repositories`", |archive| {
        has(archive, "repositories") && {
            edit(archive, "repositories", |repositories| {
                let first = repositories.as_object().unwrap().values().next().unwrap();
                *repositories = json!({"edited": first.clone()});
            });
            true
        }
    }),
    ("a `repositories` that is none", |archive| {
        has(archive, "repositories") && {
            entry(archive, "repositories").data = b"{\"greeter\":".to_vec();
            true
        }
    }),
    ("another name in `index.json`", |archive| {
        has(archive, "manifest.json") && has(archive, "index.json") && {
            edit(archive, "index.json", |index| {
                let names = &mut index["manifests"][0]["annotations"];
                names["io.containerd.image.name"] = json!("docker.io/library/edited:2");
            });
            true
        }
    }),
    ("an annotation of the manifest", |archive| {
        has(archive, "index.json") && {
            let manifest = manifest(archive);
            edit(archive, &manifest, |manifest| {
                manifest["annotations"] = json!({"edited": "by hand"});
            });
            true
        }
    }),
    ("sizes", |archive| {
        has(archive, "index.json") && {
            let manifest = manifest(archive);
            edit(archive, &manifest, |manifest| {
                manifest["config"]["size"] = json!(7);
                manifest["layers"][0]["size"] = json!(7);
            });
            edit(archive, "index.json", |index| {
                index["manifests"][0]["size"] = json!(7);
            });
            true
        }
    }),
    ("the order of the layers", |archive| {
        if layers(archive).len() < 2 {
            return false;
        }
        edit_layers(archive, |layers| layers.reverse());
        true
    }),
    ("a layer twice", |archive| {
        edit_layers(archive, |layers| layers.push(layers[0].clone()));
        true
    }),
    ("no tag", |archive| {
        has(archive, "manifest.json") && {
            edit(archive, "manifest.json", |manifest| {
                manifest[0]["RepoTags"] = Value::Null;
            });
            true
        }
    }),
    ("no `index.json`", |archive| {
        has(archive, "manifest.json") && has(archive, "index.json") && {
            archive.remove("index.json");
            true
        }
    }),
    ("no manifest", |archive| {
        has(archive, "manifest.json") && has(archive, "index.json") && {
            let manifest = manifest(archive);
            archive.remove(&manifest);
            true
        }
    }),
    ("no legacy document", |archive| {
        let layers = layers(archive).into_iter();
        let documents = layers.map(|layer| layer.replace("/layer.tar", "/json"));
        let mut documents = documents.filter(|name| name.ends_with("/json"));
        let Some(document) = documents.next().filter(|name| has(archive, name)) else {
            return false;
        };
        archive.remove(&document);
        true
    }),
    ("another configuration under the same name", another_config),
    ("another configuration without a name", |archive| {
        another_config(archive) && {
            edit(archive, "manifest.json", |manifest| {
                manifest[0]["RepoTags"] = Value::Null;
            });
            true
        }
    }),
    ("all at once", |archive| {
        let layer = layers(archive)[0].clone();
        let config = config(archive);
        edit(archive, &config, |config| {
            config["author"] = json!("by hand");
        });
        change_layer(archive, &layer, 3) && add_layer(archive, false)
    }),
];

/// Has `manifest.json` name an edited copy of its first configuration.
fn another_config(archive: &mut Archive) -> bool {
    if !has(archive, "manifest.json") {
        return false;
    }
    let old = config(archive);
    let mut other = read(archive, &old);
    other["author"] = json!("by hand");
    let other = other.to_string();
    let start = old.rfind('/').map_or(0, |slash| slash + 1);
    let name = format!("{}{}", &old[..start], Digest::of(other.as_bytes()).hex());
    archive.add(&name, other.as_bytes());
    edit(archive, "manifest.json", |manifest| {
        manifest[0]["Config"] = json!(name);
    });
    true
}

pub(super) fn has(archive: &Archive, name: &str) -> bool {
    archive.entries.iter().any(|entry| is_named(entry, name))
}

fn is_named(entry: &Entry, name: &str) -> bool {
    entry.name.trim_start_matches("./") == name
}

pub(super) fn entry<'a>(archive: &'a mut Archive, name: &str) -> &'a mut Entry {
    let mut entries = archive.entries.iter_mut();
    let found = entries.find(|entry| is_named(entry, name));
    found.unwrap_or_else(|| panic!("no entry `{name}`"))
}

pub(super) fn read(archive: &mut Archive, name: &str) -> Value {
    serde_json::from_slice(&entry(archive, name).data).unwrap()
}

pub(super) fn edit(archive: &mut Archive, name: &str, change: impl FnOnce(&mut Value)) {
    let mut value = read(archive, name);
    change(&mut value);
    entry(archive, name).data = value.to_string().into_bytes();
}

fn blob(descriptor: &Value) -> String {
    let digest = descriptor["digest"].as_str().unwrap();
    digest.replace("sha256:", "blobs/sha256/")
}

/// The manifest of the first image of `index.json`.
pub(super) fn manifest(archive: &mut Archive) -> String {
    let mut name = "index.json".to_owned();
    loop {
        let document = read(archive, &name);
        match document.get("manifests") {
            Some(manifests) => name = blob(&manifests[0]),
            None => return name,
        }
    }
}

/// The configuration of the first image.
pub(super) fn config(archive: &mut Archive) -> String {
    if has(archive, "manifest.json") {
        let manifest = read(archive, "manifest.json");
        return manifest[0]["Config"].as_str().unwrap().to_owned();
    }
    let manifest = manifest(archive);
    blob(&read(archive, &manifest)["config"])
}

/// The layers of the first image.
pub(super) fn layers(archive: &mut Archive) -> Vec<String> {
    if has(archive, "manifest.json") {
        let manifest = read(archive, "manifest.json");
        let layers = manifest[0]["Layers"].as_array().unwrap().clone();
        return layers
            .iter()
            .map(|layer| layer.as_str().unwrap().to_owned())
            .collect();
    }
    let manifest = manifest(archive);
    let layers = read(archive, &manifest)["layers"]
        .as_array()
        .unwrap()
        .clone();
    layers.iter().map(blob).collect()
}

fn tar_of(text: &str) -> Vec<u8> {
    let mut layer = Archive {
        entries: Vec::new(),
    };
    layer.add("etc/edited", text.as_bytes());
    layer.to_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The file of a layer, whose path may be that of a link.
fn stored<'a>(archive: &'a mut Archive, layer: &str) -> Option<&'a mut Vec<u8>> {
    let entry = entry(archive, layer);
    (entry.header.entry_type() == tar::EntryType::Regular).then_some(&mut entry.data)
}

fn change_layer(archive: &mut Archive, layer: &str, n: u8) -> bool {
    let Some(data) = stored(archive, layer) else {
        return false;
    };
    let tar = tar_of(&format!("by hand {n}\n"));
    *data = if data.starts_with(&[0x1f, 0x8b]) {
        gzip(&tar)
    } else {
        tar
    };
    true
}

fn recompress(archive: &mut Archive, layer: &str) -> bool {
    let Some(data) = stored(archive, layer) else {
        return false;
    };
    if data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return false;
    }
    if data.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(data.as_slice());
        std::io::Read::read_to_end(&mut decoder, &mut plain).unwrap();
        *data = plain;
    } else {
        *data = gzip(data);
    }
    true
}

fn add_layer(archive: &mut Archive, with_diff_id: bool) -> bool {
    let tar = tar_of("more\n");
    let digest = Digest::of(&tar);
    let top = layers(archive).pop().unwrap();
    let name = match top.rsplit_once('/') {
        Some(("blobs/sha256", _)) => format!("blobs/sha256/{}", digest.hex()),
        Some((_, "layer.tar")) => "more/layer.tar".to_owned(),
        _ => "more.tar".to_owned(),
    };
    archive.add(&name, &tar);
    if has(archive, "manifest.json") {
        edit(archive, "manifest.json", |manifest| {
            manifest[0]["Layers"]
                .as_array_mut()
                .unwrap()
                .push(json!(name));
        });
    } else {
        let manifest = manifest(archive);
        let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
        edit(archive, &manifest, |manifest| {
            let layer = json!({"mediaType": media_type, "digest": digest.to_string(), "size": 1});
            manifest["layers"].as_array_mut().unwrap().push(layer);
        });
    }
    if with_diff_id {
        let config = config(archive);
        edit(archive, &config, |config| {
            let diff_ids = config["rootfs"]["diff_ids"].as_array_mut().unwrap();
            diff_ids.push(json!(digest.to_string()));
        });
    }
    true
}

/// Edits the list of the layers of the first image.
fn edit_layers(archive: &mut Archive, change: impl FnOnce(&mut Vec<Value>)) {
    if has(archive, "manifest.json") {
        edit(archive, "manifest.json", |manifest| {
            change(manifest[0]["Layers"].as_array_mut().unwrap());
        });
    } else {
        let manifest = manifest(archive);
        edit(archive, &manifest, |manifest| {
            change(manifest["layers"].as_array_mut().unwrap());
        });
    }
}

fn drop_layer(archive: &mut Archive, i: usize) -> bool {
    if layers(archive).len() < 2 {
        return false;
    }
    edit_layers(archive, |layers| {
        layers.remove(i);
    });
    true
}
