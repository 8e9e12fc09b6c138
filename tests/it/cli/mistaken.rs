//! What is typed by mistake: each message ends in the command that is right.

use std::fs;
use std::process::Command;

use super::Home;
use crate::binary::{NO_CACHE, listing};

/// Runs each command, which has to end with `code`; the lines are what is typed, the error and the help.
#[track_caller]
pub(super) fn told(home: &Home, code: i32, cases: &[[&str; 3]]) {
    let before = listing(home.0.path());
    for [line, error, help] in cases {
        let (stdout, stderr) = home.ends(code, line);
        assert_eq!(
            (stdout.as_str(), stderr.as_str()),
            ("", format!("error: {error}\nhelp: {help}\n").as_str()),
            "{line}"
        );
        assert_eq!(listing(home.0.path()), before, "{line}");
    }
}

fn not_found(word: &str) -> String {
    format!("`{word}`: No such file or directory (os error 2)")
}

#[test]
fn an_image_that_has_another_name_elsewhere_is_found() {
    let home = Home::new();
    for (line, word, help) in [
        (
            "plan fix.yaml alpine:3",
            "alpine:3",
            "for an image in a registry, use `ocipatch plan fix.yaml docker://alpine:3`; for one that Docker has, `docker save alpine:3 -o alpine.tar`, then `ocipatch plan fix.yaml alpine.tar`",
        ),
        (
            "inspect docker.io/library/alpine",
            "docker.io/library/alpine",
            "for an image in a registry, use `ocipatch inspect docker://docker.io/library/alpine`; for one that Docker has, `docker save docker.io/library/alpine -o alpine.tar`, then `ocipatch inspect alpine.tar`",
        ),
        (
            "verify r.example.com:5000/a/b:1",
            "r.example.com:5000/a/b:1",
            "for an image in a registry, use `ocipatch verify docker://r.example.com:5000/a/b:1`; for one that Docker has, `docker save r.example.com:5000/a/b:1 -o b.tar`, then `ocipatch verify b.tar`",
        ),
        (
            "plan fix.yaml docker-daemon:alpine:3",
            "docker-daemon:alpine:3",
            "`docker save alpine:3 -o alpine.tar`, then `ocipatch plan fix.yaml alpine.tar`",
        ),
        (
            "inspect containers-storage:localhost/a",
            "containers-storage:localhost/a",
            "`podman save localhost/a -o a.tar`, then `ocipatch inspect a.tar`",
        ),
        (
            "plan fix.yaml oci:dir",
            "oci:dir",
            "write the path alone: `ocipatch plan fix.yaml dir`",
        ),
        (
            "cat docker-archive:x.tar /etc/passwd",
            "docker-archive:x.tar",
            "write the path alone: `ocipatch cat x.tar /etc/passwd`",
        ),
        (
            "plan fix.yaml oci-archive:x.tar:a:1",
            "oci-archive:x.tar:a:1",
            "write the path alone, and `target: {images: [\"a:1\"]}` in the patch if there are several images: `ocipatch plan fix.yaml x.tar`",
        ),
        (
            "verify https://r.example.com/a:1",
            "https://r.example.com/a:1",
            "use `ocipatch verify docker://r.example.com/a:1`",
        ),
        (
            "diff app.tar docker:a",
            "docker:a",
            "use `ocipatch diff app.tar docker://a`",
        ),
    ] {
        told(&home, 3, &[[line, &not_found(word), help]]);
    }
}

#[test]
fn an_output_that_is_a_name_is_written_in_another_way() {
    let home = Home::new();
    let no_file =
        |word: &str| format!("`{word}` is not the name of a file, a directory or `docker://NAME`");
    for (line, word, help) in [
        (
            "apply fix.yaml app.tar -o docker-daemon:app:2",
            "docker-daemon:app:2",
            "the patch names the image (`add-tag`), and the engine loads it: `ocipatch apply fix.yaml app.tar -o - | docker load`",
        ),
        (
            "apply fix.yaml app.tar --output=oci:out",
            "oci:out",
            "write the path alone: `ocipatch apply fix.yaml app.tar --to oci-dir -o out`",
        ),
        (
            "apply -o oci-archive:x.tar:app:2 --to oci-archive fix.yaml app.tar",
            "oci-archive:x.tar:app:2",
            "write the path alone: `ocipatch apply fix.yaml app.tar --to oci-archive -o x.tar`",
        ),
        (
            "apply fix.yaml app.tar -o dir:out",
            "dir:out",
            "`ocipatch apply fix.yaml app.tar --to oci-archive -o out.tar`, then `skopeo copy oci-archive:out.tar dir:out`",
        ),
        (
            "apply fix.yaml app.tar -o docker:app:2",
            "docker:app:2",
            "use `ocipatch apply fix.yaml app.tar -o docker://app:2`",
        ),
    ] {
        told(&home, 2, &[[line, &no_file(word), help]]);
    }
    told(
        &home,
        3,
        &[[
            "apply fix.yaml app.tar -o r.example.com/app:2",
            "`r.example.com/app:2` cannot be written: there is no directory `r.example.com`",
            "to push the image, use `ocipatch apply fix.yaml app.tar -o docker://r.example.com/app:2`",
        ]],
    );
    home.ends(0, "apply fix.yaml app.tar -o ./oci:x.tar");
}

