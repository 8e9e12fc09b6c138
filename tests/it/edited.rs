//! `ocipatch edit` writes what an editor changed as operations of a patch; the editor is a script.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::binary::{command, ok, write_files};
use crate::cases::text::Image;
use crate::cases::{build, hybrid_archive};
use crate::edit::fixture;

/// A directory with an image and what is written beside it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("tmp")).unwrap();
        fs::copy(fixture("docker26.tar"), directory.path().join("app.tar")).unwrap();
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `edit` with a shell script as the editor, which is given the files.
    fn edit(&self, script: &str, arguments: &[&str]) -> Output {
        let mut command = command();
        command.current_dir(self.0.path());
        command.env("TMPDIR", self.path("tmp"));
        command.env_remove("VISUAL");
        command.env("EDITOR", format!("{script} -- "));
        command.arg("edit").args(arguments);
        command.output().unwrap()
    }

    fn edited(&self, script: &str, arguments: &[&str]) -> String {
        let output = self.edit(script, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn failed(&self, code: i32, script: &str, arguments: &[&str]) -> String {
        let output = self.edit(script, arguments);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert_eq!(output.stdout, b"");
        String::from_utf8(output.stderr).unwrap()
    }

    /// How many files the editor has left.
    fn n_left(&self) -> usize {
        fs::read_dir(self.path("tmp")).unwrap().count()
    }

    /// Applies a patch, and returns a file of the result.
    fn patched(&self, patch: &str, file: &str) -> String {
        let (patch, image, out) = (self.path(patch), self.path("app.tar"), self.path("out.tar"));
        ok([Path::new("apply"), &patch, &image, Path::new("-o"), &out]);
        ok([Path::new("cat"), &out, Path::new(file)])
    }
}

#[test]
fn a_change_becomes_the_smallest_operation_and_the_image_stays() {
    let desk = Desk::new();
    let before = fs::read(desk.path("app.tar")).unwrap();
    let printed = desk.edited("sed -i s/test/production/", &["app.tar", "/etc/app.conf"]);
    assert_eq!(
        printed,
        "apiVersion: ocipatch/v1\noperations:\n  - set-line: { path: /etc/app.conf, match: '^mode\\s*=', line: mode = production }\n"
    );
    fs::write(desk.path("fix.yaml"), &printed).unwrap();
    assert_eq!(
        desk.patched("fix.yaml", "/etc/app.conf"),
        "mode = production\n"
    );
    assert_eq!(fs::read(desk.path("app.tar")).unwrap(), before);
    assert_eq!(desk.n_left(), 0);
}

#[test]
fn a_patch_is_created_and_grows_with_its_comments_and_order() {
    let desk = Desk::new();
    let edit = |script: &str| {
        desk.edited(script, &["app.tar", "etc/app.conf", "-p", "fix.yaml"]);
        desk.text("fix.yaml")
    };
    let first = edit("sed -i s/test/production/");
    assert!(
        first.starts_with("apiVersion: ocipatch/v1\noperations:\n"),
        "{first}"
    );
    let commented = format!("# Why\n{first}  # The end\n\n# Below\n");
    fs::write(desk.path("fix.yaml"), &commented).unwrap();
    // The editor shows the file as the patch leaves it.
    let second = edit("sed -i 's/production/staging/;$a workers = 4'");
    assert!(
        second.starts_with(&format!("# Why\n{first}  - ")),
        "{second}"
    );
    assert!(second.ends_with("  # The end\n\n# Below\n"), "{second}");
    assert_eq!(
        desk.patched("fix.yaml", "/etc/app.conf"),
        "mode = staging\nworkers = 4\n"
    );
    let third = edit("sed -i '1i # first\n2i # second\n$d'");
    assert!(
        third.contains("patch-file:\n      path: /etc/app.conf\n      diff: |\n"),
        "{third}"
    );
    assert_eq!(
        desk.patched("fix.yaml", "/etc/app.conf"),
        "# first\nmode = staging\n# second\n"
    );
}

#[test]
fn an_editor_that_changes_nothing_or_fails_writes_nothing() {
    let desk = Desk::new();
    let arguments = [
        "app.tar",
        "/etc/app.conf",
        "/etc/greeting",
        "-p",
        "fix.yaml",
    ];
    let output = desk.edit("true", &arguments);
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "nothing was changed, and nothing was written\n");
    let quiet = desk.edit("true", &[&["-q"], &arguments[..]].concat());
    assert!(
        quiet.status.success() && quiet.stderr.is_empty(),
        "{quiet:?}"
    );
    let told = desk.failed(2, "sed -i s/test/x/ \"$@\"; false", &arguments);
    assert!(told.contains("the editor"), "{told}");
    assert!(!desk.path("fix.yaml").exists());
    assert_eq!(desk.n_left(), 0);
    // A patch that cannot be there is no new one.
    let told = desk.failed(
        3,
        "true",
        &["app.tar", "/etc/app.conf", "-p", "app.tar/fix.yaml"],
    );
    assert!(told.contains("app.tar/fix.yaml"), "{told}");
    for (options, expected) in [
        (&["-p", "fix.yaml"][..], "fix.yaml: added `replace-text`\n"),
        (&["-q", "-p", "fix.yaml"], ""),
    ] {
        let arguments = [&["app.tar", "/etc/app.conf"], options].concat();
        let output = desk.edit("sed -i s/mode/new/", &arguments);
        assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    }
}

