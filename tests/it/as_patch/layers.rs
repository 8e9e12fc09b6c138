//! `diff --as-patch --layers`: the layers lie beside the patch, which takes them as they are.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use ocipatch::digest::Digest;
use proptest::prelude::*;

use super::{Home, as_patch};
use crate::binary::{command, fails, listing, ok, run, write_files};
use crate::cases::hybrid_archive;
use crate::edit::{Archive, Entry, fixture};

const HEAD: &str = "apiVersion: ocipatch/v1\noperations:\n";

fn diff_ids(archive: &Path) -> Vec<String> {
    let report = ok([
        "inspect".as_ref(),
        "--format=json".as_ref(),
        archive.as_os_str(),
    ]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let images = report["images"].as_array().unwrap().iter();
    let layers = images.flat_map(|image| image["layers"].as_array().unwrap());
    layers
        .map(|layer| layer["diffId"].as_str().unwrap().to_owned())
        .collect()
}

/// Turns `old` into `new` by a patch with layers; returns the patch.
#[track_caller]
fn turn(home: &Home, old: &Path, new: &Path) -> String {
    let patch = home.path("turn.yaml");
    let arguments = [
        "diff".as_ref(),
        "--as-patch".as_ref(),
        "--layers".as_ref(),
        home.path("layers").as_os_str(),
        "-o".as_ref(),
        patch.as_os_str(),
        old.as_os_str(),
        new.as_os_str(),
    ]
    .map(std::ffi::OsStr::to_owned);
    assert_eq!(ok(arguments), "");
    let out = home.apply(&patch, old, "turned.tar");
    assert_eq!(diff_ids(&out), diff_ids(new));
    fs::read_to_string(patch).unwrap()
}

/// Whatever lies in `layers` is what its name says.
fn assert_named(home: &Home) {
    for item in fs::read_dir(home.path("layers")).unwrap() {
        let path = item.unwrap().path();
        let hex = Digest::of(&fs::read(&path).unwrap()).hex();
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), &hex[..12]);
    }
}

#[test]
fn layers_come_and_go_there_and_back() {
    let home = Home::new();
    write_files(
        home.0.path(),
        &[("rootfs/new", "new\n"), ("rootfs/etc/greeting", "x\n")],
    );
    let operations = "- set-label: { a: b }\n- remove-layer: 2\n- add-layer: { from: rootfs, created-by: \"a $${b}\" }\n";
    for name in [
        "docker20.tar",
        "docker26.tar",
        "podman-oci.tar",
        "buildx-docker.tar",
    ] {
        let old = fixture(name);
        let new = home.patched(name, &format!("{HEAD}{operations}"));
        let text = turn(&home, &old, &new);
        assert!(
            text.contains("      as-is: true\n      created-by: \"a $${b}\"\n"),
            "{text}"
        );
        // Another archive of the same patch is another image in no way.
        let rest = ok([
            "diff".as_ref(),
            "--files".as_ref(),
            home.path("turned.tar").as_os_str(),
            new.as_os_str(),
        ]);
        assert!(
            !rest.contains("  layers") && !rest.contains("  files") && !rest.contains("  config"),
            "{rest}"
        );
        turn(&home, &new, &old);
        assert_named(&home);
    }
}

#[test]
fn a_layer_below_others_gets_its_number() {
    let home = Home::new();
    let images = [
        "tags: app:1\nlayer: 0755 a/\nlayer: 0755 b/\nlayer: 0755 top/\nlayer: 0755 b/\n",
        "tags: app:1\nlayer: 0755 a/\nlayer: 0755 c/\nlayer: 0755 d/\nlayer: 0755 top/\nlayer: 0755 b/\n",
    ];
    let [old, new] = [("old.tar", images[0]), ("new.tar", images[1])].map(|(name, image)| {
        fs::write(home.path(name), hybrid_archive(image)).unwrap();
        home.path(name)
    });
    let text = turn(&home, &old, &new);
    // The same layer stands twice, so its diff id does not name it.
    let operations = text.split_once("operations:\n").unwrap().1;
    let lines: Vec<&str> = operations
        .lines()
        .filter(|line| !line.contains("from:"))
        .collect();
    assert_eq!(
        lines,
        [
            "  - remove-layer: 2",
            "  - add-layer:",
            "      as-is: true",
            "      at: 2",
            "      created-by: COPY layer1 /",
            "  - add-layer:",
            "      as-is: true",
            "      at: 3",
            "      created-by: COPY layer2 /",
        ]
    );
    turn(&home, &new, &old);
}

