//! `ocipatch inspect` with paths, digests and layers.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ocipatch::digest::Digest;
use serde_json::Value;
use tempfile::tempdir;

use super::{GREETERS, written};
use crate::binary::{fails, ok};
use crate::edit::fixture;
use crate::raw::{self, Raw};

/// What is shown of files: the lines behind `files`.
fn files(image: &Path, arguments: &[&str]) -> Vec<String> {
    let shown = ok([&["inspect", image.to_str().unwrap()], arguments].concat());
    let lines = shown.lines().skip_while(|line| *line != "files").skip(1);
    lines.map(|line| line.trim().to_owned()).collect()
}

fn paths(image: &Path, arguments: &[&str]) -> Vec<String> {
    let lines = files(image, arguments);
    let path = |line: &String| line.split(" layer ").nth(1).unwrap()[3..].to_owned();
    lines.iter().map(path).collect()
}

const IMAGE: &str = r#"layer: 0755 etc/; 0644 etc/a "a\n"; 0644 etc/a.conf "conf\n"; 0755 etc/d/; 0644 etc/d/x "x"; 0755 usr/; 0755 usr/lib/; 0644 usr/lib/b "b\n"; lib -> usr/lib
layer: 0755 etc/; 0644 etc/b.conf "b conf\n"; 0644 etc/.wh.a ""; usr/lib/same => usr/lib/b; 0644 etc-x "x"
"#;

#[test]
fn paths_and_patterns_filter_the_tree() {
    let directory = tempdir().unwrap();
    let image = written(
        directory.path(),
        &IMAGE.replace("usr/lib/same => usr/lib/b; ", ""),
    );
    for (arguments, expected) in [
        (
            &["/etc"][..],
            &["/etc/", "/etc/a.conf", "/etc/b.conf", "/etc/d/", "/etc/d/x"][..],
        ),
        (&["etc/d/"], &["/etc/d/", "/etc/d/x"]),
        (&["/etc/*.conf"], &["/etc/a.conf", "/etc/b.conf"]),
        (&["/**/x", "/etc/d"], &["/etc/d/", "/etc/d/x"]),
        (&["/*x"], &["/etc-x"]),
        (&["/lib"], &["/lib -> usr/lib"]),
        (&["/lib/b"], &["/usr/lib/b"]),
        (
            &["/etc-x", "/etc"],
            &[
                "/etc/",
                "/etc/a.conf",
                "/etc/b.conf",
                "/etc/d/",
                "/etc/d/x",
                "/etc-x",
            ],
        ),
        (&["--layer", "2"], &["/etc/", "/etc/b.conf", "/etc-x"]),
        (
            &["--layer", "1", "/etc"],
            &["/etc/a.conf", "/etc/d/", "/etc/d/x"],
        ),
        (&["/", "--layer=2"], &["/etc/", "/etc/b.conf", "/etc-x"]),
    ] {
        assert_eq!(paths(&image, arguments), expected, "{arguments:?}");
    }
    // `--files` changes nothing, wherever it is.
    let all = files(&image, &["--files"]);
    assert_eq!(files(&image, &["/"]), all);
    assert_eq!(
        files(&image, &["--files", "/etc"]),
        files(&image, &["/etc"])
    );
    let before = ok(["inspect", "--files", image.to_str().unwrap(), "/etc/d"]);
    assert_eq!(before, ok(["inspect", image.to_str().unwrap(), "/etc/d"]));
}

#[test]
fn what_matches_nothing_is_an_error() {
    let directory = tempdir().unwrap();
    let image = written(
        directory.path(),
        &IMAGE.replace("usr/lib/same => usr/lib/b; ", ""),
    );
    for (arguments, message) in [
        (&["/etc/a"][..], "error: the image has no `/etc/a`\n"),
        (
            &["/etc", "/etc/b.cnf"],
            "error: the image has no `/etc/b.cnf`\nhelp: did you mean `/etc/b.conf`?\n",
        ),
        (
            &["/etc/*.cnf"],
            "error: no path of the image matches `/etc/*.cnf`\n",
        ),
        (
            &["--layer", "3"],
            "error: there is no layer 3\nhelp: the layers are 1 to 2, from the base up\n",
        ),
    ] {
        let arguments = [&["inspect", image.to_str().unwrap()], arguments].concat();
        assert_eq!(fails(2, arguments), message);
    }
    fails(2, ["inspect", image.to_str().unwrap(), "--layer", "0"]);
}

#[test]
fn a_path_may_be_in_one_of_several_images() {
    let image = fixture("docker26-two-images.tar");
    let shown = ok([
        "inspect",
        image.to_str().unwrap(),
        "/etc/greeting",
        "--format=json",
    ]);
    let report: Value = serde_json::from_str(&shown).unwrap();
    let images = report["images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    for image in images {
        for file in image["files"].as_array().unwrap() {
            assert_eq!(file["path"], "/etc/greeting");
            assert_eq!(file["sha256"], Value::Null);
        }
    }
}

