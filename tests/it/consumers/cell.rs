//! A cell of the table: a form, patched by an operation, and what has to be true of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::table::{Built, Has, TAGS, fields};

/// What the patch of the configuration has to leave there.
fn expected_config() -> Value {
    let mut expected = json!({
        "os.version": "1.0",
        "config": {
            "Labels": {"mylabel": "modifiedvalue", "org.opencontainers.image.version": "1.10"},
            "Entrypoint": ["/bin/greet"], "Cmd": ["/etc/greeting", "1.10"],
            "ExposedPorts": {"9000/tcp": {}, "53/udp": {}}, "Volumes": {"/data": {}},
            "Healthcheck": {
                "Test": ["CMD", "/bin/greet"], "Interval": 90_000_000_000_u64, "Timeout": 2_000_000_000_u64,
                "StartPeriod": 3_000_000_000_u64, "Retries": 4,
            },
        },
    });
    for field in fields() {
        let (last, above) = field.path.split_last().unwrap();
        let above = above
            .iter()
            .fold(&mut expected, |value, key| &mut value[*key]);
        above[*last] = field.value;
    }
    expected
}

/// Whether every member of `part` is in `whole`.
fn holds(whole: &Value, part: &Value) -> bool {
    match part {
        Value::Object(members) => members.iter().all(|(key, value)| holds(&whole[key], value)),
        other => whole == other,
    }
}

/// A patched archive, and room for what a test makes of it.
pub(super) struct Cell {
    pub(super) form: &'static str,
    pub(super) operation: &'static str,
    pub(super) has: Has,
    /// Room for the test that has the cell.
    pub(super) directory: TempDir,
    /// As a tar, whatever the input was.
    pub(super) tar: PathBuf,
    built: Arc<Built>,
}

