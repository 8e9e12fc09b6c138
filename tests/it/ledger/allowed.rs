//! What stays possible: an output beside its inputs, one terminal or `/dev/null` for everything, names shared by files
//! that are only read; and where that ends.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::home::{Home, LABEL};
use crate::binary::{NO_CACHE, command, write_files};
use crate::engine::{absent, is_root};

/// Runs a script in a home with the program as `$o`.
pub(super) fn sh(home: &Home, script: &str) -> Output {
    let mut bash = Command::new("bash");
    bash.current_dir(home.path("")).args(["-c", script]);
    bash.env("o", env!("CARGO_BIN_EXE_ocipatch")).envs(NO_CACHE);
    bash.stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn works(home: &Home, script: &str) -> String {
    let output = sh(home, &format!("set -e; {script}"));
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub(super) fn is_refused(home: &Home, script: &str) -> String {
    let before = home.state();
    let output = sh(home, script);
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{script}: {text}");
    assert!(
        text.contains("is the same") || text.contains("is inside"),
        "{text}"
    );
    assert_eq!(home.state(), before, "{script}: {text}");
    text
}

#[test]
fn an_output_may_lie_beside_everything_that_is_read() {
    let home = Home::new();
    for script in [
        "$o apply patch/label.yaml image/in.tar -o image/in.tar.new --iidfile image/id --metadata-file patch/label.json",
        // Its name begins as that of the directory that the patch reads.
        "$o apply patch/sources.yaml image/in.tar -o patch/rootfs/files.tar --iidfile patch/rootfs/file",
        "$o apply patch/label.yaml directory/in -o directory/in2",
        "$o pack directory/in directory/in.tar",
        "$o unpack image/in.tar image/in",
        "$o diff --as-patch --partial image/in.tar image/app.tar -o image/turn.yaml --layers image",
        "$o diff --as-patch --partial image/in.tar image/app.tar -o made/here/turn.yaml --layers made/here",
        "$o check patch/label.yaml patch/label.yaml --arg-file args/file --arg-file args/file",
        "$o diff image/in.tar image/in.tar",
    ] {
        works(&home, script);
    }
}

#[test]
fn what_is_excluded_from_a_layer_may_be_written() {
    let home = Home::new();
    let patch = "apiVersion: ocipatch/v1\noperations:\n  - add-layer: { from: ., to: /srv, exclude: [\"*.tar\", build, \"!build/keep\", id, log] }\n";
    write_files(
        &home.path("patch"),
        &[("all.yaml", patch), ("build/keep/file", "kept\n")],
    );
    for script in [
        "$o apply patch/all.yaml image/in.tar -o patch/out.tar --iidfile patch/id > patch/log",
        "$o apply patch/all.yaml image/in.tar -o patch/build/out",
        "ln image/in.tar patch/link.tar; cp image/in.tar patch/other.tar; ln patch/other.tar out; $o apply patch/all.yaml image/in.tar -o out",
    ] {
        works(&home, script);
    }
    for script in [
        "$o apply patch/all.yaml image/in.tar -o patch/out",
        "$o apply patch/all.yaml image/in.tar -o patch/build/keep/out",
        "$o plan patch/all.yaml image/in.tar >> patch/label.yaml",
        "$o apply patch/all.yaml image/in.tar --iidfile patch/diffs/id -o out",
    ] {
        is_refused(&home, script);
    }
}

#[test]
fn dev_null_and_descriptors_have_several_uses() {
    let home = Home::new();
    for script in [
        "$o apply patch/label.yaml image/in.tar -o /dev/null --iidfile /dev/null --metadata-file /dev/null > /dev/null 2> /dev/null",
        "$o apply -q /dev/stdin image/in.tar --arg-file /dev/null -o out.tar < patch/label.yaml",
        "$o apply -q /dev/fd/3 image/in.tar -o /dev/stdout 3< patch/label.yaml | $o verify -",
        "$o apply patch/label.yaml image/in.tar -o both.tar > log 2>&1",
        "$o apply patch/label.yaml image/in.tar -o both.tar &> log",
        "$o apply -q patch/label.yaml image/in.tar > quiet.tar 2>&1",
        "$o verify quiet.tar",
        "cat image/in.tar | $o apply -q patch/label.yaml - | $o verify -",
    ] {
        works(&home, script);
    }
    let id = works(
        &home,
        "$o apply patch/label.yaml image/in.tar -o out.tar --iidfile >(cat > by-pipe) > by-stdout; sleep 0.2; cat by-pipe",
    );
    assert!(id.starts_with("sha256:"), "{id}");
    // What is open already is written to, not replaced, and behind what is there.
    let log = works(
        &home,
        "echo first > log; $o apply -q patch/label.yaml image/in.tar -o out.tar --iidfile /dev/fd/3 3>> log > /dev/null; cat log",
    );
    assert_eq!(log, format!("first\n{id}"));
}

#[test]
fn a_pipe_is_written_for_one_purpose() {
    let home = Home::new();
    for script in [
        "mkfifo pipe; $o apply patch/label.yaml image/in.tar -o out.tar --iidfile pipe --metadata-file pipe",
        "$o apply patch/label.yaml pipe -o pipe",
        "$o apply -q patch/label.yaml image/in.tar --iidfile /dev/stdout",
        "$o apply -q patch/label.yaml image/in.tar -o - --metadata-file -",
        "$o apply -q patch/label.yaml image/in.tar -o out.tar --iidfile - --metadata-file /dev/fd/1",
    ] {
        sh(&home, "test -e pipe || mkfifo pipe");
        is_refused(&home, &script.replace("mkfifo pipe; ", ""));
    }
    let output = sh(
        &home,
        "$o apply patch/label.yaml image/in.tar 2>&1 | cat; exit ${PIPESTATUS[0]}",
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("is the same pipe as"), "{text}");
    // Messages would be in the archive, and there is nowhere to say so.
    let output = sh(
        &home,
        "$o apply patch/label.yaml image/in.tar > new 2>&1; echo $?; cat new",
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "2\n");
}

#[test]
fn headers_that_a_link_leads_to_are_part_of_what_is_packed() {
    let home = Home::new();
    works(
        &home,
        "$o unpack image/in.tar unpacked; mv unpacked/.ocipatch/headers kept; ln -s ../../kept unpacked/.ocipatch/headers; $o pack unpacked out.tar; cmp out.tar image/in.tar",
    );
    is_refused(&home, "$o pack unpacked kept");
    is_refused(&home, "$o pack unpacked - >> kept");
}

#[test]
fn files_that_are_only_read_may_have_many_names() {
    let home = Home::new();
    // As stores that keep one copy of each blob have it: the image that is changed shares files with its base.
    let script = "cp -al directory/in shared; mkdir more; cp -al directory/in more/in; cp patch/rebase.yaml more/fix.yaml; \
        sed -i 's|bases/old.tar|in|; s|bases/new|in|' more/fix.yaml; $o apply more/fix.yaml shared --in-place; $o verify more/in";
    works(&home, script);
    // Several names, none of which is read.
    works(
        &home,
        "echo old > id; ln id other; $o apply patch/sources.yaml directory/in --in-place --iidfile id; test $(cat other) = old",
    );
    // A loop of links is no place for anything.
    let output = sh(
        &home,
        "ln -s loop loop; $o apply patch/label.yaml image/in.tar -o loop",
    );
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

#[test]
fn a_bind_mount_is_seen_through() {
    let home = Home::new();
    fs::create_dir(home.path("mounted")).unwrap();
    if !is_root() {
        return absent("a bind mount", "mounting one needs root");
    }
    let mount = |words: &[&str]| {
        let status = Command::new(words[0])
            .args(&words[1..])
            .current_dir(home.path(""))
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["mount", "--bind", "directory/in/blobs", "mounted"]) {
        return absent("a bind mount", "mounting one is not permitted here");
    }
    let blob = home.file_in("mounted/sha256").unwrap();
    let results = ["mounted/new", "mounted/sha256/new", "mounted", &blob].map(|path| {
        let before = home.state();
        let mut apply = command();
        apply.current_dir(home.path(""));
        apply.args([
            "apply",
            "patch/label.yaml",
            "directory/in",
            "-o",
            "out",
            "--iidfile",
            path,
        ]);
        let output = apply.output().unwrap();
        (output, home.state() == before)
    });
    let beside = sh(
        &home,
        "$o apply -q patch/label.yaml directory/in -o out --iidfile id",
    );
    assert!(mount(&["umount", "mounted"]));
    for (output, is_unchanged) in results {
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(is_unchanged, "{output:?}");
    }
    assert!(beside.status.success(), "{beside:?}");
}

#[test]
fn a_stream_is_known_without_proc() {
    let home = Home::new();
    if !is_root() {
        return absent("a namespace without `/proc`", "making one needs root");
    }
    let hidden = "unshare -m sh -c 'mount -t tmpfs none /proc && exec \"$@\"' sh";
    if !sh(&home, &format!("{hidden} true")).status.success() {
        return absent(
            "a namespace without `/proc`",
            "making one is not permitted here",
        );
    }
    sh(&home, "touch directory/in/log");
    for redirection in [
        ">> directory/in/log",
        "2>> directory/in/log",
        ">> image/in.tar",
    ] {
        let image = if redirection.contains("directory") {
            "directory/in"
        } else {
            "image/in.tar"
        };
        is_refused_silently(
            &home,
            &format!("{hidden} $o plan patch/label.yaml {image} {redirection}"),
        );
    }
    sh(&home, "rm directory/in/log");
    works(
        &home,
        &format!("{hidden} $o plan patch/label.yaml directory/in > log"),
    );
}

/// Where standard error is what is refused, there may be nobody to tell.
#[track_caller]
fn is_refused_silently(home: &Home, script: &str) {
    let before = home.state();
    let output = sh(home, script);
    assert_eq!(output.status.code(), Some(2), "{script}: {output:?}");
    assert_eq!(home.state(), before, "{script}: {output:?}");
}

#[test]
fn a_path_leads_where_the_system_leads_it() {
    let home = Home::new();
    // `..` of a link is the parent of what it leads to.
    fs::create_dir_all(home.path("far/away")).unwrap();
    symlink(home.path("far/away"), home.path("near")).unwrap();
    works(
        &home,
        "$o apply patch/label.yaml image/in.tar -o near/../image.tar --iidfile image.tar",
    );
    assert!(home.path("far/image.tar").exists() && home.path("image.tar").exists());
    symlink("image/in.tar", home.path("far/in.tar")).unwrap();
    symlink(Path::new("../image"), home.path("far/image")).unwrap();
    is_refused(
        &home,
        "$o apply patch/label.yaml image/in.tar -o near/../in.tar",
    );
    fs::write(home.path("other.yaml"), LABEL).unwrap();
    symlink("a/b/../../other.yaml", home.path("odd")).unwrap();
    is_refused(
        &home,
        "mkdir -p a/b; $o apply other.yaml image/in.tar -o out.tar --provenance odd; rc=$?; rmdir -p a/b; exit $rc",
    );
}

/// What is wrong with one path is told before another one is opened, which may not even be there.
#[test]
fn nothing_is_opened_before_every_path_is_known() {
    let home = Home::new();
    for script in [
        "$o apply patch/none.yaml image/in.tar -o image/in.tar",
        "$o apply patch/label.yaml image/none.tar -o patch/label.yaml",
        "$o apply patch/sources.yaml image/none.tar -o patch/texts/more.txt",
        "$o apply patch/sources.yaml image/none.tar -o patch/rootfs/files",
        "$o apply patch/label.yaml image/none.tar -o args/file --arg-file args/file",
        "$o apply - image/none.tar -o patch/label.yaml < patch/label.yaml",
    ] {
        is_refused(&home, script);
    }
}
