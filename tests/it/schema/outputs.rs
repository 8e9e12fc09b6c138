//! The schemas of what commands print, held against what they print: no key is undeclared, and none is only declared.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::Value;
use tempfile::TempDir;

use super::root;
use crate::{binary, operations};

/// Properties that no output of these tests has, and why.
const UNSEEN: &[(&str, &str)] = &[
    ("inspect File.device", "no fixture has a device"),
    ("inspect Other.name", "no fixture names an artifact"),
    ("diff Side.device", "no fixture has a device"),
];

/// A schema, and the properties that outputs had so far.
struct Checked {
    name: &'static str,
    schema: Value,
    validator: Validator,
    seen: BTreeSet<String>,
}

impl Checked {
    fn of(name: &'static str) -> Self {
        let text = binary::ok(["schema", name]);
        let path = root().join(format!("schema/{name}.schema.json"));
        assert_eq!(text, fs::read_to_string(path).unwrap());
        let schema = serde_json::from_str(&text).unwrap();
        assert!(jsonschema::draft7::meta::is_valid(&schema));
        let validator = jsonschema::draft7::new(&schema).unwrap();
        Self {
            name,
            schema,
            validator,
            seen: BTreeSet::new(),
        }
    }

    /// Runs the command, whatever it exits with, and checks what it prints.
    fn check<'a>(&mut self, arguments: impl IntoIterator<Item = &'a str>) {
        let arguments: Vec<&str> = [self.name].into_iter().chain(arguments).collect();
        let output = binary::run(arguments.iter().chain(&["--format", "json"]));
        let text = String::from_utf8(output.stdout).unwrap();
        let Ok(document) = serde_json::from_str(&text) else {
            panic!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        if let Err(error) = self.validator.validate(&document) {
            panic!("{arguments:?}: {error} at {}", error.instance_path());
        }
        let schema = self.schema.clone();
        self.see(&schema, &document, "");
    }

    /// Notes the properties of a value that its schema declares.
    fn see(&mut self, schema: &Value, value: &Value, path: &str) {
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap();
            let definition = self.schema["definitions"][name].clone();
            return self.see(&definition, value, name);
        }
        for alternative in schema["oneOf"].as_array().into_iter().flatten() {
            let kind = &alternative["properties"]["kind"]["const"];
            if !kind.is_null() && *kind == value["kind"] {
                self.see(alternative, value, kind.as_str().unwrap());
            }
        }
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(value) = value.get(key) {
                let path = format!("{path}.{key}");
                self.seen.insert(path.clone());
                self.see(property, value, &path);
            }
        }
        for item in value.as_array().into_iter().flatten() {
            self.see(&schema["items"], item, path);
        }
    }

    /// Returns the properties that no output had.
    fn unseen(&self) -> Vec<String> {
        let mut declared = BTreeSet::new();
        declare(&self.schema, "", &mut declared);
        for (name, definition) in self.schema["definitions"].as_object().unwrap() {
            declare(definition, name, &mut declared);
        }
        let unseen = declared.difference(&self.seen);
        unseen.map(|path| format!("{} {path}", self.name)).collect()
    }
}

/// Collects the properties that a schema declares, and that each has a sentence.
fn declare(schema: &Value, path: &str, declared: &mut BTreeSet<String>) {
    for alternative in schema["oneOf"].as_array().into_iter().flatten() {
        if let Some(kind) = alternative["properties"]["kind"]["const"].as_str() {
            declare(alternative, kind, declared);
        }
    }
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        assert!(property["description"].is_string(), "{path}");
        declare(property, &path, declared);
        declared.insert(path);
    }
    if schema["items"].is_object() {
        declare(&schema["items"], path, declared);
    }
}

/// The archives of `tests/fixtures`.
fn fixtures() -> Vec<String> {
    let items = fs::read_dir(root().join("tests/fixtures")).unwrap();
    let mut paths: Vec<PathBuf> = items.map(|item| item.unwrap().path()).collect();
    paths.sort();
    let names = paths.iter().map(|path| path.to_str().unwrap().to_owned());
    names.collect()
}