impl Cell {
    pub(super) fn new(form: &'static str, operation: &'static str, built: Arc<Built>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            form,
            operation,
            has: built.has,
            directory,
            tar: built.tar.clone(),
            built,
        }
    }

    /// Whether it is the first of its form.
    pub(super) fn is_first(&self) -> bool {
        self.operation == "config"
    }

    /// The layout as a directory.
    pub(super) fn layout(&self) -> PathBuf {
        let layout = self.directory.path().join("layout");
        if !layout.exists() {
            let file = std::fs::File::open(&self.tar).unwrap();
            tar::Archive::new(file).unpack(&layout).unwrap();
        }
        layout
    }

    /// The images for this machine: several platforms are one image to a consumer.
    pub(super) fn images(&self) -> Vec<&Value> {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let images = self.built.report["images"].as_array().unwrap();
        let is_ours = |image: &&Value| {
            let platform = image["platform"].as_str().unwrap();
            image["indexDigest"].is_null() || platform.split('/').nth(1) == Some(architecture)
        };
        let images: Vec<&Value> = images.iter().filter(is_ours).collect();
        assert!(!images.is_empty());
        images
    }

    /// Whether the patch was about that image of the output.
    pub(super) fn is_patched(&self, image: &Value) -> bool {
        let was = |was: &Value| was["imageId"] == image["imageId"] && was["tags"] == image["tags"];
        !self.built.input["images"]
            .as_array()
            .unwrap()
            .iter()
            .any(was)
    }

    /// The first name of the patched image; nothing where it has none.
    pub(super) fn patched_tag(&self) -> String {
        let images = self.images();
        let image = images.iter().find(|image| self.is_patched(image)).unwrap();
        image["tags"][0].as_str().unwrap_or_default().to_owned()
    }

    /// Checks that one image was patched, and has all that the operation says; those of other platforms go with it.
    pub(super) fn check_patched(&self) {
        let ours = self.images();
        let all = |report: &Value| report["images"].as_array().unwrap().clone();
        let is_changed = |(was, is): &(Value, Value)| was != is && ours.contains(&is);
        let both = all(&self.built.input)
            .into_iter()
            .zip(all(&self.built.report));
        let changed: Vec<(Value, Value)> = both.filter(is_changed).collect();
        let [(was, is)] = &changed[..] else {
            panic!("{changed:#?}")
        };
        let config = |image: &Value| image["config"]["config"].clone();
        let layers = |image: &Value| image["layers"].as_array().unwrap().clone();
        let (mut below, above) = (layers(was), layers(is));
        match self.operation {
            "config" => {
                let expected = expected_config();
                assert!(holds(&is["config"], &expected), "{:#}", is["config"]);
                let listed = |key: &str, item: &str| {
                    let list = config(is)[key].as_array().unwrap().clone();
                    assert!(list.contains(&json!(item)), "{item}: {list:?}");
                };
                listed("Env", "NEW=a=b <&>");
                listed("OnBuild", "ENV CHILD=2");
            }
            "names" | "layers" => assert_eq!(config(is), config(was)),
            "less" => {
                assert_eq!(config(is)["Labels"]["mylabel"], "modifiedvalue");
                for gone in [
                    "Healthcheck",
                    "OnBuild",
                    "Shell",
                    "StopSignal",
                    "User",
                    "WorkingDir",
                ] {
                    let value = &config(is)[gone];
                    assert!(
                        value.is_null() || *value == json!("") || *value == json!([]),
                        "{gone}: {value}"
                    );
                }
                for (key, gone) in [
                    ("Labels", "maintainer"),
                    ("ExposedPorts", "8080/tcp"),
                    ("Volumes", "/srv/data"),
                ] {
                    assert!(config(is)[key][gone].is_null(), "{gone}");
                }
                below.remove(1);
            }
            _ => assert_eq!(config(is)["Labels"]["mylabel"], "modifiedvalue"),
        }
        let n_added = match self.operation {
            // The third has the files of a user and of a group.
            "all" => 3,
            "layers" => 2,
            "less" if self.form != "docker 20, nasty" => 1,
            _ => 0,
        };
        assert_eq!(above.len(), below.len() + n_added);
        if self.operation != "layers" {
            assert_eq!(above[..below.len()], below);
        }
        match self.operation {
            "names" => assert_eq!(is["tags"], json!(TAGS)),
            "all" => assert_eq!(is["tags"], json!(["app:2"])),
            _ => assert_eq!(is["tags"], was["tags"]),
        }
    }

    pub(super) fn tags(&self) -> BTreeSet<String> {
        let images = self.images().into_iter();
        images
            .flat_map(|image| short_names(&image["tags"]))
            .collect()
    }

    /// The descriptors of `index.json` with a name that no other has: that name, and the image. Of Docker's media types
    /// skopeo finds none by its name.
    pub(super) fn named(&self) -> Vec<(String, &Value)> {
        let index = std::fs::read(self.layout().join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let name = |descriptor: &Value| {
            let name = descriptor["annotations"]["org.opencontainers.image.ref.name"].as_str();
            name.map(str::to_owned)
        };
        let descriptors = index["manifests"].as_array().unwrap();
        let names: Vec<Option<String>> = descriptors.iter().map(name).collect();
        let mut named = Vec::new();
        for (descriptor, name) in descriptors.iter().zip(&names) {
            let n_same = names.iter().filter(|other| *other == name).count();
            let is_it = |image: &&Value| *root(image) == descriptor["digest"];
            let image = self.images().into_iter().find(is_it).unwrap();
            let is_oci = descriptor["mediaType"].as_str().unwrap().contains(".oci.");
            if let (Some(name), 1, true) = (name, n_same, is_oci) {
                named.push((name.clone(), image));
            }
        }
        named
    }
}

/// The digest that a name in a layout stands for.
pub(super) fn root(image: &Value) -> &Value {
    let index = &image["indexDigest"];
    if index.is_null() {
        &image["manifestDigest"]
    } else {
        index
    }
}

/// A name less what podman and Docker put before one without a host.
pub(super) fn short_name(name: &str) -> String {
    let rest = name.strip_prefix("localhost/");
    let rest = rest.or(name.strip_prefix("docker.io/library/"));
    rest.unwrap_or(name).to_owned()
}

/// The short names of a JSON list.
pub(super) fn short_names(names: &Value) -> BTreeSet<String> {
    let names = names.as_array().unwrap().iter();
    names
        .map(|name| short_name(name.as_str().unwrap()))
        .collect()
}
