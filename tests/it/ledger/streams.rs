//! Standard output: what has to arrive there and does not is a failure; a reader of a report that has seen enough is none.

use std::fs;
use std::process::Stdio;

use super::allowed::sh;
use super::home::Home;
use crate::binary::command;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a line whose standard output nobody reads; returns the exit code and standard error.
fn without_reader(home: &Home, line: &str) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = command();
    child.current_dir(home.path("")).args(line.split(' '));
    let output = child.stdin(Stdio::null()).stdout(writer).output().unwrap();
    (output.status.code(), text(&output.stderr))
}

#[test]
fn an_id_that_nobody_gets_is_a_failure() {
    let home = Home::new();
    for (line, written, unwritten) in [
        (
            "apply -q patch/label.yaml image/in.tar -o out.tar --iidfile id",
            "`out.tar`, `id` (`--iidfile`)",
            "the image id",
        ),
        (
            "apply -q patch/label.yaml image/in.tar --in-place",
            "`image/in.tar`",
            "the image id",
        ),
        (
            "apply -q patch/label.yaml directory/in --in-place",
            "`directory/in`",
            "the image id",
        ),
        (
            "apply -q patch/label.yaml directory/in -o new",
            "`new`",
            "the image id",
        ),
        (
            "apply -q patch/label.yaml image/in.tar -o out.tar --metadata-file -",
            "`out.tar`",
            "the metadata",
        ),
    ] {
        let lines = format!("written: {written}\nnot written: {unwritten}\n");
        let (code, stderr) = without_reader(&home, line);
        let message = format!("error: `standard output`: Broken pipe (os error 32)\n{lines}");
        assert_eq!((code, stderr), (Some(3), message), "{line}");
        let output = sh(&home, &format!("rm -r -f new; $o {line} > /dev/full"));
        let message =
            format!("error: `standard output`: No space left on device (os error 28)\n{lines}");
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(3), message),
            "{line}"
        );
    }
}

#[test]
fn an_archive_that_nobody_reads_to_its_end_is_a_failure_without_a_word() {
    let home = Home::new();
    for line in [
        "apply -q patch/label.yaml image/in.tar --iidfile id",
        "apply -q patch/label.yaml image/in.tar -o /dev/stdout --iidfile id",
        "pack directory/in -",
    ] {
        assert_eq!(
            without_reader(&home, line),
            (Some(3), String::new()),
            "{line}"
        );
        assert!(!home.path("id").exists(), "{line}");
        let output = sh(&home, &format!("$o {line} > /dev/full"));
        assert_eq!(output.status.code(), Some(3), "{line}");
        assert!(text(&output.stderr).contains("No space left"), "{line}");
    }
    // A pipe that was named is not standard output, and whoever named it is told.
    let script = "mkfifo pipe; head -c 1 pipe > /dev/null & $o pack directory/in pipe";
    let output = sh(&home, script);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(
        text(&output.stderr).contains("`pipe`: Broken pipe"),
        "{output:?}"
    );
}