#[test]
fn what_lies_above_finds_its_files_at_every_moment() {
    let home = Home::new();
    // The upper layer has a hard link into the one that is exchanged.
    let image = |content: &str| {
        format!(
            "tags: app:1\nconfig: Labels={{\"a\":\"{content}\",\"b\":\"0\"}}\nlayer: 0755 a/\nlayer: 0644 file \"{content}\"\nlayer: 0644 link => file\n"
        )
    };
    for (name, content) in [("old.tar", "1"), ("new.tar", "2")] {
        fs::write(home.path(name), hybrid_archive(&image(content))).unwrap();
    }
    let text = turn(&home, &home.path("old.tar"), &home.path("new.tar"));
    assert!(
        text.find("add-layer").unwrap() < text.find("remove-layer").unwrap(),
        "{text}"
    );
    // Whatever the order of the layers is, other things change one by one.
    assert!(
        text.contains("\n  - set-label:\n      a: \"2\"\n  - add-layer:"),
        "{text}"
    );
}

/// The upper layer needs a file of the one that goes, and what comes needs a file that the one that goes removes.
#[test]
fn a_layer_takes_the_place_of_another_where_neither_may_come_or_go_first() {
    let home = Home::new();
    let image = |layer: &str| {
        format!(
            "tags: app:1\nlayer: 0644 x \"x\"\nlayer: 0644 file \"f\"; {layer}\nlayer: 0644 link => file\n"
        )
    };
    for (name, layer) in [
        ("old.tar", "0644 .wh.x \"\""),
        ("new.tar", "0644 other => x"),
    ] {
        fs::write(home.path(name), hybrid_archive(&image(layer))).unwrap();
    }
    let text = turn(&home, &home.path("old.tar"), &home.path("new.tar"));
    assert!(text.contains("  - replace-layer:\n"), "{text}");
    assert!(
        !text.contains("add-layer") && !text.contains("remove-layer"),
        "{text}"
    );
}

#[test]
fn platforms_get_layers_of_their_own() {
    let home = Home::new();
    let patch = "apiVersion: ocipatch/v1\nattestations: drop\ntarget: { platforms: [linux/arm64] }\noperations:\n- add-layer: { files: [{ path: /a, content: b }] }\n";
    let new = home.patched("buildx-oci-multi.tar", patch);
    let text = turn(&home, &fixture("buildx-oci-multi.tar"), &new);
    assert!(text.contains("platforms: [linux/arm64]"), "{text}");
    assert_eq!(text.matches("add-layer").count(), 1, "{text}");
}

