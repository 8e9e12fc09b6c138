//! What a run leaves for other programs: `--metadata-file`, `--provenance`, `--detailed-exitcode`.

use serde_json::{Value, json};

use crate::binary::{command, ok, write_files};
use crate::engine::fixture;

const LABEL: &str = "apiVersion: ocipatch/v1
attestations: drop
operations:
  - set-label: {mylabel: modifiedvalue}
  - add-tag: [\"app:2\"]
";

/// Applies the patch to a fixture and returns the file that `flag` names, and what `inspect` says of the output.
fn record(flag: &str, name: &str) -> (Value, Value) {
    record_of(LABEL, flag, name)
}

fn record_of(patch: &str, flag: &str, name: &str) -> (Value, Value) {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &[("fix.yaml", patch)]);
    let path = |name: &str| home.path().join(name);
    ok([
        "apply".as_ref(),
        "--quiet".as_ref(),
        flag.as_ref(),
        path("record.json").as_os_str(),
        path("fix.yaml").as_os_str(),
        fixture(name).as_os_str(),
        "-o".as_ref(),
        path("out.tar").as_os_str(),
    ]);
    let out = path("out.tar");
    let report = ok([
        "inspect".as_ref(),
        "--format=json".as_ref(),
        out.as_os_str(),
    ]);
    let record = std::fs::read(path("record.json")).unwrap();
    let parse = |text: &[u8]| serde_json::from_slice(text).unwrap();
    (parse(&record), parse(report.as_bytes()))
}

#[test]
fn the_metadata_is_that_of_buildx() {
    let (record, report) = record("--metadata-file", "docker26.tar");
    let image = &report["images"][0];
    assert_eq!(record["containerimage.config.digest"], image["imageId"]);
    assert_eq!(record["containerimage.digest"], image["manifestDigest"]);
    let descriptor = &record["containerimage.descriptor"];
    assert_eq!(descriptor["digest"], image["manifestDigest"]);
    assert_eq!(
        descriptor["mediaType"],
        "application/vnd.oci.image.manifest.v1+json"
    );
    let names = "docker.io/library/greeter:1,docker.io/library/app:2";
    assert_eq!(record["image.name"], names);
}

#[test]
fn the_metadata_of_several_platforms_is_that_of_their_index() {
    let (record, report) = record("--metadata-file", "buildx-oci-multi.tar");
    assert_eq!(
        record["containerimage.digest"],
        report["images"][0]["indexDigest"]
    );
    assert_eq!(record.get("containerimage.config.digest"), None);
    let (record, _) = self::record("--metadata-file", "docker20.tar");
    assert_eq!(record.get("containerimage.digest"), None);
}

