//! The examples in the documentation of operations, where they are about more than the configuration: they are run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::io::Read;

use ocipatch::archive::Archive;
use serde_json::Value;

use crate::binary::{ok, write_files};
use crate::cases::hybrid_archive;
use crate::edit;
use crate::operations::documented;

const ANNOTATIONS: &str = "\"annotations\":";
const TAGS: &str = "\"RepoTags\":";
const LAYERS: &str = "layers: ";
const COMPRESSION: &str = "compression: ";
/// The archives that the example of `rebase` names.
const BASES: [(&str, &str); 2] = [
    ("old.tar", "layers: [etc/ etc/old]"),
    ("new.tar", "layers: [etc/ etc/new]"),
];

/// Tells whether a piece of an image is outside of its configuration.
pub(crate) fn is_of_archive(piece: &str) -> bool {
    [ANNOTATIONS, TAGS, LAYERS, COMPRESSION]
        .iter()
        .any(|start| piece.starts_with(start))
}

/// Writes an entry as cases do: its name, and in brackets perhaps its mode, owner, time or text.
fn entry(token: &str) -> String {
    let (name, detail) = token.split_once('(').unwrap_or((token, ")"));
    let detail = detail.strip_suffix(')').unwrap();
    let is_directory = name.ends_with('/');
    let (mut mode, mut text, mut more) = ("0644", format!("{name:?}"), String::new());
    if is_directory {
        (mode, text) = ("0755", String::new());
    }
    match detail.as_bytes().first() {
        None => {}
        Some(b'"') => detail.clone_into(&mut text),
        Some(_) if detail.contains([':', '@']) => more = format!(" {detail}"),
        Some(_) => mode = detail,
    }
    let line = format!("{mode} {name} {text}");
    format!("{}{more}", line.trim_end())
}

/// Makes an archive of which a piece is this.
fn archive(piece: &str) -> Vec<u8> {
    if piece.starts_with(COMPRESSION) {
        return std::fs::read(edit::fixture("skopeo-oci.tar")).unwrap();
    }
    let mut image = String::new();
    let tags: Vec<String> = match piece.strip_prefix(TAGS) {
        Some(tags) => serde_json::from_str(tags).unwrap(),
        None => vec!["app:1".to_owned()],
    };
    writeln!(image, "tags: {}", tags.join(" ")).unwrap();
    let layers = piece.strip_prefix(LAYERS).unwrap_or("[etc/]");
    for layer in layers.trim_matches(['[', ']']).split("] [") {
        let entries: Vec<String> = layer.split(' ').map(entry).collect();
        writeln!(image, "layer: {}", entries.join("; ")).unwrap();
    }
    let bytes = hybrid_archive(&image);
    if !piece.starts_with(ANNOTATIONS) {
        return bytes;
    }
    let mut archive = edit::Archive::read(&bytes);
    let is_manifest = |entry: &&edit::Entry| {
        entry.data.starts_with(b"{\"schemaVersion\":2") && entry.name != "index.json"
    };
    let name = archive
        .entries
        .iter()
        .find(is_manifest)
        .unwrap()
        .name
        .clone();
    let head = "{\"schemaVersion\":2,";
    archive.replace(&name, head, &format!("{head}{piece},"));
    archive.repair();
    archive.to_bytes()
}

/// Says of an archive what `like` says of another one.
fn describe(bytes: &[u8], like: &str) -> String {
    let archive = Archive::open(edit::open(bytes).unwrap()).unwrap();
    let image = &archive.images()[0];
    if like.starts_with(ANNOTATIONS) {
        let pairs = archive
            .annotations(0)
            .manifest
            .unwrap()
            .to_vec()
            .into_iter();
        let object: Value = pairs
            .map(|(key, value)| (key, Value::from(value)))
            .collect();
        return format!("{ANNOTATIONS}{object}");
    }
    if like.starts_with(COMPRESSION) {
        let name = |layer: &ocipatch::archive::Layer| layer.compression().name();
        let names: Vec<&str> = image.layers().iter().map(name).collect();
        return format!("{COMPRESSION}{}", names.join(" "));
    }
    if like.starts_with(TAGS) {
        let tags: Value = image.tags().iter().map(ToString::to_string).collect();
        return format!("{TAGS}{tags}");
    }
    let layer = |layer: &ocipatch::archive::Layer| {
        let mut data = Vec::new();
        let blob = archive.blob(layer).unwrap();
        blob.reader().read_to_end(&mut data).unwrap();
        let mut tar = tar::Archive::new(data.as_slice());
        let name = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| name(entry.unwrap(), like);
        let names: Vec<String> = tar.entries().unwrap().map(name).collect();
        format!("[{}]", names.join(" "))
    };
    let layers: Vec<String> = image.layers().iter().map(layer).collect();
    format!("{LAYERS}{}", layers.join(" "))
}

/// Names an entry, with what `like` says of entries.
fn name(mut entry: tar::Entry<'_, &[u8]>, like: &str) -> String {
    let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
    let mut text = String::new();
    entry.read_to_string(&mut text).unwrap();
    let header = entry.header();
    let detail = if like.contains("(@") {
        format!("(@{})", header.mtime().unwrap())
    } else if like.contains("(\"") && !name.ends_with('/') {
        format!("({text:?})")
    } else if like.contains("(0:0)") {
        format!("({}:{})", header.uid().unwrap(), header.gid().unwrap())
    } else if like.contains("(0") {
        format!("({:04o})", header.mode().unwrap())
    } else {
        String::new()
    };
    format!("{name}{detail}")
}

#[test]
fn every_example_outside_the_configuration_comes_out_as_documented() {
    let mut n_examples = 0;
    for operation in documented() {
        let [argument, before, after] = operation.parts();
        if !is_of_archive(before) {
            continue;
        }
        let home = tempfile::tempdir().unwrap();
        let name = operation.name;
        let patch = format!("apiVersion: ocipatch/v1\noperations:\n- {name}: {argument}\n");
        write_files(home.path(), &[("fix.yaml", &patch)]);
        let path = |name: &str| home.path().join(name);
        for (name, base) in BASES {
            std::fs::write(path(name), archive(base)).unwrap();
        }
        let image = archive(before);
        assert_eq!(describe(&image, before), before, "{name}");
        std::fs::write(path("app.tar"), image).unwrap();
        ok([
            "apply".as_ref(),
            "-q".as_ref(),
            path("fix.yaml").as_os_str(),
            path("app.tar").as_os_str(),
            "-o".as_ref(),
            path("out.tar").as_os_str(),
        ]);
        let out = std::fs::read(path("out.tar")).unwrap();
        assert_eq!(describe(&out, after), after, "{name}");
        n_examples += 1;
    }
    assert!(n_examples >= 8);
}