#[test]
fn several_files_are_edited_at_once() {
    let desk = Desk::new();
    let arguments = [
        "app.tar",
        "/etc/app.conf",
        "/etc/greeting",
        "-p",
        "fix.yaml",
    ];
    desk.edited("sed -i 's/mode/MODE/;s/hello/bye/'", &arguments);
    assert_eq!(desk.patched("fix.yaml", "/etc/app.conf"), "MODE = test\n");
    let greeting = desk.patched("fix.yaml", "/etc/greeting");
    assert!(greeting.starts_with("bye"), "{greeting}");
    assert_eq!(desk.text("fix.yaml").matches("  - ").count(), 2);
}

#[test]
fn the_configuration_is_edited_as_json() {
    let desk = Desk::new();
    let arguments = ["app.tar", "--config", "-p", "fix.yaml"];
    desk.edited(
        "sed -i '0,/WorkingDir/s/\"WorkingDir\": \"[^\"]*\"/\"WorkingDir\": \"\\/edited\"/'",
        &arguments,
    );
    let text = desk.text("fix.yaml");
    assert!(
        text.ends_with("operations:\n  - set-workdir: /edited\n"),
        "{text}"
    );
    let output = desk.edit("sed -i 's/^  */&  /'", &arguments);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "nothing was changed, and nothing was written\n");
    // What nobody can say is told, and what was typed is kept.
    let told = desk.failed(1, "sed -i '1a \"shape\": 5,'", &arguments);
    assert!(
        told.contains("no operation can express:\n  shape\n"),
        "{told}"
    );
    assert_eq!(desk.n_left(), 1);
    let told = desk.failed(2, "sed -i '1a nonsense'", &arguments);
    assert!(told.contains("is not a configuration"), "{told}");
    let told = desk.failed(1, "sed -i 's/\"created_by\": \"/&x/'", &arguments);
    assert!(told.contains("history: it follows from"), "{told}");
    assert_eq!(desk.text("fix.yaml"), text);
}

#[test]
fn what_cannot_be_edited_is_told() {
    let desk = Desk::new();
    let image = "layer: 0755 etc/; 0644 etc/a \"x\\n\"\ntags: one:1\n";
    fs::write(desk.path("app.tar"), hybrid_archive(image)).unwrap();
    for (path, expected) in [("/etc/b", "/etc/b"), ("/etc", "is a directory")] {
        let told = desk.failed(2, "true", &["app.tar", path]);
        assert!(told.contains(expected), "{told}");
        write_files(
            desk.0.path(),
            &[(
                "fix.yaml",
                "apiVersion: ocipatch/v1\noperations:\n  - set-label: { a: b }\n",
            )],
        );
        let told = desk.failed(2, "true", &["app.tar", path, "-p", "fix.yaml"]);
        assert!(told.contains(expected), "{told}");
    }
    let told = desk.failed(2, "true", &["-", "/etc/a"]);
    assert!(told.contains("standard input"), "{told}");
    let told = desk.failed(
        2,
        "true",
        &["app.tar", "/etc/a", "--image", "x", "-p", "fix.yaml"],
    );
    assert!(told.contains("`target`"), "{told}");
    write_files(
        desk.0.path(),
        &[(
            "fix.yaml",
            "apiVersion: ocipatch/v1\noperations:\n  - unset-label: [none]\n",
        )],
    );
    let told = desk.failed(1, "true", &["app.tar", "/etc/a", "-p", "fix.yaml"]);
    assert!(told.contains("no-such-label"), "{told}");
}

#[test]
fn images_that_a_patch_is_about_have_the_same_file_or_configuration() {
    let desk = Desk::new();
    let image = |tag: &str| {
        Image::parse(&format!(
            "tags: {tag}\nconfig: Env=[\"A={tag}\"]\nlayer: 0644 b \"{tag}\"; 0644 c \"c\"\n"
        ))
    };
    let archive = build::v1_directories(&[image("one:1"), image("two:1")]);
    fs::write(desk.path("app.tar"), archive).unwrap();
    let start = "apiVersion: ocipatch/v1\ntarget: { images: [\"%\"] }\noperations:\n  - set-label: { a: b }\n";
    let write =
        |images: &str| fs::write(desk.path("fix.yaml"), start.replace('%', images)).unwrap();
    write("*");
    for (what, expected) in [
        (
            "/b",
            "the images that the patch is about have different `/b`",
        ),
        (
            "--config",
            "the images that the patch is about have different configurations",
        ),
        ("/d", "the patched image has no `/d`"),
    ] {
        let told = desk.failed(2, "true", &["app.tar", what, "-p", "fix.yaml"]);
        assert!(told.contains(expected), "{told}");
    }
    desk.edited("sed -i s/c/d/", &["app.tar", "/c", "-p", "fix.yaml"]);
    assert_eq!(
        desk.text("fix.yaml"),
        start.replace('%', "*") + "  - replace-text: { path: /c, find: c, with: d }\n"
    );
    // The other image does not count.
    write("one:1");
    desk.edited("sed -i s/one/1/", &["app.tar", "/b", "-p", "fix.yaml"]);
    desk.edited(
        "sed -i s/A=one/A=1/",
        &["app.tar", "--config", "-p", "fix.yaml"],
    );
    assert!(
        desk.text("fix.yaml").contains("set-env: { A: \"1:1\" }"),
        "{}",
        desk.text("fix.yaml")
    );
}

