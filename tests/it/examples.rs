//! The examples in the documentation of operations, where they are about more than the configuration: they are run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::io::Read;

use ocipatch::archive::Archive;
use ocipatch::operation::definitions;
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
/// The certificate that the example of `add-ca-certificate` names.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
    MIIBbzCCASGgAwIBAgIUdb7ZzzF7G6M6oMOoWhBNewf8U0swBQYDK2VwMCwxEDAO\n\
    BgNVBAoMB0V4YW1wbGUxGDAWBgNVBAMMD0V4YW1wbGUgUm9vdCBDQTAgFw0yNjEx\n\
    MjYwNDQ1NTlaGA8yMTI2MTEwMjA0NDU1OVowLDEQMA4GA1UECgwHRXhhbXBsZTEY\n\
    MBYGA1UEAwwPRXhhbXBsZSBSb290IENBMCowBQYDK2VwAyEAxXkXMRtvFh+hao2y\n\
    1yFvG7aMLNA/NxbT8jRDk6ITpKajUzBRMB0GA1UdDgQWBBT1Q3j87L72HAE4IOTr\n\
    8cxEtTNR3TAfBgNVHSMEGDAWgBT1Q3j87L72HAE4IOTr8cxEtTNR3TAPBgNVHRMB\n\
    Af8EBTADAQH/MAUGAytlcANBAODiTfWimNY1bcCxCi3UvMkfxrw7i0KG/+v4m46Y\n\
    10LmQUv7k2s9Jo0aVIcB+ZaEhQvLln2EaAPf0QBfxr+mhAg=\n\
    -----END CERTIFICATE-----\n";

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
        write_files(
            home.path(),
            &[("fix.yaml", &patch), ("ca.pem", CERTIFICATE)],
        );
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

/// Makes an archive of which a piece is this, where it is one of the configuration.
fn configured(piece: &str) -> Vec<u8> {
    let piece: Value = serde_json::from_str(&format!("{{{piece}}}")).unwrap();
    let members = piece.as_object().unwrap().iter();
    // What stands at the root cannot be there before.
    let inner = members.filter(|(key, _)| key.as_bytes()[0].is_ascii_uppercase());
    let lines = inner.map(|(key, value)| format!("config: {key}={value}\n"));
    hybrid_archive(&format!(
        "tags: app:1\n{}layer: 0755 etc/\n",
        lines.collect::<String>()
    ))
}

#[test]
fn a_difference_is_said_with_every_operation_that_does_not_say_why_not() {
    let layers = ["add-layer", "remove-layer", "replace-layer"];
    let mut n_said = 0;
    for (definition, operation) in definitions().iter().zip(documented()) {
        let [argument, before, _] = operation.parts();
        let home = tempfile::tempdir().unwrap();
        let name = definition.name;
        let patch = format!("apiVersion: ocipatch/v1\noperations:\n- {name}: {argument}\n");
        write_files(
            home.path(),
            &[("fix.yaml", &patch), ("ca.pem", CERTIFICATE)],
        );
        let path = |name: &str| home.path().join(name);
        for (name, base) in BASES {
            std::fs::write(path(name), archive(base)).unwrap();
        }
        let image = if is_of_archive(before) {
            archive(before)
        } else {
            configured(before)
        };
        std::fs::write(path("app.tar"), image).unwrap();
        let (fix, app, out) = (path("fix.yaml"), path("app.tar"), path("out.tar"));
        let [fix, app, out] = [&fix, &app, &out].map(|path| path.as_os_str());
        ok([
            "apply".as_ref(),
            "-q".as_ref(),
            fix,
            app,
            "-o".as_ref(),
            out,
        ]);
        let (turn, layers_at) = (path("turn.yaml"), path("layers"));
        ok([
            "diff".as_ref(),
            "--as-patch".as_ref(),
            "--partial".as_ref(),
            "--layers".as_ref(),
            layers_at.as_os_str(),
            "-o".as_ref(),
            turn.as_os_str(),
            app,
            out,
        ]);
        let said = std::fs::read_to_string(&turn).unwrap();
        let is_said = |name: &&str| said.contains(&format!("- {name}:"));
        // One layer for another may be said as two operations.
        let names = if layers.contains(&name) {
            &layers[..]
        } else {
            &[name][..]
        };
        let is_written = names.iter().any(is_said);
        let reason = definition.never_written();
        assert_eq!(is_written, reason.is_none(), "{name}: {reason:?}\n{said}");
        n_said += usize::from(is_written);
    }
    assert!(n_said > 20);
}
