//! The table: every form, every operation of the language. Each cell is made once, whoever asks first.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use ocipatch::patch::Operation;
use serde_json::Value;
use tempfile::TempDir;

use super::cell::Cell;
use crate::binary::{ok, write_files};
use crate::edit::Archive;
use crate::engine::{Release, fixture};
use crate::forms;
use crate::operations::{FieldSample, field_samples, other_samples};

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
    ("podman, extracted", directory_form("podman-docker.tar", Has::Manifest)),
    ("podman, oci", fixture_form("podman-oci.tar", Has::Names)),
    ("skopeo", fixture_form("skopeo-oci.tar", Has::Names)),
    ("skopeo, extracted", directory_form("skopeo-oci.tar", Has::Names)),
    ("zstd", made_form(forms::zstd_layout, Has::Names)),
    ("crane", fixture_form("crane.tar", Has::Manifest)),
    ("kaniko", made_form(forms::kaniko, Has::Manifest)),
    ("rules_oci", made_form(forms::rules_oci, Has::Manifest)),
    ("rules_oci, layout", made_form(forms::rules_oci_layout, Has::Names)),
    ("rules_docker", made_form(forms::rules_docker, Has::Manifest)),
    ("ggcr, legacy", made_form(forms::ggcr_legacy, Has::Manifest)),
    ("nix", made_form(forms::nix, Has::Manifest)),
    ("nix, built", made_form(forms::nix_built, Has::Manifest)),
    ("unrecognized", made_form(forms::unrecognized, Has::Manifest)),
];

pub(super) const TAGS: [&str; 2] = ["app:2", "registry.example.com:5000/team/app:stable"];
/// Operations of the language, in patches of which consumers have to see all.
#[rustfmt::skip]
pub(crate) const OPERATIONS: &[(&str, &[&str])] = &[
    ("config", &[
        "set-label: {mylabel: modifiedvalue, org.opencontainers.image.version: 1.10}",
        "set-env: {NEW: 'a=b <&>', GREETING_FILE: /etc/greeting}",
        "prepend-env: {PATH: {value: /opt/bin, if-missing: ignore}}",
        "append-env: {PATH: {value: /opt/sbin, if-missing: ignore}}",
        "set-entrypoint: [/bin/greet]",
        "set-cmd: [/etc/greeting, 1.10]",
        "add-port: [9000, 53/udp]",
        "add-volume: [/data]",
        "set-healthcheck: {test: [CMD, /bin/greet], interval: 1m30s, timeout: 2s, start-period: 3s, retries: 4}",
        "add-onbuild: [ENV CHILD=2]",
        "set-platform: {os-version: '1.0'}",
    ]),
    ("names", &[
        "remove-tag: {match: ['*'], if-missing: ignore}",
        "add-tag: ['app:2', 'registry.example.com:5000/team/app:stable']",
    ]),
    ("less", &[
        "set-label: {mylabel: modifiedvalue}",
        "unset-label: {match: [maintainer], if-missing: ignore}",
        "unset-env: {match: [GREETING_FILE], if-missing: ignore}",
        "remove-port: {match: [8080], if-missing: ignore}",
        "remove-volume: {match: [/srv/data], if-missing: ignore}",
        "unset: {match: [healthcheck, onbuild, shell, stop-signal, user, workdir], if-missing: ignore}",
        "remove-layer: 2",
        "remove-path: {match: [/etc/greeting], if-missing: ignore}",
    ]),
    ("layers", &[
        "replace-layer: {layer: 2, with: {files: [{path: /srv/new/replaced, content: r}]}}",
        "add-layer: {files: [{path: /srv/new/a, content: \"one\\n\"}, {path: /srv/new/b/c, content: c}], at: 2}",
        "patch-file: {path: /srv/new/a, in: layer, diff: \"@@ -1 +1 @@\\n-one\\n+two\\n\"}",
        "add-layer: {files: [{path: /srv/new/d, content: \"three\\n\"}]}",
        "set-mode: {'/srv/new/**': go-w, /srv/new/a: '0600'}",
        "set-owner: {/srv/new/d: '5:7'}",
        "move-path: {/srv/new/b: /srv/new/e}",
        "rewrite-timestamps: 2024-01-01T00:00:00Z",
        "squash: 2-3",
        "recompress: none",
    ]),
    ("all", &[
        "set-label: {mylabel: modifiedvalue}",
        "add-layer: {from: rootfs}",
        "add-layer: {files: [{path: /srv/inline, content: inline}]}",
        "retag: ['app:2']",
    ]),
];
/// What only an archive with manifests has.
const ANNOTATIONS: [&str; 2] = [
    "set-annotation: {com.example.note: seen}",
    "unset-annotation: {on: descriptor, match: [org.opencontainers.image.created], if-missing: ignore}",
];