#[test]
fn a_file_that_the_shortest_operation_would_spell_in_another_way_gets_another_one() {
    let desk = Desk::new();
    let image = r#"layer: 0644 a.json "{\"a\": 1}\n"
tags: one:1
"#;
    fs::write(desk.path("app.tar"), hybrid_archive(image)).unwrap();
    for (script, operation) in [
        ("sed -i s/1/2/", "edit-json"),
        ("sed -i 's/: 1/:2/'", "replace-text"),
        ("sed -i '$a 3'", "set-line"),
    ] {
        let printed = desk.edited(script, &["app.tar", "/a.json"]);
        assert!(printed.contains(&format!("  - {operation}:")), "{printed}");
    }
}

#[test]
fn an_image_with_attestations_gets_a_patch_that_drops_them() {
    let desk = Desk::new();
    let platform = ["--platform", "linux/arm64"];
    for what in ["/etc/app.conf", "/etc/greeting", "--config"] {
        fs::copy(fixture("buildx-oci-multi.tar"), desk.path("app.tar")).unwrap();
        let arguments = ["app.tar", what, platform[0], platform[1]];
        let printed = desk.edited(
            "sed -i 's/^mode = test/mode = prod/;s/^hello/prod/;s/: .myvalue./: \"prod\"/'",
            &arguments,
        );
        assert!(printed.starts_with("# Attestations "), "{what}: {printed}");
        assert!(
            printed.contains("\nattestations: drop\n"),
            "{what}: {printed}"
        );
        fs::write(desk.path("fix.yaml"), &printed).unwrap();
        let (patch, image) = (desk.path("fix.yaml"), desk.path("app.tar"));
        let plan = ok([Path::new("plan"), &patch, &image]);
        assert!(plan.contains("prod"), "{plan}");
    }
}

#[test]
fn a_patch_that_the_edit_would_break_is_rejected_with_the_problem() {
    let desk = Desk::new();
    let start = "apiVersion: ocipatch/v1\ntarget: { platforms: [linux/arm64] }\n";
    let label = "operations:\n  - set-label: { maintainer: ops@example.com }\n";
    let tag = "operations:\n  - add-tag: [\"greeter:9\"]\n";
    for (operations, arguments) in [
        (label, &["app.tar", "/etc/app.conf", "-p", "fix.yaml"][..]),
        (
            tag,
            &[
                "app.tar",
                "/etc/app.conf",
                "/etc/greeting",
                "-p",
                "fix.yaml",
            ],
        ),
        (label, &["app.tar", "--config", "-p", "fix.yaml"]),
    ] {
        fs::copy(fixture("buildx-oci-multi.tar"), desk.path("app.tar")).unwrap();
        let patch = format!("{start}{operations}");
        fs::write(desk.path("fix.yaml"), &patch).unwrap();
        let said = desk.failed(
            1,
            "sed -i 's/^mode = test/mode = prod/;s/^hello/prod/;s/: .myvalue./: \"prod\"/'",
            arguments,
        );
        assert!(said.contains("Error: attested"), "{said}");
        assert!(said.contains("[fix.yaml:"), "{said}");
        assert!(!said.contains("no operation can express"), "{said}");
        assert_eq!(desk.text("fix.yaml"), patch);
    }
}

#[test]
fn a_patch_with_args_stays_one() {
    let desk = Desk::new();
    let patch = "apiVersion: ocipatch/v1\nargs: { mode: { required: true } }\noperations: [set-line: { path: /etc/app.conf, line: \"mode = ${mode}\", match: mode }]\n";
    write_files(desk.0.path(), &[("fix.yaml", patch)]);
    let arguments = [
        "app.tar",
        "/etc/app.conf",
        "-p",
        "fix.yaml",
        "--arg",
        "mode=fast",
    ];
    desk.edited("sed -i '$a price = ${x}'", &arguments);
    let expected = patch.replace(
        "match: mode }]",
        "match: mode }, { set-line: { path: /etc/app.conf, line: \"price = $${x}\" } }]",
    );
    assert_eq!(desk.text("fix.yaml"), expected);
}