#[test]
fn patches_come_first_and_the_image_last() {
    let home = Home::new();
    for command in ["apply", "plan", "-q apply --in-place"] {
        let help = format!(
            "`ocipatch init image.tar > fix.yaml` writes a first patch, then `ocipatch {command} fix.yaml image.tar`"
        );
        let error = "the patch and the image are missing: patches come first, the image last";
        told(&home, 2, &[[command, error, &help]]);
    }
    home.ends(0, "unpack app.tar layout");
    fs::create_dir(home.path("dir")).unwrap();
    told(
        &home,
        2,
        &[
            [
                "plan fix.yaml",
                "the image is missing: patches come first, the image last",
                "`docker save NAME -o image.tar`, then `ocipatch plan fix.yaml image.tar`",
            ],
            [
                "apply -q fix.yaml noop.yaml",
                "the image is missing: patches come first, the image last",
                "`docker save NAME -o image.tar`, then `ocipatch apply fix.yaml noop.yaml image.tar -q -o patched.tar`",
            ],
            [
                "apply fix.yaml -o out.tar",
                "the image is missing: patches come first, the image last",
                "`docker save NAME -o image.tar`, then `ocipatch apply fix.yaml image.tar -o out.tar`",
            ],
            [
                "plan app.tar",
                "the patch is missing: patches come first, the image last",
                "`ocipatch init app.tar > fix.yaml` writes a first one, then `ocipatch plan fix.yaml app.tar`",
            ],
            [
                "apply alpine:3",
                "the patch is missing: patches come first, the image last",
                "`ocipatch init docker://alpine:3 > fix.yaml` writes a first one, then `ocipatch apply fix.yaml docker://alpine:3 -o patched.tar`",
            ],
            [
                "apply layout --in-place",
                "the patch is missing: patches come first, the image last",
                "`ocipatch init layout > fix.yaml` writes a first one, then `ocipatch apply fix.yaml layout --in-place`",
            ],
            [
                "plan missing.tar",
                "expected a patch and an image: patches come first, the image last",
                "`ocipatch plan fix.yaml image.tar`",
            ],
            [
                "plan app.tar fix.yaml",
                "`app.tar` is an image, but patches come first, the image last",
                "`ocipatch plan fix.yaml app.tar`",
            ],
            [
                "apply --to oci-dir layout fix.yaml noop.yaml -o out",
                "`layout` is an image, but patches come first, the image last",
                "`ocipatch apply fix.yaml noop.yaml layout --to oci-dir -o out`",
            ],
            [
                "apply alpine:3 fix.yaml",
                "`alpine:3` is an image, but patches come first, the image last",
                "`ocipatch apply fix.yaml docker://alpine:3 -o patched.tar`",
            ],
            [
                "apply fix.yaml app.tar out.tar",
                "`out.tar` follows the image `app.tar`, but patches come first, the image last",
                "`ocipatch apply fix.yaml app.tar -o out.tar`",
            ],
            [
                "plan fix.yaml noop.yaml app.tar new.tar",
                "`new.tar` follows the image `app.tar`, but patches come first, the image last",
                "`ocipatch plan fix.yaml noop.yaml app.tar`",
            ],
            [
                "apply --arg token=secret fix.yaml app.tar out.tar",
                "`out.tar` follows the image `app.tar`, but patches come first, the image last",
                "`ocipatch apply fix.yaml app.tar --arg token=… -o out.tar`",
            ],
        ],
    );
}

#[test]
fn a_patch_is_neither_an_image_nor_a_directory() {
    let home = Home::new();
    home.ends(0, "unpack app.tar layout");
    fs::create_dir(home.path("a dir")).unwrap();
    fs::create_dir(home.path("dir")).unwrap();
    told(
        &home,
        2,
        &[
            [
                "plan dir app.tar",
                "`dir` is a directory, not a patch",
                "name the patch files in it: `ocipatch plan dir/*.yaml app.tar`",
            ],
            [
                "apply fix.yaml dir/ app.tar -o out.tar",
                "`dir/` is a directory, not a patch",
                "name the patch files in it: `ocipatch apply fix.yaml dir/*.yaml app.tar -o out.tar`",
            ],
            [
                "check fix.yaml dir",
                "`dir` is a directory, not a patch",
                "name the patch files in it: `ocipatch check fix.yaml dir/*.yaml`",
            ],
            [
                "check app.tar",
                "`app.tar` is an image, not a patch",
                "`ocipatch verify app.tar` checks an image, `ocipatch plan PATCH app.tar` a patch for it",
            ],
            [
                "check fix.yaml layout",
                "`layout` is an image, not a patch",
                "`ocipatch verify layout` checks an image, `ocipatch plan PATCH layout` a patch for it",
            ],
        ],
    );
    let not_tar = "`fix.yaml` is not a tar, plain or compressed";
    for command in ["verify", "inspect", "init"] {
        let line = format!("{command} fix.yaml");
        let help = "for a patch, use `ocipatch check fix.yaml`";
        told(&home, 3, &[[&line, not_tar, help]]);
    }
}