/// A patch of its own in a directory.
fn patch(directory: &TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(format!("{name}.yaml"));
    fs::write(&path, format!("apiVersion: ocipatch/v1\n{text}")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// What no sample of an operation shows.
const OTHERS: &[&str] = &[
    "operations: [unset-label: [\"*\"], unset-env: [PATH], unset: [cmd]]",
    "operations: [add-port: [1], add-volume: [/v], set-annotation: {a.b: c}, add-tag: [\"other:1\"], remove-tag: [\"greeter:*\"]]",
    "operations: [remove-layer: 2]",
    "operations: [squash: all]",
    "operations: [recompress: zstd]",
    "operations: [rewrite-timestamps: 1970-01-01T00:00:01Z]",
    "operations: [replace-layer: {layer: 2, with: {files: [{path: /etc/new, content: a}]}}]",
    "operations: [set-line: {path: /etc/greeting.conf, line: a}, set-line: {path: /etc/app.conf, line: a}]",
    "operations: [remove-path: {match: [\"/etc/*\"], purge: true}]",
    "operations: [set-mode: {set: {\"/etc/*\": \"0600\"}, in: layer}]",
    "operations: [set-lable: {a: b}]",
    "attestations: drop\noperations: [set-label: {a: b}, set-annotation: {on: index, set: {a.b: c}}]",
];

/// Inputs that are made from the multi-platform fixture.
struct Made {
    image: String,
    /// The image after a patch, and a patch for that.
    patched: String,
    again: String,
    /// A patch that puts the image itself on the patched one.
    rebase: String,
    /// The image as a directory with one manifest damaged, and without a layer of another.
    incomplete: String,
}

impl Made {
    fn new(directory: &TempDir, fixtures: &[String]) -> Self {
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let fixture = fixtures
            .iter()
            .find(|path| path.ends_with("buildx-oci-multi.tar"));
        let image = path("image.tar");
        fs::copy(fixture.unwrap(), &image).unwrap();
        let many = "x\n".repeat(20_000);
        fs::create_dir(path("files")).unwrap();
        fs::write(path("files/many"), many).unwrap();
        let operations = "attestations: drop\noperations:\n  - add-port: [1, 2]\n  - set-annotation: {a.b: c, d.e: f}\n  \
            - add-layer: {from: files, to: /srv}\n  - add-layer: {files: [{path: /srv/secret, content: \"a\\nb\", mode: \"0600\"}, {path: /srv/open, content: a}]}\n";
        let first = patch(directory, "first", operations);
        let patched = path("patched.tar");
        binary::ok(["apply", &first, &image, "-o", &patched]);
        let again = "attestations: drop\noperations:\n  - remove-port: [\"1\"]\n  - unset-annotation: [a.b]\n  - set-annotation: {d.e: g}\n  \
            - replace-text: {path: /srv/many, find: x, with: y, count: all}\n  - set-line: {path: /srv/secret, line: c}\n  \
            - replace-text: {path: /srv/open, find: a, with: b}\n  - add-layer: {from: files, to: /opt}\n";
        Self {
            again: patch(directory, "again", again),
            rebase: patch(
                directory,
                "rebase",
                "attestations: drop\noperations: [rebase: {from: image.tar, onto: patched.tar}]",
            ),
            incomplete: incomplete(&image, path("incomplete")),
            patched,
            image,
        }
    }
}

fn incomplete(image: &str, directory: String) -> String {
    fs::create_dir(&directory).unwrap();
    let mut tar = std::process::Command::new("tar");
    tar.args(["-xf", image, "-C", &directory]);
    assert!(tar.status().unwrap().success());
    let blob = |digest: &Value| {
        let digest = digest.as_str().unwrap().replace(':', "/");
        format!("{directory}/blobs/{digest}")
    };
    let report = binary::ok(["inspect", image, "--format", "json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    fs::write(blob(&report["images"][0]["manifestDigest"]), "{").unwrap();
    let manifest = fs::read(blob(&report["images"][1]["manifestDigest"])).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    fs::remove_file(blob(&manifest["layers"][0]["digest"])).unwrap();
    directory
}

#[test]
fn what_commands_print_is_what_their_schemas_say() {
    let directory = tempfile::tempdir().unwrap();
    let fixtures = fixtures();
    let mut plan = Checked::of("plan");
    let samples = operations::samples();
    let samples = samples
        .iter()
        .map(|sample| format!("operations:\n  - {sample}\n"));
    let patches = samples.chain(OTHERS.iter().map(|&text| text.to_owned()));
    for (i, text) in patches.enumerate() {
        let patch = patch(&directory, &i.to_string(), &text);
        for name in ["docker20.tar", "buildx-oci-multi.tar", "buildx-oci.tar"] {
            let image = fixtures.iter().find(|path| path.ends_with(name)).unwrap();
            plan.check([patch.as_str(), image]);
        }
    }
    let mut inspect = Checked::of("inspect");
    let mut verify = Checked::of("verify");
    let mut diff = Checked::of("diff");
    for (i, image) in fixtures.iter().enumerate() {
        if image.contains("base-layer") {
            continue;
        }
        inspect.check([image.as_str(), "--sha256"]);
        verify.check([image.as_str(), "--strict"]);
        let other = &fixtures[(i + 3) % fixtures.len()];
        if !other.contains("base-layer") {
            diff.check([image.as_str(), other, "--files"]);
        }
    }
    let made = Made::new(&directory, &fixtures);
    plan.check([made.again.as_str(), &made.patched]);
    plan.check([made.rebase.as_str(), &made.image]);
    diff.check([made.image.as_str(), &made.patched]);
    inspect.check([made.incomplete.as_str()]);
    let mut unseen = Vec::new();
    for checked in [plan, inspect, verify, diff] {
        unseen.extend(checked.unseen());
    }
    let expected: Vec<&str> = UNSEEN.iter().map(|(path, _)| *path).collect();
    assert_eq!(unseen, expected);
}
