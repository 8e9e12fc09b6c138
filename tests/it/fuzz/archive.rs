//! A whole archive: read, planned, patched, and verified before and after.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use ocipatch::apply::{Prepared, prepare_as};
use ocipatch::archive::{Archive, Conversion, Destination, Form, Source, publish};
use ocipatch::error::Error;
use ocipatch::gather::{Base, Conditions, NotPlanned, Patches, gather, read_trees};
use ocipatch::operation::definitions;
use ocipatch::patch::PatchFile;
use ocipatch::verify::{Report, Severity, verify};
use tempfile::TempDir;

use super::choices::Choices;
use super::model::Model;
use super::mutate::mutate;
use super::patch::check_report;
use super::{assert_clean, fixture};

/// Real archives, taken to pieces.
static SEEDS: LazyLock<Vec<Model>> = LazyLock::new(|| {
    let names = [
        "docker26.tar",
        "docker20.tar",
        "skopeo-oci.tar",
        "docker26-containerd.tar",
        "podman-docker.tar",
        "crane.tar",
        "docker26-two-images.tar",
        "buildx-oci-multi.tar",
        "docker20-nasty.tar",
    ];
    names
        .iter()
        .map(|name| Model::read(&fixture(name)))
        .collect()
});
/// How many archives were patched: a target that is always refused finds nothing.
pub(super) static N_PATCHED: AtomicU32 = AtomicU32::new(0);
/// A directory that patches take files from, which is there for the whole run.
static SOURCES: LazyLock<TempDir> = LazyLock::new(|| {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("rootfs/etc")).unwrap();
    std::fs::write(home.path().join("rootfs/etc/greeting"), "hello\n").unwrap();
    std::fs::write(home.path().join("base.tar"), fixture("docker26.tar")).unwrap();
    home
});
const HEADS: &[&str] = &[
    "",
    "target: {images: ['*']}\n",
    "target: {images: ['*']}\nattestations: drop\n",
    "target: {images: ['*']}\nattestations: keep\n",
    "target: {trust: index.json, images: ['*']}\n",
    "target: {trust: manifest.json, images: ['*']}\n",
    "history: none\ntarget: {images: ['*']}\n",
    "history: per-operation\nprovenance: annotate\ntarget: {images: ['*']}\nattestations: drop\n",
    "target: {images: [greeter]}\n",
    "target: {platforms: [linux/amd64]}\n",
];
/// The samples of every operation, and more: such as have something to do in most archives and are no problem in the others.
pub(super) static OPERATIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut lines: Vec<String> = MORE.iter().map(|&line| line.to_owned()).collect();
    for definition in definitions().iter().filter(|it| it.name != "rebase") {
        let samples = definition.samples.iter();
        lines.extend(samples.map(|sample| format!("{}: {sample}", definition.name)));
    }
    lines
});
const MORE: &[&str] = &[
    "set-label: {a: b, mylabel: modifiedvalue}",
    "unset-label: {match: ['*'], if-missing: ignore}",
    "set-env: {A: b, PATH: /x}",
    "unset-env: {match: [P*], if-missing: ignore}",
    "prepend-env: {PATH: {value: /opt/bin, if-missing: ignore}}",
    "append-env: {PATH: {value: /opt/bin, if-missing: ignore}}",
    "add-port: [80]",
    "remove-port: {match: ['*'], if-missing: ignore}",
    "add-volume: [/data]",
    "remove-volume: {match: ['*'], if-missing: ignore}",
    "set-healthcheck: {test: [NONE]}",
    "add-onbuild: [RUN x]",
    "unset: {match: [cmd, healthcheck, onbuild, labels, env, user, author, comment], if-missing: ignore}",
    "set-platform: {variant: v8}",
    "set-annotation: {k: v}",
    "set-annotation: {on: descriptor, set: {k: v}}",
    "set-annotation: {on: index, set: {k: v}}",
    "unset-annotation: {match: ['*'], if-missing: ignore}",
    "add-layer: {from: rootfs}",
    "add-layer: {files: [{path: /bin/x/y, content: x}, {path: /etc/l, symlink: ../x}]}",
    "add-layer: {files: [{path: /srv/new/a, content: x}], at: 1}",
    "add-layer: {files: [{path: /loop/a, content: x}], symlinks: replace, compression: zstd}",
    "remove-layer: {layer: 1, if-missing: ignore}",
    "remove-layer: {layer: 2, if-missing: ignore}",
    "replace-layer: {layer: 1, with: {from: rootfs}}",
    "squash: 1-2",
    "squash: all",
    "rebase: {from: base.tar, onto: base.tar}",
    "recompress: none",
    "recompress: gzip",
    "recompress: zstd",
    "rewrite-timestamps: 2020-01-01T00:00:00Z",
    "remove-path: {match: ['/etc/**'], if-missing: ignore}",
    "remove-path: {match: ['/**'], if-missing: ignore}",
    "remove-path: {match: ['/etc/**'], if-missing: ignore, purge: true}",
    "remove-path: {match: ['/bin/*', '/srv'], if-missing: ignore, purge: true}",
    "move-path: {move: {/etc: /moved}, if-missing: ignore}",
    "move-path: {move: {/bin/greet: /srv/greet}, if-missing: ignore}",
    "set-mode: {set: {'/**': go-w}, if-missing: ignore}",
    "set-mode: {set: {'/etc/*': '0600'}, if-missing: ignore, in: layer}",
    "set-owner: {set: {'/**': '5:7'}, if-missing: ignore}",
    "set-owner: {set: {'/etc/*': '5:7'}, if-missing: ignore, in: layer}",
    "patch-file: {path: /etc/greeting, diff: \"@@ -1 +1 @@\\n-hello from the base layer\\n+x\\n\"}",
    "retag: ['app:2', 'app:3']",
    "add-tag: ['app:2']",
    "remove-tag: {match: ['*'], if-missing: ignore}",
];
const CONVERSIONS: &[Option<Form>] = &[
    None,
    None,
    None,
    None,
    Some(Form::DOCKER_ARCHIVE),
    Some(Form::OCI_ARCHIVE),
];