fn written_lines() -> impl Iterator<Item = &'static str> {
    let lines = OPERATIONS.iter().flat_map(|(_, lines)| lines.iter());
    lines.chain(&ANNOTATIONS).copied()
}

/// The operations that set one field and are written nowhere in the table.
pub(super) fn fields() -> Vec<FieldSample> {
    field_samples(written_lines())
}

/// The operations of a patch of the table: what is written there, and samples of what is written nowhere in it.
fn lines(operation: &str, written: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = written.iter().map(|&line| line.to_owned()).collect();
    match operation {
        "config" => {
            lines.extend(fields().into_iter().map(|field| field.line));
        }
        // `rebase` is about other archives too, and has tests of its own.
        "all" => {
            let others = other_samples(written_lines()).into_iter();
            lines.extend(others.filter(|line| !line.starts_with("rebase:")));
        }
        _ => {}
    }
    lines
}

#[test]
fn every_operation_is_in_the_table() {
    let rows = OPERATIONS.iter();
    let lines = rows.flat_map(|(operation, written)| lines(operation, written));
    let lines: Vec<String> = lines.chain(ANNOTATIONS.map(str::to_owned)).collect();
    for name in Operation::names().iter().filter(|name| **name != "rebase") {
        let begins = format!("{name}:");
        let is_there = lines.iter().any(|line| line.starts_with(&begins));
        assert!(is_there, "{name} is missed");
    }
}

/// An archive of a form, patched.
pub(super) struct Built {
    pub(super) has: Has,
    /// As a tar, whatever the input was.
    pub(super) tar: PathBuf,
    /// What `ocipatch inspect` says of the input, and of what it became.
    pub(super) input: Value,
    pub(super) report: Value,
    _directory: TempDir,
}

impl Built {
    fn new(Form { source, has, head }: &Form, operation: &str, lines_written: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let is_annotated = operation == "names" && *has != Has::Manifest;
        let more = ANNOTATIONS.iter().filter(|_| is_annotated);
        let written = lines(operation, lines_written);
        let written = written.iter().map(String::as_str);
        let text = written.chain(more.copied());
        let text = text.fold(String::new(), |text, line| text + "  - " + line + "\n");
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
                let mut tar = tar::Archive::new(bytes.as_slice());
                tar.unpack(place("input")).unwrap();
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
        Self {
            has: *has,
            tar,
            input,
            report,
            _directory: directory,
        }
    }
}

/// What has been made, row by row.
type Cells = Vec<OnceLock<Arc<Built>>>;

/// The cells that the tests that run now share; the last one to end takes them along.
fn shared() -> Arc<Cells> {
    static CELLS: Mutex<Weak<Cells>> = Mutex::new(Weak::new());
    let mut cells = CELLS.lock().unwrap();
    cells.upgrade().unwrap_or_else(|| {
        let n_cells = FORMS.len() * OPERATIONS.len();
        let made = Arc::new((0..n_cells).map(|_| OnceLock::new()).collect());
        *cells = Arc::downgrade(&made);
        made
    })
}

pub(super) const EVERY: &[&str] = &["config", "names", "less", "layers", "all"];
/// What a consumer has to see whose later version sees more: layers, a label and a tag at once.
pub(super) const RICHEST: &[&str] = &["all"];

#[test]
fn every_cell_is_what_its_operation_says() {
    each(EVERY, |_| {});
}

/// Runs `check` on the cells of these operations; makes none where one of these tools is missing.
pub(super) fn each_with(
    release: Release,
    tools: &[&str],
    operations: &[&str],
    check: impl FnMut(&Cell),
) {
    if tools.iter().all(|tool| release.tool(tool).is_some()) {
        each(operations, check);
    }
}

/// Runs `check` on the cells of these operations.
pub(super) fn each(operations: &[&str], mut check: impl FnMut(&Cell)) {
    let shared = shared();
    let mut made = shared.iter();
    for (name, form) in FORMS {
        for (operation, lines) in OPERATIONS {
            let built = made.next().unwrap();
            if !operations.contains(operation) {
                continue;
            }
            println!("{name}: {operation}");
            let built = built.get_or_init(|| Arc::new(Built::new(form, operation, lines)));
            let cell = Cell::new(name, operation, Arc::clone(built));
            cell.check_patched();
            check(&cell);
        }
    }
}