#[test]
fn a_full_directory_has_room_for_a_new_name() {
    let home = Home::new();
    home.ends(0, "unpack app.tar layout");
    fs::create_dir(home.path("full")).unwrap();
    fs::write(home.path("full/x"), "").unwrap();
    let full = "`full` is a directory that is not empty";
    told(
        &home,
        3,
        &[
            [
                "apply fix.yaml app.tar -o full",
                full,
                "write a file in it: `ocipatch apply fix.yaml app.tar -o full/app.tar`",
            ],
            [
                "apply fix.yaml app.tar --to=oci-dir -o full/",
                full,
                "name a new directory: `ocipatch apply fix.yaml app.tar --to=oci-dir -o full/app`",
            ],
            [
                "apply -o full fix.yaml ./layout",
                full,
                "name a new directory: `ocipatch apply fix.yaml ./layout -o full/layout`",
            ],
            [
                "unpack app.tar full",
                full,
                "name a new directory: `ocipatch unpack app.tar full/app`",
            ],
            [
                "export app.tar --output full /etc",
                full,
                "name a new directory: `ocipatch export app.tar /etc -o full/app`",
            ],
        ],
    );
}

#[test]
fn commands_of_other_programs_lead_to_ours() {
    let home = Home::new();
    let case = |line: &str, help: &str| {
        let name = line.split(' ').next().unwrap();
        let error = format!("there is no command `{name}`");
        told(&home, 2, &[[line, &error, help]]);
    };
    for (line, help) in [
        ("version", "--version"),
        ("Version", "--version"),
        ("patch fix.yaml app.tar", "apply fix.yaml app.tar"),
        ("lint fix.yaml", "check fix.yaml"),
        ("show app.tar", "inspect app.tar"),
        ("ls app.tar /etc", "inspect --files app.tar /etc"),
        ("config app.tar", "inspect --format=json app.tar"),
        ("mutate -q fix.yaml app.tar", "apply -q fix.yaml app.tar"),
        ("dry-run fix.yaml app.tar", "plan fix.yaml app.tar"),
        ("extract app.tar /etc", "export app.tar /etc"),
    ] {
        case(line, &format!("`ocipatch {help}`"));
    }
    case(
        "validate app.tar",
        "`ocipatch check PATCH` checks a patch, `ocipatch verify IMAGE` an image",
    );
    for name in ["copy", "push", "pull", "save"] {
        case(
            &format!("{name} a b"),
            "`ocipatch apply docker://NAME -o FILE` reads an image from a registry, `ocipatch apply FILE -o docker://NAME` sends one",
        );
    }
    for name in ["label", "append", "rebase", "tag"] {
        case(
            name,
            "a patch does this with an operation: `ocipatch init IMAGE > fix.yaml` starts a patch, `ocipatch apply fix.yaml IMAGE -o OUT` applies it",
        );
    }
    let (help, nothing) = home.ends(0, "help");
    assert!(help.contains("Usage: ocipatch") && nothing.is_empty());
    // What no program has is left to the nearest name.
    let (_, stderr) = home.ends(2, "inspct app.tar");
    assert!(stderr.contains("'inspect'"), "{stderr}");
}

#[test]
fn nobody_is_waited_for_at_a_terminal() {
    let Some(mut script) = crate::engine::tool("script") else {
        return;
    };
    let home = Home::new();
    for (line, what, help) in [
        (
            "plan fix.yaml -",
            "image",
            "pipe an archive to it: `docker save app:1 | ocipatch plan fix.yaml -`",
        ),
        (
            "inspect -",
            "image",
            "pipe an archive to it: `docker save app:1 | ocipatch inspect -`",
        ),
        (
            "check -",
            "patch",
            "name a file instead, or redirect one: `ocipatch check - < fix.yaml`",
        ),
        (
            "plan - app.tar",
            "patch",
            "name a file instead, or redirect one: `ocipatch plan - app.tar < fix.yaml`",
        ),
    ] {
        let program = env!("CARGO_BIN_EXE_ocipatch");
        let told = terminal(&mut script, &home, &format!("NO_COLOR=1 {program} {line}"));
        let error = format!("`-` reads the {what} from standard input, which is a terminal");
        let expected = format!("error: {error}\r\nhelp: {help}\r\n");
        assert_eq!(told, (Some(2), expected), "{line}");
    }
}

/// Runs a command whose streams are a terminal.
fn terminal(script: &mut Command, home: &Home, line: &str) -> (Option<i32>, String) {
    let mut again = Command::new(script.get_program());
    let output = again
        .args(["-qec", line, "/dev/null"])
        .envs(NO_CACHE)
        .current_dir(home.0.path())
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), shown)
}
