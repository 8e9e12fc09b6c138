//! The examples in the documentation of operations, where they are about more than the configuration: they are run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::io::Read;

use ocipatch::archive::Archive;
use ocipatch::compression::Compression;
use ocipatch::timestamp::Timestamp;
use serde_json::Value;

use crate::binary::{ok, write_files};
use crate::cases::hybrid_archive;
use crate::edit;
use crate::operations::documented;

const ANNOTATIONS: &str = "\"annotations\":";
const TAGS: &str = "\"RepoTags\":";
const LAYERS: &str = "layers: ";
const STORED: &str = "\"mediaType\":";

/// Tells whether a piece of an image is outside of its configuration.
pub(crate) fn is_of_archive(piece: &str) -> bool {
    [ANNOTATIONS, TAGS, LAYERS, STORED]
        .iter()
        .any(|start| piece.starts_with(start))
}

/// Makes an archive of which a piece is this.
fn archive(piece: &str) -> Vec<u8> {
    if piece.starts_with(STORED) {
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
        // A time is the one that every file has.
        let entry = |token: &str| match (token.strip_suffix('/'), token.split_once('=')) {
            (Some(_), _) => format!("0755 {token}"),
            (None, Some((path, content))) => format!("0644 {path} \"{content}\\n\""),
            (None, None) => {
                let path = token.split('@').next().unwrap();
                format!("0644 {path} \"{path}\"")
            }
        };
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
        let pairs = archive.annotations(0).manifest.unwrap().into_iter();
        let object: Value = pairs
            .map(|(key, value)| (key, Value::from(value)))
            .collect();
        return format!("{ANNOTATIONS}{object}");
    }
    if like.starts_with(TAGS) {
        let tags: Value = image.tags().iter().map(ToString::to_string).collect();
        return format!("{TAGS}{tags}");
    }
    let stored = |layer: &ocipatch::archive::Layer| {
        let mut data = Vec::new();
        let blob = archive.source().blob(layer.entry()).unwrap();
        blob.reader().read_to_end(&mut data).unwrap();
        data
    };
    if like.starts_with(STORED) {
        let compression = Compression::detect(&stored(&image.layers()[0]));
        let name = compression.name();
        return format!("{STORED}\"application/vnd.oci.image.layer.v1.tar+{name}\"");
    }
    let layer = |layer: &ocipatch::archive::Layer| {
        let data = stored(layer);
        let mut tar = tar::Archive::new(data.as_slice());
        let entries = tar.entries().unwrap();
        let shown: Vec<String> = entries.map(|entry| shown(entry.unwrap(), like)).collect();
        format!("[{}]", shown.join(" "))
    };
    let layers: Vec<String> = image.layers().iter().map(layer).collect();
    format!("{LAYERS}{}", layers.join(" "))
}

/// An entry of a layer: its path, and whatever is not usual; content and time where `like` has them.
fn shown(mut entry: tar::Entry<'_, &[u8]>, like: &str) -> String {
    let mut shown = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
    let header = entry.header().clone();
    let is_directory = header.entry_type().is_dir();
    let mode = header.mode().unwrap() & 0o7777;
    let is_whiteout = shown.contains(".wh.");
    if !is_whiteout && mode != if is_directory { 0o755 } else { 0o644 } {
        write!(shown, "({mode:04o})").unwrap();
    }
    let owner = (header.uid().unwrap(), header.gid().unwrap());
    if owner != (0, 0) {
        write!(shown, "({}:{})", owner.0, owner.1).unwrap();
    }
    if like.contains('=') && !is_directory {
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        write!(shown, "={}", content.trim_end()).unwrap();
    }
    if like.contains('@') {
        let seconds = i64::try_from(header.mtime().unwrap()).unwrap();
        let time = Timestamp::from_unix_seconds(seconds).unwrap();
        write!(shown, "@{time}").unwrap();
    }
    shown
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
        let image = archive(before);
        assert_eq!(describe(&image, before), before, "{name}");
        std::fs::write(path("app.tar"), image).unwrap();
        // The bases that one of them names: each the lowest layer of its side.
        for (name, piece) in [("old.tar", before), ("new.tar", after)] {
            if let Some((base, _)) = piece.split_once("] [") {
                std::fs::write(path(name), archive(&format!("{base}]"))).unwrap();
            }
        }
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
    assert!(n_examples >= 17);
}