/// Patches an archive that is made of a real one as the bytes say.
pub(crate) fn any_archive(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let mut model = SEEDS[choices.below(SEEDS.len())].clone();
    let patch = some_patch(&mut choices);
    let form = CONVERSIONS[choices.below(CONVERSIONS.len())];
    mutate(&mut model, &mut choices);
    let bytes = model.to_bytes();
    // The last one there is the one that failed.
    if let Some(directory) = std::env::var_os("OCIPATCH_KEEP") {
        let directory = Path::new(&directory);
        std::fs::write(directory.join("found.tar"), &bytes).unwrap();
        std::fs::write(directory.join("found.yaml"), format!("{patch}# {form:?}\n")).unwrap();
    }
    hold(&bytes, &patch, form);
}

/// Patches what may not be an archive at all.
pub(crate) fn any_bytes(bytes: &[u8]) {
    let patch = "apiVersion: ocipatch/v1\ntarget: {images: ['*']}\noperations:\n- set-label: {a: b}\n- add-layer: {from: rootfs}\n";
    hold(bytes, patch, None);
}

fn some_patch(choices: &mut Choices<'_>) -> String {
    let mut patch = format!(
        "apiVersion: ocipatch/v1\n{}operations:\n",
        choices.pick(HEADS)
    );
    for _ in 0..=choices.below(4) {
        let operation = &OPERATIONS[choices.below(OPERATIONS.len())];
        patch.extend(["- ", operation, "\n"]);
    }
    patch
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn open(bytes: &[u8]) -> Result<Source, Error> {
    Source::from_stream(file(bytes), "fuzz.tar".to_owned(), SOURCES.path())
}

fn verified(bytes: &[u8]) -> Result<Report, Error> {
    let report = verify(&open(bytes)?)?;
    assert_clean(&report.to_string());
    Ok(report)
}

/// What the program does with an archive and a patch, and what has to be true of it.
fn hold(bytes: &[u8], patch: &str, form: Option<Form>) {
    let before = verified(bytes);
    if let Err(error) = patched(bytes, patch, form, before.as_ref().ok()) {
        assert_clean(&error.to_string());
    }
}

fn patched(
    bytes: &[u8],
    patch: &str,
    form: Option<Form>,
    before: Option<&Report>,
) -> Result<(), Error> {
    let archive = Archive::open(open(bytes)?)?;
    for image in 0..archive.images().len() {
        if let Err(error) = read_trees(&archive, &[image]) {
            assert_clean(&error.to_string());
        }
    }
    let file = PatchFile::parse("fuzz.yaml", patch.as_bytes())
        .unwrap_or_else(|rejected| panic!("{patch}\n{:#}", rejected.to_json()));
    let base = Base {
        patch_file: None,
        directory: SOURCES.path().to_owned(),
        allow_outside: false,
    };
    let patches = Patches::from((file, base));
    let conditions = Conditions {
        spool: SOURCES.path().to_owned(),
        is_converted: form.is_some(),
        ..Conditions::default()
    };
    let gathered = gather(&patches, &archive, &conditions)?;
    let plan = match gathered.plan() {
        Ok(plan) => plan,
        Err(NotPlanned::Rejected(rejected)) => {
            check_report(&rejected, patch.as_bytes());
            return Ok(());
        }
        Err(NotPlanned::Failed(error)) => return Err(error),
    };
    let conversion = Conversion {
        form,
        platform: None,
    };
    let prepared = prepare_as(
        &plan,
        &archive,
        &gathered.opened,
        SOURCES.path(),
        &conversion,
    )?;
    assert_clean(&prepared.summary.to_string());
    assert_clean(&prepared.summary.to_markdown());
    // From here on nothing depends on the world.
    let output = match written(&prepared) {
        // A form that is read and no longer written; the message says what to do.
        Err(error @ Error::Unconvertible { .. }) => return Err(error),
        output => output.unwrap(),
    };
    if !prepared.summary.changed && form.is_none() {
        assert!(output == bytes, "nothing changes, and the bytes do");
    }
    check_output(&output, &prepared, before, patch, form.is_some());
    N_PATCHED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn written(prepared: &Prepared<'_>) -> Result<Vec<u8>, Error> {
    let mut output = tempfile::tempfile().unwrap();
    let destination = Destination::Stream(output.try_clone().unwrap());
    publish(&prepared.revision.draft, &destination)?;
    output.rewind().unwrap();
    let mut bytes = Vec::new();
    output.read_to_end(&mut bytes).unwrap();
    Ok(bytes)
}

fn broken(report: &Report, is_broken: impl Fn(Severity) -> bool) -> BTreeSet<String> {
    let findings = report.findings.iter();
    let broken = findings.filter(|finding| is_broken(finding.severity));
    broken
        .map(|finding| finding.rule.code().to_owned())
        .collect()
}

/// The output is what the plan says, and breaks no rule that the input keeps.
fn check_output(
    output: &[u8],
    prepared: &Prepared<'_>,
    before: Option<&Report>,
    patch: &str,
    is_converted: bool,
) {
    let archive = Archive::open(open(output).unwrap());
    let archive = archive.unwrap_or_else(|error| panic!("{error}\n{patch}\nbefore: {before:?}"));
    let found: BTreeSet<String> = archive
        .images()
        .iter()
        .map(|image| image.image_id().to_string())
        .collect();
    let summary = prepared.summary.images.iter();
    let said: BTreeSet<String> = summary.map(|image| image.image_id.to_string()).collect();
    assert_eq!(found, said, "{patch}");
    let Some(before) = before else { return };
    // A document that cannot be read hides what else is wrong.
    if broken(before, |severity| severity == Severity::Error).contains("bad-json") {
        return;
    }
    let after = verified(output).unwrap();
    let is_error = |severity| severity == Severity::Error;
    // What one form only warns of is an error in another.
    let mut excused = broken(before, |severity| is_converted || is_error(severity));
    // A plain layer becomes a blob by the diff id that the configuration states; `--verify` is for those who doubt it.
    if is_converted && excused.contains("diff-id") {
        excused.insert("blob-digest".to_owned());
    }
    let new = broken(&after, is_error);
    let new: Vec<&String> = new.difference(&excused).collect();
    assert!(
        new.is_empty(),
        "{new:?}\n{patch}\nbefore: {before}\nafter: {after}"
    );
}
