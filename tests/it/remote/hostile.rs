//! Images of a registry that says what it likes: refused by name, or taken as far as they are sound.

use std::collections::BTreeMap;

use ocipatch::Digest;
use ocipatch::media_type::{CONFIG, INDEX, MANIFEST};
use serde_json::{Value, json};

use crate::binary::{fails, ok, write_files};
use crate::registry::double::{Answer, Double};

/// What a registry has, by the end of the path.
#[derive(Default)]
struct Content(BTreeMap<String, (String, Vec<u8>)>);

impl Content {
    /// Puts a blob or a manifest there; returns its descriptor.
    fn put(&mut self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        let size = bytes.len();
        self.0
            .insert(digest.clone(), (media_type.to_owned(), bytes.to_vec()));
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    /// Gives the tag `1` to a document.
    fn tag(&mut self, media_type: &str, document: &Value) {
        let bytes = document.to_string().into_bytes();
        self.put(media_type, &bytes);
        self.0
            .insert("1".to_owned(), (media_type.to_owned(), bytes));
    }

    /// Serves it until the value goes; returns the name of what has the tag.
    fn serve(self) -> (Double, String) {
        let double = Double::new(move |asked| {
            let end = asked.target.rsplit('/').next().unwrap();
            match self.0.get(end) {
                Some((media_type, bytes)) => Answer::new(200)
                    .header("Content-Type", media_type)
                    .body(bytes.clone()),
                None => Answer::new(404),
            }
        });
        let name = format!("docker://{}/app:1", double.domain());
        (double, name)
    }
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

fn config(diff_ids: &[&str]) -> Vec<u8> {
    json!({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diff_ids}})
        .to_string()
        .into_bytes()
}

fn manifest(config: &Value, layers: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers})
}

/// An image with layers that are described so; what they hold is not there.
fn with_layers(layers: &[Value]) -> Content {
    let mut content = Content::default();
    let ids: Vec<String> = (0..layers.len())
        .map(|i| Digest::of(&[u8::try_from(i).unwrap()]).to_string())
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let config = content.put(CONFIG, &config(&ids));
    content.tag(MANIFEST, &manifest(&config, layers));
    content
}

fn patch() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let text = "apiVersion: ocipatch/v1\noperations: [set-label: {team: web}]\n";
    write_files(directory.path(), &[("label.yaml", text)]);
    directory
}

#[test]
fn layers_that_nobody_reads_may_be_whatever_they_are() {
    let home = patch();
    let patch = home.path().join("label.yaml");
    let patch = patch.to_str().unwrap();
    let any = Digest::of(b"any").to_string();
    let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    for layer in [
        json!({"mediaType": LAYER, "digest": any, "size": u64::MAX}),
        json!({"mediaType": LAYER, "digest": any, "size": i64::MAX}),
        json!({"mediaType": LAYER, "digest": any, "size": 0}),
        json!({"mediaType": foreign, "digest": any, "size": 7, "urls": ["http://127.0.0.1:1/"]}),
    ] {
        let (_double, name) = with_layers(std::slice::from_ref(&layer)).serve();
        assert!(ok(["plan", patch, &name]).contains("team"), "{layer}");
        let told = fails(3, ["cat", &name, "/etc/os-release"]);
        assert!(told.contains("error: "), "{layer}: {told}");
    }
}

#[test]
fn what_cannot_be_understood_is_named() {
    let home = patch();
    let patch = home.path().join("label.yaml");
    let patch = patch.to_str().unwrap();
    let any = Digest::of(b"any").to_string();
    let long = format!("sha512:{}", "0".repeat(128));
    let layer = |digest: &str| json!({"mediaType": LAYER, "digest": digest, "size": 5});
    let mut twice = with_layers(&[
        layer(&any),
        json!({"mediaType": LAYER, "digest": any, "size": 6}),
    ]);
    // Its bytes are there for neither.
    twice.put(LAYER, b"other");
    let mut schema = Content::default();
    schema.tag(
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        &json!({"schemaVersion": 1, "name": "app", "fsLayers": []}),
    );
    let mut many = Content::default();
    let children: Vec<Value> = (0..2000_u32)
        .map(|i| {
            let digest = Digest::of(&i.to_le_bytes()).to_string();
            json!({"mediaType": MANIFEST, "digest": digest, "size": 5})
        })
        .collect();
    many.tag(
        INDEX,
        &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}),
    );
    let mut lying = with_layers(&[]);
    for (media_type, bytes) in lying.0.values_mut() {
        if media_type == CONFIG {
            bytes[2] ^= 1;
        }
    }
    let mut text = Content::default();
    text.put(MANIFEST, b"{");
    text.0
        .insert("1".to_owned(), (MANIFEST.to_owned(), b"{".to_vec()));
    for (content, told) in [
        (with_layers(&[layer(&long)]), "has no `sha256:` digest"),
        (
            with_layers(&[layer("sha256:../../../etc/passwd")]),
            "has no `sha256:` digest",
        ),
        (schema, "schema 1"),
        (many, "at most 1000"),
        (lying, "is `sha256:"),
        (text, "error: "),
        (Content::default(), "the registry has no"),
    ] {
        let (_double, name) = content.serve();
        let shown = fails(3, ["plan", patch, &name]);
        assert!(shown.contains(told), "{told}: {shown}");
        fails(3, ["export", &name, "-o", "/dev/null"]);
    }
    let (_double, name) = twice.serve();
    fails(3, ["cat", &name, "/etc/os-release"]);
}

#[test]
fn manifests_have_a_bound_together() {
    let mut content = Content::default();
    let children: Vec<Value> = (0..40_u32)
        .map(|i| {
            let document = json!({"schemaVersion": 2, "mediaType": MANIFEST, "i": i, "filler": "x".repeat(3 << 20)});
            content.put(MANIFEST, document.to_string().as_bytes())
        })
        .collect();
    content.tag(
        INDEX,
        &json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}),
    );
    let (_double, name) = content.serve();
    let told = fails(3, ["inspect", &name]);
    assert!(told.contains("bytes together"), "{told}");
}

#[test]
fn keys_in_another_case_lead_to_what_they_name() {
    let mut content = Content::default();
    let config = content.put(CONFIG, &config(&[]));
    let child = content.put(
        MANIFEST,
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "Config": config, "layers": []})
            .to_string()
            .as_bytes(),
    );
    let digest = child["digest"].as_str().unwrap().to_owned();
    content.tag(
        INDEX,
        &json!({"schemaVersion": 2, "mediaType": INDEX, "Manifests": [child]}),
    );
    let (_double, name) = content.serve();
    let shown = ok(["inspect", &name]);
    assert!(shown.contains(&digest), "{shown}");
}