#[test]
fn without_a_patch_there_are_no_layers() {
    let home = Home::new();
    let (old, nasty) = (fixture("docker20.tar"), fixture("docker20-nasty.tar"));
    let layers = home.path("layers");
    let diff = |layers: &Path, new: &Path| {
        ["diff", "--as-patch", "--layers"]
            .map(PathBuf::from)
            .into_iter()
            .chain([
                layers.to_owned(),
                "-o".into(),
                home.path("turn.yaml"),
                old.clone(),
                new.to_owned(),
            ])
    };
    fails(1, diff(&layers, &nasty));
    // A damaged layer is found when it is copied.
    let patched = home.patched(
        "docker20.tar",
        &format!("{HEAD}- add-layer: {{ files: [{{ path: /a, content: b }}] }}\n"),
    );
    let mut damaged = Archive::read(&fs::read(&patched).unwrap());
    let is_new = |entry: &&mut Entry| entry.data.starts_with(b"a\0");
    let layer = damaged.entries.iter_mut().find(is_new).unwrap();
    layer.data[512] = b'z';
    fs::write(home.path("damaged.tar"), damaged.to_bytes()).unwrap();
    let before = listing(home.0.path());
    let told = fails(3, diff(&layers, &home.path("damaged.tar")));
    assert!(told.contains("diff id"), "{told}");
    assert_eq!(listing(home.0.path()), before);
    for outside in ["../layers", "/tmp"] {
        let told = fails(2, diff(&home.path(outside), &patched));
        assert!(
            told.contains("is outside the directory of the patch"),
            "{told}"
        );
    }
    // Where nothing is needed, nothing is made.
    as_patch(&old, &fixture("docker26.tar"), &["--layers", "never"]);
    assert!(!Path::new("never").exists());
}

#[test]
fn a_patch_on_standard_output_lies_where_it_is_made() {
    let home = Home::new();
    let new = home.patched(
        "docker20.tar",
        &format!("{HEAD}- add-layer: {{ files: [{{ path: /a, content: b }}] }}\n"),
    );
    let mut diff = command();
    diff.current_dir(home.0.path())
        .args(["diff", "--as-patch", "--layers=deep/layers"]);
    let output = diff
        .args([&fixture("docker20.tar"), &new])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    fs::write(home.path("turn.yaml"), &output.stdout).unwrap();
    let out = home.apply(&home.path("turn.yaml"), &fixture("docker20.tar"), "out.tar");
    assert_eq!(diff_ids(&out), diff_ids(&new));
}

/// Layers that hide, replace and link each other's files.
const POOL: [&str; 7] = [
    "0755 etc/; 0644 etc/a \"1\"",
    "0644 etc/a \"2\"; 0644 etc/b \"b\"",
    "0644 etc/.wh.a \"\"",
    "0644 etc/c \"c\"",
    "0644 etc/l => etc/a",
    "0755 etc/b/; 0644 etc/b/x \"x\"",
    "0755 etc/; 0644 etc/.wh..wh..opq \"\"; 0644 etc/d \"d\"",
];

fn stack() -> impl Strategy<Value = String> {
    let layers = prop::collection::vec(prop::sample::select(&POOL[..]), 1..6);
    layers.prop_map(|layers| {
        let lines: Vec<String> = layers
            .iter()
            .map(|layer| format!("layer: {layer}\n"))
            .collect();
        format!("tags: app:1\n{}", lines.concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::random::cases(20)))]

    #[test]
    fn any_stack_becomes_any_other(old in stack(), new in stack()) {
        prop_assume!(old != new);
        let home = Home::new();
        for (name, image) in [("old.tar", &old), ("new.tar", &new)] {
            fs::write(home.path(name), hybrid_archive(image)).unwrap();
            let inspected = run(["inspect".as_ref(), "--files".as_ref(), home.path(name).as_os_str()]);
            // A link into nothing is no image.
            prop_assume!(inspected.status.success());
        }
        let (old, new) = (home.path("old.tar"), home.path("new.tar"));
        let arguments = ["diff", "--as-patch", "-o"].map(PathBuf::from);
        let more = [home.path("turn.yaml"), "--layers".into(), home.path("layers"), old.clone(), new.clone()];
        let output = run(arguments.into_iter().chain(more));
        if !output.status.success() {
            // One by one some cannot come, where hard links lead into others.
            let told = String::from_utf8(output.stderr).unwrap();
            prop_assert!(told.contains("hard link"), "{}", told);
            prop_assert!(!home.path("turn.yaml").exists() && !home.path("layers").exists());
            return Ok(());
        }
        let out = home.apply(&home.path("turn.yaml"), &old, "turned.tar");
        prop_assert_eq!(diff_ids(&out), diff_ids(&new));
    }
}