#[test]
fn digests_are_those_that_expect_takes() {
    let greeting = Digest::of(b"hello from the base layer\n").hex();
    let directory = tempdir().unwrap();
    for name in GREETERS {
        let image = fixture(name);
        let shown = ok([
            "inspect",
            image.to_str().unwrap(),
            "--sha256",
            "/",
            "--format=json",
        ]);
        let report: Value = serde_json::from_str(&shown).unwrap();
        let files = report["images"][0]["files"].as_array().unwrap();
        let mut expected = String::from("apiVersion: ocipatch/v1\nexpect:\n- path:\n");
        for file in files {
            let is_file = file["kind"] == "file";
            assert_eq!(is_file, file["sha256"].is_string(), "{file}");
            if is_file {
                let (path, sha256) = (
                    file["path"].as_str().unwrap(),
                    file["sha256"].as_str().unwrap(),
                );
                writeln!(expected, "    {path}: {{ sha256: {sha256} }}").unwrap();
                assert!(path != "/etc/greeting" || sha256 == greeting);
            }
        }
        assert!(expected.lines().count() > 8, "{expected}");
        // A name of over 128 bytes needs another spelling as a key.
        let lines: Vec<&str> = expected.lines().filter(|line| line.len() < 200).collect();
        let operations = "operations: [set-label: {a: b}]";
        let patch = format!("{}\n{operations}\n", lines.join("\n"));
        let file = directory.path().join("fix.yaml");
        fs::write(&file, &patch).unwrap();
        ok(["plan".as_ref(), file.as_os_str(), image.as_os_str()]);
        fs::write(&file, patch.replace(&greeting, &"0".repeat(64))).unwrap();
        fails(1, ["plan".as_ref(), file.as_os_str(), image.as_os_str()]);
    }
}

#[test]
fn digests_of_links_and_empty_files() {
    let directory = tempdir().unwrap();
    let image = written(directory.path(), IMAGE);
    let b = Digest::of(b"b\n").hex();
    let lines = files(&image, &["--sha256", "/usr/lib", "/lib"]);
    assert_eq!(
        lines,
        [
            format!(
                "0777     0:0           0 B  layer 1  {:64}  /lib -> usr/lib",
                "-"
            ),
            format!("0755     0:0           0 B  layer 1  {:64}  /usr/lib/", "-"),
            format!("0644     0:0           2 B  layer 1  {b}  /usr/lib/b"),
            format!("0644     0:0           2 B  layer 2  {b}  /usr/lib/same"),
        ]
    );
}

#[test]
fn holes_beyond_the_limit_are_not_read() {
    let directory = tempdir().unwrap();
    let sparse = |name: &str, size: u64| raw::Sparse::V10.file(name, size, &[(0, b"x")]);
    let stream = raw::stream(&[
        sparse("small", 5),
        sparse("big", 1 << 50),
        Raw::file("z", b"z"),
    ]);
    let image = crate::cases::text::Image {
        streams: vec![stream],
        ..Default::default()
    };
    let path = directory.path().join("app.tar");
    fs::write(&path, crate::cases::build::hybrid(&[image])).unwrap();
    let lines = files(&path, &["--sha256"]);
    assert!(lines[0].contains(&format!("{:64}  /big", "-")), "{lines:?}");
    assert!(
        lines[1].contains(&Digest::of(b"x\0\0\0\0").hex()),
        "{lines:?}"
    );
    assert!(lines[2].contains(&Digest::of(b"z").hex()), "{lines:?}");
    let message = fails(2, ["cat", path.to_str().unwrap(), "big"]);
    assert!(message.contains("bytes of holes"), "{message}");
    assert_eq!(ok(["cat", path.to_str().unwrap(), "small"]), "x\0\0\0\0");
}

/// What is false or an empty text has no line; labels and the like stand one below the other.
#[test]
fn a_configuration_is_shown_line_by_line() {
    let directory = tempdir().unwrap();
    let image = "label: a=b\nlabel: c=\nconfig: Volumes={\"/data\":{}}\nconfig: Env=[\"A=b\"]\nconfig: ExposedPorts={}\nconfig: User=\"\"\nconfig: WorkingDir=\"/srv\"\nconfig: Tty=true\nconfig: StdinOnce=false\nlayer: 0644 a \"a\"\n";
    let image = written(directory.path(), image);
    let shown = ok(["inspect", image.to_str().unwrap()]);
    let lines = shown.lines().skip_while(|line| *line != "config").skip(1);
    let mut lines: Vec<&str> = lines.collect();
    lines.sort_unstable();
    let wanted = [
        "    /data",
        "    a = \"b\"",
        "    c = \"\"",
        "  Env = [\"A=b\"]",
        "  ExposedPorts = {}",
        "  Labels",
        "  Tty = true",
        "  Volumes",
        "  WorkingDir = \"/srv\"",
    ];
    assert_eq!(lines, wanted);
}

#[test]
fn a_compressed_archive_is_said_to_be_one() {
    for (name, line) in [
        ("docker20.tar", None),
        ("docker20.tar.gz", Some("packed    gzip")),
    ] {
        let shown = ok(["inspect", fixture(name).to_str().unwrap()]);
        assert_eq!(
            shown.lines().find(|line| line.starts_with("packed")),
            line,
            "{name}"
        );
    }
}
