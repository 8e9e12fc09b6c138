//! A cell of the table: a form, patched by an operation.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::{ok, write_files};
use crate::edit::Archive;
use crate::engine::fixture;
use crate::forms;

/// What an archive has for its consumers.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Has {
    /// `manifest.json` and no `index.json`.
    Manifest,
    /// Both.
    Both,
    /// `index.json` alone, with names as `app:2`.
    Names,
    /// `index.json` alone, with names as containerd keeps them and the tag alone as the reference.
    Tags,
}

enum Source {
    Fixture(&'static str),
    /// The fixture, extracted.
    Directory(&'static str),
    Made(fn() -> Archive),
}

struct Form {
    source: Source,
    has: Has,
    /// What a patch of this form says besides.
    head: &'static str,
}

const fn fixture_form(name: &'static str, has: Has) -> Form {
    let (source, head) = (Source::Fixture(name), "");
    Form { source, has, head }
}

const fn directory_form(name: &'static str, has: Has) -> Form {
    let (source, head) = (Source::Directory(name), "");
    Form { source, has, head }
}

const fn made_form(make: fn() -> Archive, has: Has) -> Form {
    let (source, head) = (Source::Made(make), "");
    Form { source, has, head }
}

const fn form_with(name: &'static str, has: Has, head: &'static str) -> Form {
    let source = Source::Fixture(name);
    Form { source, has, head }
}

const SECOND: &str = "target: {images: [greeter2]}\n";
#[rustfmt::skip]
const FORMS: &[(&str, Form)] = &[
    ("docker 20", fixture_form("docker20.tar", Has::Manifest)),
    ("docker 20, gzip", fixture_form("docker20.tar.gz", Has::Manifest)),
    ("docker 20, extracted", directory_form("docker20.tar", Has::Manifest)),
    ("docker 20, untagged", fixture_form("docker20-untagged.tar", Has::Manifest)),
    ("docker 20, nasty", fixture_form("docker20-nasty.tar", Has::Manifest)),
    ("docker 20, two images", form_with("docker20-two-images.tar", Has::Manifest, SECOND)),
    ("docker 26", fixture_form("docker26.tar", Has::Both)),
    ("docker 26, extracted", directory_form("docker26.tar", Has::Both)),
    ("docker 26, two images", form_with("docker26-two-images.tar", Has::Both, SECOND)),
    ("docker 26, containerd", fixture_form("docker26-containerd.tar", Has::Both)),
    ("buildx, docker", fixture_form("buildx-docker.tar", Has::Both)),
    ("buildx, oci", fixture_form("buildx-oci.tar", Has::Tags)),
    ("buildx, platforms", form_with("buildx-oci-multi.tar", Has::Tags, "attestations: drop\n")),
    ("podman, docker", fixture_form("podman-docker.tar", Has::Manifest)),
    ("podman, oci", fixture_form("podman-oci.tar", Has::Names)),
    ("skopeo", fixture_form("skopeo-oci.tar", Has::Names)),
    ("skopeo, extracted", directory_form("skopeo-oci.tar", Has::Names)),
    ("zstd", made_form(forms::zstd_layout, Has::Names)),
    ("crane", fixture_form("crane.tar", Has::Manifest)),
    ("kaniko", made_form(forms::kaniko, Has::Manifest)),
    ("rules_oci", made_form(forms::rules_oci, Has::Manifest)),
    ("rules_docker", made_form(forms::foreign_ids, Has::Manifest)),
    ("nix", made_form(forms::nix, Has::Manifest)),
];

const TAGS: [&str; 2] = ["app:2", "registry.example.com:5000/team/app:stable"];
#[rustfmt::skip]
const OPERATIONS: &[(&str, &str)] = &[
    ("label", "  - set-label: {mylabel: modifiedvalue}\n"),
    ("names", "  - retag: [\"app:2\", \"registry.example.com:5000/team/app:stable\"]\n"),
    ("less", "  - set-label: {mylabel: modifiedvalue}\n  - remove-layer: 2\n"),
    ("all", "  - set-label: {mylabel: modifiedvalue}\n  - add-layer: {from: rootfs}\n  - retag: [\"app:2\"]\n"),
];

/// A patched archive.
pub(super) struct Cell {
    pub(super) form: &'static str,
    pub(super) operation: &'static str,
    pub(super) has: Has,
    pub(super) directory: TempDir,
    /// As a tar, whatever the input was.
    pub(super) tar: PathBuf,
    /// What `ocipatch inspect` says of the input, and of what it became.
    input: Value,
    report: Value,
}

impl Cell {
    fn new(
        form: &'static str,
        Form { source, has, head }: &Form,
        operation: &'static str,
        text: &str,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let patch = format!("apiVersion: ocipatch/v1\n{head}operations:\n{text}");
        let files = [
            ("rootfs/etc/greeting", "hello from the added layer\n"),
            ("rootfs/bin/tool", "x"),
            ("fix.yaml", &patch),
        ];
        write_files(directory.path(), &files);
        let place = |name: &str| directory.path().join(name);
        let input = match source {
            Source::Fixture(name) => fixture(name),
            Source::Directory(name) => {
                let bytes = std::fs::read(fixture(name)).unwrap();
                tar::Archive::new(bytes.as_slice())
                    .unpack(place("input"))
                    .unwrap();
                place("input")
            }
            Source::Made(make) => {
                std::fs::write(place("input"), make().to_bytes()).unwrap();
                place("input")
            }
        };
        let (fix, output) = (place("fix.yaml"), place("patched"));
        let arguments = [fix.as_os_str(), input.as_os_str(), "-o".as_ref()];
        ok([&["apply".as_ref()], &arguments[..], &[output.as_os_str()]].concat());
        ok(["verify".as_ref(), output.as_os_str()]);
        let mut tar = output.clone();
        if output.is_dir() {
            tar = place("patched.tar");
            ok(["pack".as_ref(), output.as_os_str(), tar.as_os_str()]);
        }
        let inspect = |archive: &Path| {
            let arguments = ["inspect".as_ref(), archive.as_os_str()];
            let report = ok([&arguments[..], &["--format=json".as_ref()]].concat());
            serde_json::from_str(&report).unwrap()
        };
        let (input, report) = (inspect(&input), inspect(&output));
        let has = *has;
        Self {
            form,
            operation,
            has,
            directory,
            tar,
            input,
            report,
        }
    }

    /// Whether it is the first of its form.
    pub(super) fn is_first(&self) -> bool {
        self.operation == OPERATIONS[0].0
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
        let images = self.report["images"].as_array().unwrap();
        let is_ours = |image: &&Value| {
            image["indexDigest"].is_null() || image["platform"] == format!("linux/{architecture}")
        };
        let images: Vec<&Value> = images.iter().filter(is_ours).collect();
        assert!(!images.is_empty());
        images
    }

    /// Checks that one image was patched, and has all that the operation says; those of other platforms go with it.
    fn check_patched(&self) {
        let ours = self.images();
        let all = |report: &Value| report["images"].as_array().unwrap().clone();
        let is_changed = |(was, is): &(Value, Value)| was != is && ours.contains(&is);
        let both = all(&self.input).into_iter().zip(all(&self.report));
        let changed: Vec<(Value, Value)> = both.filter(is_changed).collect();
        let [(was, is)] = &changed[..] else {
            panic!("{changed:#?}")
        };
        let labels = |image: &Value| image["config"]["config"]["Labels"].clone();
        if self.operation == "names" {
            assert_eq!(labels(is), labels(was));
        } else {
            assert_eq!(labels(is)["mylabel"], "modifiedvalue");
        }
        let layers = |image: &Value| image["layers"].as_array().unwrap().clone();
        let (mut below, layers) = (layers(was), layers(is));
        if self.operation == "less" {
            below.remove(1);
        }
        let n_added = usize::from(self.operation == "all");
        assert_eq!(layers.len(), below.len() + n_added);
        assert_eq!(layers[..below.len()], below);
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

/// Runs `check` on every cell.
pub(super) fn each(mut check: impl FnMut(&Cell)) {
    for (name, form) in FORMS {
        for (operation, text) in OPERATIONS {
            println!("{name}: {operation}");
            let cell = Cell::new(name, form, operation, text);
            cell.check_patched();
            check(&cell);
        }
    }
}