#[test]
fn the_provenance_names_what_was_made_of_what() {
    let (record, report) = record("--provenance", "buildx-oci-multi.tar");
    assert_eq!(record["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(record["predicateType"], "https://slsa.dev/provenance/v1");
    let hex = |digest: &Value| digest.as_str().unwrap().replace("sha256:", "");
    // The index first, which is what a name stands for, and then what it has.
    let index = &report["images"][0]["indexDigest"];
    let subjects = record["subject"].as_array().unwrap();
    assert_eq!(subjects.len(), 3);
    assert_eq!(subjects[0]["digest"]["sha256"], hex(index));
    for i in 0..2 {
        let (subject, image) = (&subjects[i + 1], &report["images"][i]);
        assert_eq!(subject["digest"]["sha256"], hex(&image["manifestDigest"]));
        assert_eq!(subject["annotations"]["platform"], image["platform"]);
        assert_eq!(subject["name"], subjects[0]["name"]);
    }
    let definition = &record["predicate"]["buildDefinition"];
    let digest = ocipatch::digest::Digest::of(LABEL.as_bytes()).hex();
    let patch = json!({ "name": "fix.yaml", "digest": { "sha256": digest } });
    assert_eq!(definition["externalParameters"]["patches"], json!([patch]));
    let materials = definition["resolvedDependencies"].as_array().unwrap();
    assert_eq!(materials.len(), 4, "an index, its images and the patch");
    assert!(materials.contains(&patch));
}

#[test]
fn the_provenance_is_of_the_targeted_images_alone() {
    let patch = LABEL.replace(
        "operations:",
        "target: {images: [\"greeter:1\"]}\noperations:",
    );
    for name in ["docker20-two-images.tar", "docker26-two-images.tar"] {
        let (record, report) = record_of(&patch, "--provenance", name);
        assert_eq!(report["images"].as_array().unwrap().len(), 2);
        let subjects = record["subject"].as_array().unwrap();
        let names: Vec<&Value> = subjects.iter().map(|subject| &subject["name"]).collect();
        assert_eq!(names, ["docker.io/library/greeter:1"]);
    }
}

/// What stands beside a targeted platform in its index is part of what the name stands for.
#[test]
fn the_provenance_of_one_platform_is_that_of_its_index() {
    let patch = LABEL.replace(
        "operations:",
        "target: {platforms: [linux/arm64]}\noperations:",
    );
    let (record, report) = record_of(&patch, "--provenance", "buildx-oci-multi.tar");
    let images = report["images"].as_array().unwrap();
    let index = &images[0]["indexDigest"];
    let manifests = images.iter().map(|image| &image["manifestDigest"]);
    let wanted: Vec<String> = std::iter::once(index)
        .chain(manifests)
        .map(|digest| digest.as_str().unwrap().replace("sha256:", ""))
        .collect();
    let subjects = record["subject"].as_array().unwrap().iter();
    let found: Vec<&Value> = subjects.map(|it| &it["digest"]["sha256"]).collect();
    assert_eq!(found, wanted.iter().collect::<Vec<_>>());
}

const SOURCES: &str = r#"apiVersion: ocipatch/v1
args: { token: { secret: true } }
operations:
  - set-label: { a: "${token}" }
  - add-layer: { from: rootfs, exclude: [ '*.tmp' ], files: [ { path: /etc/one, from: one-hunter2 } ] }
  - add-layer: { from: more.tar }
  - add-layer: { from: rootfs, exclude: [ '*.tmp' ] }
  - append-text: { path: /etc/app.conf, from: text.txt }
"#;

/// The dependencies of a run of that patch in a directory, as pairs of a name and the digests.
fn dependencies(home: &std::path::Path) -> Vec<(String, Value)> {
    std::fs::copy(fixture("docker26.tar"), home.join("app.tar")).unwrap();
    let line = "apply -q --arg token=hunter2 fix.yaml app.tar -o out.tar --provenance record.json";
    let mut apply = command();
    let output = apply
        .current_dir(home)
        .args(line.split(' '))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let record = std::fs::read(home.join("record.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    let definition = &record["predicate"]["buildDefinition"];
    let dependencies = definition["resolvedDependencies"]
        .as_array()
        .unwrap()
        .iter();
    let pair = |it: &Value| {
        (
            it["name"].as_str().unwrap().to_owned(),
            it["digest"].clone(),
        )
    };
    dependencies.map(pair).collect()
}

#[test]
fn the_provenance_names_every_source() {
    let home = tempfile::tempdir().unwrap();
    let files = [
        ("fix.yaml", SOURCES),
        ("rootfs/etc/b.conf", "b"),
        ("rootfs/etc/a/long \\ name", "a"),
        ("rootfs/etc-2", "2"),
        ("rootfs/skipped.tmp", "no"),
        ("one-hunter2", "1"),
        ("text.txt", "text"),
        ("more/usr/file", "more"),
    ];
    write_files(home.path(), &files);
    std::os::unix::fs::symlink("etc-2", home.path().join("rootfs/link")).unwrap();
    let shell = |script: &str| {
        let mut sh = std::process::Command::new("sh");
        let output = sh
            .current_dir(home.path())
            .args(["-c", script])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    shell("tar -cf more.tar -C more usr");
    // The command of in-toto's specification, less the file that is excluded.
    let hash = shell(
        "cd rootfs && find . -type f ! -name '*.tmp' | cut -c3- | LC_ALL=C sort | tr '\\n' '\\0' | xargs -0 sha256sum -z | tr '\\0' '\\n' | sha256sum | cut -f1 -d' '",
    );
    let sha256 =
        |path: &str| json!({ "sha256": shell(&format!("sha256sum < '{path}' | cut -f1 -d' '")) });
    let expected = [
        ("rootfs", json!({ "dirHash": hash })),
        ("rootfs/etc-2", sha256("rootfs/etc-2")),
        (
            "rootfs/etc/a/long \\ name",
            sha256("rootfs/etc/a/long \\ name"),
        ),
        ("rootfs/etc/b.conf", sha256("rootfs/etc/b.conf")),
        ("one-***", sha256("one-hunter2")),
        ("more.tar", sha256("more.tar")),
        ("text.txt", sha256("text.txt")),
    ];
    let found = dependencies(home.path());
    let (own, found) = found.split_at(2);
    assert_eq!(own[1].0, "fix.yaml");
    let expected = expected.map(|(name, digest)| (name.to_owned(), digest));
    assert_eq!(found, expected);
}

#[test]
fn a_directory_of_many_files_is_named_by_its_digest_alone() {
    let home = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1\nargs: { token: { secret: true } }\noperations:\n  - add-layer: { from: many }\n  - set-label: { a: \"${token}\" }\n";
    write_files(home.path(), &[("fix.yaml", patch)]);
    for i in 0..1_000 {
        write_files(home.path(), &[(&format!("many/{i}"), "")]);
    }
    assert_eq!(dependencies(home.path()).len(), 2 + 1 + 1_000);
    write_files(home.path(), &[("many/one more", "")]);
    let found = dependencies(home.path());
    assert_eq!(found.len(), 3);
    assert!(found[2].1["dirHash"].is_string());
}

#[test]
fn the_provenance_has_the_args_less_secrets() {
    let home = tempfile::tempdir().unwrap();
    let patch = "apiVersion: ocipatch/v1
args: { version: {}, channel: { default: stable }, same: {}, token: { secret: true } }
operations:
  - set-label: { a: \"${version} ${channel} ${same}\", b: \"${token}\" }
---
apiVersion: ocipatch/v1
operations:
  - set-user: app
";
    write_files(home.path(), &[("fix.yaml", patch), ("plain.yaml", LABEL)]);
    let line = "apply -q fix.yaml plain.yaml app.tar -o out.tar --provenance record.json --metadata-file metadata.json --arg version=1.10 --arg token=hunter2 --arg same=x-hunter2";
    std::fs::copy(fixture("docker26.tar"), home.path().join("app.tar")).unwrap();
    let mut apply = command();
    apply.current_dir(home.path()).args(line.split(' '));
    assert!(apply.status().unwrap().success());
    let text = std::fs::read_to_string(home.path().join("record.json")).unwrap();
    let metadata = std::fs::read_to_string(home.path().join("metadata.json")).unwrap();
    assert!(!(text.clone() + &metadata).contains("hunter2"), "{text}");
    let record: Value = serde_json::from_str(&text).unwrap();
    let definition = &record["predicate"]["buildDefinition"];
    let patches = &definition["externalParameters"]["patches"];
    let args = json!([{ "version": "1.10", "channel": "stable", "same": "x-***" }, {}]);
    assert_eq!(patches[0]["args"], args);
    assert_eq!(patches[1].get("args"), None);
    for material in definition["resolvedDependencies"].as_array().unwrap() {
        assert_eq!(material.get("args"), None);
    }
}

#[test]
fn a_script_can_tell_a_change_from_none() {
    let home = tempfile::tempdir().unwrap();
    let same = LABEL
        .replace("modifiedvalue", "myvalue")
        .replace("app:2", "greeter:1");
    let wrong = LABEL.replace("set-label", "set-lable");
    let files = [
        ("fix.yaml", LABEL),
        ("same.yaml", &same),
        ("wrong.yaml", &wrong),
    ];
    write_files(home.path(), &files);
    let code = |arguments: &[&str]| {
        let mut plan = command();
        plan.current_dir(home.path())
            .args(["plan", "--detailed-exitcode"]);
        plan.args(arguments).arg(fixture("docker20.tar"));
        plan.output().unwrap().status.code()
    };
    assert_eq!(code(&["same.yaml"]), Some(0));
    assert_eq!(code(&["wrong.yaml"]), Some(1));
    assert_eq!(code(&["fix.yaml"]), Some(2));
    assert_eq!(code(&["--formt=json", "fix.yaml"]), Some(3));
    assert_eq!(code(&["absent.yaml"]), Some(3));
    assert_eq!(code(&[]), Some(3), "no patch");
}
