//! `rebase` is held against a real Docker that builds the same image on the other base.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::binary::{self, write_files};
use crate::cases::hybrid_archive;
use crate::edit::Archive;
use crate::engine::Docker;

fn build(docker: &Docker, context: &Path, dockerfile: &str, tag: &str) {
    fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    let mut build = docker.command(&["build", "--quiet", "--network", "none", "--tag", tag]);
    build.arg(context).env("DOCKER_BUILDKIT", "0");
    let output = build.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{dockerfile}: {stderr}");
}

/// Builds two bases, an app on each, and saves all but the one that is wanted.
fn build_all(docker: &Docker, home: &Path) {
    let files = [
        ("context/one", "first\n"),
        ("context/two", "second\n"),
        ("context/app", "the program\n"),
        ("context/settings", "of the app\n"),
    ];
    write_files(home, &files);
    let context = home.join("context");
    let base_1 = "FROM scratch\nCOPY one /etc/base/lib\nCOPY one /etc/base/old\n";
    let base_2 = "FROM scratch\nCOPY two /etc/base/lib\nCOPY two /usr/new\nCOPY one /usr/more\n";
    let upon = "COPY app /opt/app\nLABEL stage=app\nCOPY settings /etc/base/settings\nCMD [\"/opt/app\"]\n";
    build(docker, &context, base_1, "base:1");
    build(docker, &context, base_2, "base:2");
    build(docker, &context, &format!("FROM base:1\n{upon}"), "app:1");
    build(
        docker,
        &context,
        &format!("FROM base:2\n{upon}"),
        "wanted:1",
    );
    for name in ["base:1", "base:2", "app:1"] {
        docker.save(
            &[name],
            &home.join(format!("{}.tar", name.replace(':', "-"))),
        );
    }
}

#[test]
fn a_rebased_image_is_the_one_that_a_build_on_the_other_base_makes() {
    let Some(docker) = Docker::v20() else { return };
    docker.reset();
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    build_all(&docker, home);
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - rebase: { from: base-1.tar, onto: base-2.tar }\n  - retag: ['rebased:1']\n";
    fs::write(home.join("fix.yaml"), patch).unwrap();
    let path = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let apply = [
        "apply",
        "--quiet",
        &path("fix.yaml"),
        &path("app-1.tar"),
        "-o",
        &path("out.tar"),
    ];
    binary::ok(apply);
    binary::ok(["verify", &path("out.tar")]);

    docker.load(&home.join("out.tar"));
    assert_eq!(
        docker.export_tree("rebased:1"),
        docker.export_tree("wanted:1")
    );
    let (rebased, wanted) = (docker.inspect("rebased:1"), docker.inspect("wanted:1"));
    // The first layers are those of the base, so that whoever has it need not fetch them.
    let base = docker.inspect("base:2");
    let layers = |image: &Value| image["RootFS"]["Layers"].as_array().unwrap().clone();
    assert_eq!(layers(&rebased)[..3], layers(&base)[..]);
    assert_eq!(layers(&rebased).len(), layers(&wanted).len());
    for key in ["Labels", "Cmd", "Env", "Entrypoint"] {
        assert_eq!(rebased["Config"][key], wanted["Config"][key], "{key}");
    }
    let history = |name| {
        let text = docker.ok(&[
            "history",
            "--no-trunc",
            "--format",
            "{{.CreatedBy}} {{.Size}}",
            name,
        ]);
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (told, mut expected) = (history("rebased:1"), history("wanted:1"));
    // The newest comes first: what ocipatch did.
    assert!(told[0].starts_with("ocipatch apply fix.yaml"), "{told:?}");
    expected.insert(0, told[0].clone());
    assert_eq!(told, expected);

    // It is done, and a second time is none.
    let again = [
        "apply",
        "--quiet",
        &path("fix.yaml"),
        &path("out.tar"),
        "-o",
        &path("again.tar"),
    ];
    binary::ok(again);
    assert!(fs::read(home.join("again.tar")).unwrap() == fs::read(home.join("out.tar")).unwrap());
    // The other image was never built on that base.
    let other = [
        "apply",
        &path("fix.yaml"),
        &path("base-2.tar"),
        "-o",
        &path("other.tar"),
    ];
    binary::ok(other);
    let back =
        "apiVersion: ocipatch/v1\noperations:\n  - rebase: { from: app-1.tar, onto: base-1.tar }\n";
    fs::write(home.join("back.yaml"), back).unwrap();
    let refused = binary::fails(
        1,
        [
            "apply",
            &path("back.yaml"),
            &path("out.tar"),
            "-o",
            &path("no.tar"),
        ],
    );
    assert!(
        refused.contains("the layers of `rebased:1` do not start with those of its base"),
        "{refused}"
    );
    assert!(!home.join("no.tar").exists());
}

/// An image with a file of its own above the layers of its base.
const APP: &str = "tags: app:1\nlayer: 0644 base \"1\"\nlayer: 0644 app \"1\"\n";
const BASES: [(&str, &str); 4] = [
    ("one.tar", "tags: base:1\nlayer: 0644 base \"1\"\n"),
    (
        "two.tar",
        "tags: base:2\nlayer: 0644 base \"2\"\nlayer: 0644 more \"2\"\n",
    ),
    (
        "three.tar",
        "tags: base:3\nlayer: 0644 base \"3\"\nlayer: 0644 more \"3\"\nlayer: 0644 most \"3\"\n",
    ),
    (
        "untold.tar",
        "tags: base:2\nhistory: absent\nlayer: 0644 base \"2\"\nlayer: 0644 more \"2\"\n",
    ),
];

/// Operations of the patches.
const ADD: &str = "add-layer: { files: [{ path: /added, content: x }] }";
const MODE: &str = "set-mode: { set: { /app: \"0600\" }, in: layer }";
const TWO: &str = "rebase: { from: one.tar, onto: two.tar }";
const THREE: &str = "rebase: { from: one.tar, onto: three.tar }";

const UNTOLD: &str = "rebase: { from: one.tar, onto: untold.tar }";

/// Tells how many layers the history of an image tells of.
fn n_told(archive: &Path) -> usize {
    let mut archive = Archive::read(&fs::read(archive).unwrap());
    let manifest: Value = serde_json::from_slice(&archive.entry("manifest.json").data).unwrap();
    let config = archive.entry(manifest[0]["Config"].as_str().unwrap());
    let config: Value = serde_json::from_slice(&config.data).unwrap();
    let history = config["history"].as_array().unwrap().iter();
    history.filter(|entry| entry["empty_layer"] != true).count()
}

/// The names of the layers of an image: the file in each, and what is in it.
fn layers(archive: &Path) -> Vec<String> {
    let mut archive = Archive::read(&fs::read(archive).unwrap());
    let manifest: Value = serde_json::from_slice(&archive.entry("manifest.json").data).unwrap();
    let paths = manifest[0]["Layers"].as_array().unwrap().clone();
    let mut told = Vec::new();
    for path in paths {
        let layer = archive.entry(path.as_str().unwrap()).data.clone();
        for file in Archive::read(&layer).entries {
            told.push(format!("{} {}", file.name, file.data.escape_ascii()));
        }
    }
    told
}

/// What other operations have made before stays where it is, and the bases come below it.
#[test]
fn a_base_comes_below_layers_that_the_patch_has_made_before() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    fs::write(path("app.tar"), hybrid_archive(APP)).unwrap();
    for (name, image) in BASES {
        fs::write(path(name), hybrid_archive(image)).unwrap();
    }
    let two = ["base 2", "more 2", "app 1"];
    let three = ["base 3", "more 3", "most 3", "app 1"];
    for (operations, wanted, added) in [
        (&[TWO][..], &two[..], &[][..]),
        (&[ADD, TWO], &two, &["added x"]),
        (&[MODE, TWO], &two, &[]),
        (&[ADD, MODE, TWO], &two, &["added x"]),
        (&[ADD, MODE, THREE], &three, &["added x"]),
        (&[MODE, THREE, ADD], &three, &["added x"]),
        // Layers that the new base tells nothing of are told of as made by the patch.
        (&[UNTOLD], &two, &[]),
        (&[ADD, UNTOLD], &two, &["added x"]),
    ] {
        let lines: Vec<String> = operations.iter().map(|it| format!("  - {it}\n")).collect();
        let patch = format!("apiVersion: ocipatch/v1\noperations:\n{}", lines.concat());
        write_files(home.path(), &[("fix.yaml", &patch)]);
        let (fix, app, out) = (path("fix.yaml"), path("app.tar"), path("out.tar"));
        binary::ok([Path::new("apply"), &fix, &app, Path::new("-o"), &out]);
        binary::ok([Path::new("verify"), &out]);
        assert_eq!(layers(&out), [wanted, added].concat(), "{operations:?}");
        assert_eq!(n_told(&out), wanted.len() + added.len(), "{operations:?}");
    }
}