#[test]
fn a_report_that_is_not_read_to_its_end_ends_as_if_it_were() {
    let home = Home::new();
    fs::write(home.path("wrong.yaml"), "apiVersion: 1\n").unwrap();
    sh(
        &home,
        "cp -r directory/in unsound; echo '{}' >> unsound/oci-layout; rm unsound/blobs/sha256/0*",
    );
    for (code, line) in [
        (0, "plan patch/label.yaml image/in.tar"),
        (2, "plan --detailed-exitcode patch/label.yaml image/in.tar"),
        (
            0,
            "plan --detailed-exitcode patch/nothing.yaml image/in.tar",
        ),
        (0, "diff image/in.tar image/app.tar"),
        (1, "diff --exit-code image/in.tar image/app.tar"),
        (0, "diff --exit-code image/in.tar image/in.tar"),
        (0, "diff --as-patch image/in.tar image/app.tar"),
        (0, "verify image/in.tar"),
        (3, "verify unsound"),
        (0, "inspect --files image/in.tar"),
        (0, "cat image/in.tar /"),
        (0, "check --format=json patch/label.yaml"),
        (1, "check --format=json wrong.yaml"),
        (0, "schema"),
        (0, "man apply"),
        (0, "completions bash"),
    ] {
        let (found, stderr) = without_reader(&home, line);
        assert_eq!(found, Some(code), "{line}: {stderr}");
        assert!(!stderr.contains("pipe"), "{line}: {stderr}");
    }
    // With tars that are written for it, a patch has to arrive.
    let line = "diff --as-patch --partial image/in.tar image/app.tar --layers tars";
    let (code, stderr) = without_reader(&home, line);
    let tar = home.layer_tar().replace("layers/tars", "tars");
    let message = format!(
        "error: `standard output`: Broken pipe (os error 32)\nwritten: `{tar}` (a tar of `--layers`)\nnot written: the patch\n"
    );
    assert_eq!((code, stderr), (Some(3), message));
}

#[test]
fn a_dash_is_standard_output() {
    let home = Home::new();
    let apply = "$o apply -q patch/label.yaml image/in.tar";
    let id = text(&sh(&home, &format!("{apply} -o out.tar")).stdout);
    let id = id.trim_end();
    // As with `docker build --iidfile`, there is no line break; and the id is there once.
    for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let output = sh(&home, &format!("{apply} -o out.tar --iidfile {name}"));
        assert_eq!(text(&output.stdout), id, "{name}: {output:?}");
        let output = sh(&home, &format!("{apply} -o {name} | $o verify -"));
        assert!(
            text(&output.stdout).ends_with("agree\n"),
            "{name}: {output:?}"
        );
        // A file is written where it stands.
        let script =
            format!("echo before > log; {apply} -o out.tar --iidfile {name} >> log; cat log");
        let output = sh(&home, &script);
        assert_eq!(
            text(&output.stdout),
            format!("before\n{id}"),
            "{name}: {output:?}"
        );
        let script =
            format!("{{ echo before; {apply} -o out.tar --iidfile {name}; echo; }} > log; cat log");
        let output = sh(&home, &script);
        assert_eq!(
            text(&output.stdout),
            format!("before\n{id}\n"),
            "{name}: {output:?}"
        );
    }
    let output = sh(
        &home,
        &format!("{apply} -o out.tar --iidfile id --metadata-file -"),
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(metadata["containerimage.config.digest"], id);
    assert_eq!(fs::read_to_string(home.path("id")).unwrap(), id);
    let output = sh(&home, &format!("{apply} -o out.tar --provenance -"));
    assert!(
        text(&output.stdout).contains("https://slsa.dev/provenance/v1"),
        "{output:?}"
    );
    let output = sh(&home, &format!("{apply} -o out.tar --iidfile /dev/stderr"));
    assert_eq!(text(&output.stderr), id);
    let script =
        "$o pack directory/in - | cmp - image/in.tar; $o pack directory/in - | $o verify -";
    assert!(text(&sh(&home, script).stdout).ends_with("agree\n"));
    let patch = sh(&home, "$o diff --as-patch image/in.tar image/in.tar -o -");
    assert!(text(&patch.stdout).starts_with("# Made by"), "{patch:?}");
    let output = sh(&home, "$o unpack image/in.tar -");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(!home.path("-").exists());
}

#[test]
fn dev_null_is_a_reader_however_it_was_opened() {
    let home = Home::new();
    // Python's `subprocess.DEVNULL` is open for both, as is what Rust puts in place of a closed descriptor.
    for redirection in ["> /dev/null", "1<> /dev/null", ">> /dev/null"] {
        let script = format!("$o apply -q patch/label.yaml image/in.tar -o out.tar {redirection}");
        let output = sh(&home, &script);
        assert!(output.status.success(), "{redirection}: {output:?}");
    }
}