/// Layers are copied or compressed as they are, and what their image says of them is checked on the way.
#[test]
fn a_base_whose_layer_has_another_diff_id_is_not_taken() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name);
    fs::write(path("app.tar"), hybrid_archive(APP)).unwrap();
    fs::write(path("one.tar"), hybrid_archive(BASES[0].1)).unwrap();
    let patch = format!("apiVersion: ocipatch/v1\noperations:\n  - {TWO}\n");
    write_files(home.path(), &[("fix.yaml", &patch)]);
    for fixture in ["docker20.tar", "crane.tar"] {
        let mut base = Archive::fixture(fixture);
        let manifest: Value = serde_json::from_slice(&base.entry("manifest.json").data).unwrap();
        let config = manifest[0]["Config"].as_str().unwrap().to_owned();
        let document: Value = serde_json::from_slice(&base.entry(&config).data).unwrap();
        let layer = manifest[0]["Layers"][0].as_str().unwrap();
        let right = document["rootfs"]["diff_ids"][0].as_str().unwrap();
        let wrong = format!("sha256:{}", "0".repeat(64));
        fs::write(path("two.tar"), base.to_bytes()).unwrap();
        let (fix, app, out) = (path("fix.yaml"), path("app.tar"), path("out.tar"));
        let arguments = [Path::new("apply"), &fix, &app, Path::new("-o"), &out];
        binary::ok(arguments);
        fs::remove_file(&out).unwrap();
        base.replace(&config, right, &wrong);
        base.repair();
        fs::write(path("two.tar"), base.to_bytes()).unwrap();
        let told = binary::fails(3, arguments);
        for part in [layer, right, &wrong] {
            assert!(told.contains(part), "{fixture}: `{part}` in {told}");
        }
        assert!(!out.exists());
    }
}
