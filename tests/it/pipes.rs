//! Standard input and output as pipes: one copy of what cannot be read twice, none of a file, and no word at a closed end.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ocipatch::compression::Compression;
use ocipatch::tarball::{Entry, header_group};
use serde_json::Value;

use crate::binary::{NO_CACHE, command, listing};
use crate::engine::{Docker, Store, fixture, tool};
use crate::nothing_lost::{home, run};

/// Runs `line` with `input` in a pipe.
fn piped(mut command: Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn ocipatch(home: &Path, line: &str) -> Command {
    let mut command = command();
    command.current_dir(home).args(line.split(' '));
    command
}

fn compressed(bytes: &[u8], compression: Compression) -> Vec<u8> {
    let mut encoder = compression.encoder(Vec::new()).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut decoder = Compression::detect(bytes).decoder(bytes).unwrap();
    decoder.read_to_end(&mut plain).unwrap();
    plain
}

/// The patched archive, as a run on the file writes it.
fn patched(home: &Path) -> Vec<u8> {
    run(home, "apply fix.yaml app.tar -o expected.tar");
    let bytes = fs::read(home.join("expected.tar")).unwrap();
    fs::remove_file(home.join("expected.tar")).unwrap();
    bytes
}

/// How many nameless files a run opens, and whether the kernel moved the stream.
fn kept(home: &Path, line: &str, stdin: Stdio, input: Option<&[u8]>) -> Option<(usize, bool)> {
    let mut strace = tool("strace")?;
    let log = home.join("log");
    strace.args(["-f", "-qq", "-e", "trace=openat,splice", "-o"]);
    strace
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .envs(NO_CACHE);
    strace.current_dir(home).args(line.split(' '));
    let output = match input {
        Some(bytes) => piped(strace, bytes),
        None => strace.stdin(stdin).output().unwrap(),
    };
    assert!(output.status.success(), "{output:?}");
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(log).unwrap();
    let n_files = text.matches("O_TMPFILE").count();
    Some((n_files, text.contains("splice(")))
}

#[test]
fn a_stream_is_kept_once_and_a_file_not_at_all() {
    let home = home("docker26.tar");
    let home = home.path();
    let bytes = fs::read(home.join("app.tar")).unwrap();
    let zipped = compressed(&bytes, Compression::Gzip);
    fs::write(home.join("app.tar.gz"), &zipped).unwrap();
    for line in [
        "plan label.yaml -",
        "apply label.yaml -",
        "inspect -",
        "verify -",
    ] {
        let Some(of_pipe) = kept(home, line, Stdio::null(), Some(&bytes)) else {
            return;
        };
        assert_eq!(of_pipe, (1, true), "{line}");
        let of_zipped = kept(home, line, Stdio::null(), Some(&zipped)).unwrap();
        assert_eq!(of_zipped.0, 1, "{line}");
        let open = |name: &str| Stdio::from(File::open(home.join(name)).unwrap());
        let of_file = kept(home, line, open("app.tar"), None).unwrap();
        assert_eq!(of_file.0, 0, "{line}");
        let of_zipped_file = kept(home, line, open("app.tar.gz"), None).unwrap();
        assert_eq!(of_zipped_file.0, 1, "{line}");
    }
}

#[test]
fn a_file_as_standard_input_needs_no_room() {
    let home = home("docker26.tar");
    let expected = patched(home.path());
    let run = |line: &str| {
        let file = File::open(home.path().join("app.tar")).unwrap();
        let mut command = ocipatch(home.path(), line);
        command.env("TMPDIR", "/nowhere").stdin(file);
        command.output().unwrap()
    };
    for line in ["plan label.yaml -", "inspect -", "verify -"] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    run("apply label.yaml - -o out.tar");
    assert!(home.path().join("out.tar").exists());
    let file = File::open(home.path().join("app.tar")).unwrap();
    let output = ocipatch(home.path(), "apply fix.yaml -")
        .stdin(file)
        .output();
    assert!(output.unwrap().stdout == expected);
    // What is given by `<` is the input as much as what is given by name.
    let output = run("apply label.yaml - -o app.tar");
    let message =
        "error: `app.tar` (the output) is the same file as `standard input` (the image); ";
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with(message), "{stderr}");
}

#[test]
fn a_file_is_read_from_where_it_stands() {
    let home = home("docker26.tar");
    let expected = patched(home.path());
    let bytes = fs::read(home.path().join("app.tar")).unwrap();
    let prefix = b"a line that somebody else has read\n";
    fs::write(
        home.path().join("behind"),
        [prefix, bytes.as_slice()].concat(),
    )
    .unwrap();
    let standing_at = |position| {
        let mut file = File::open(home.path().join("behind")).unwrap();
        file.seek(position).unwrap();
        let mut command = ocipatch(home.path(), "apply fix.yaml -");
        command.stdin(file).output().unwrap()
    };
    assert!(standing_at(SeekFrom::Start(prefix.len() as u64)).stdout == expected);
    let output = standing_at(SeekFrom::End(0));
    let message = "error: `standard input` is empty\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_compressed_stream_gives_a_stream_of_the_same_compression() {
    let home = home("docker26.tar");
    let expected = patched(home.path());
    let bytes = fs::read(home.path().join("app.tar")).unwrap();
    run(home.path(), "apply fix.yaml app.tar -o labelled.tar");
    let labelled = fs::read(home.path().join("labelled.tar")).unwrap();
    for compression in [
        Compression::Gzip,
        Compression::Zstd,
        Compression::Bzip2,
        Compression::Xz,
    ] {
        let name = compression.name();
        let zipped = compressed(&bytes, compression);
        let output = piped(ocipatch(home.path(), "apply fix.yaml -"), &zipped);
        assert_eq!(Compression::detect(&output.stdout), compression, "{name}");
        assert!(plain(&output.stdout) == expected, "{name}");
        // Nothing to do: the same archive, compressed anew.
        let zipped = compressed(&labelled, compression);
        let output = piped(ocipatch(home.path(), "apply label.yaml -"), &zipped);
        assert!(output.stdout == zipped, "{name}: by our own compressor");
        let output = piped(
            ocipatch(home.path(), "apply fix.yaml -"),
            &zipped[..zipped.len() / 2],
        );
        assert_eq!(output.status.code(), Some(3), "{name}: {output:?}");
        assert!(output.stdout.is_empty(), "{name}");
    }
}

#[test]
fn a_stream_from_one_pipe_goes_into_the_next() {
    let home = home("docker26.tar");
    let expected = patched(home.path());
    let script = "cat app.tar | \"$0\" apply -q fix.yaml - | \"$0\" verify - && cat app.tar | \"$0\" apply -q fix.yaml - > out.tar";
    let status = Command::new("sh")
        .current_dir(home.path())
        .args(["-c", script, env!("CARGO_BIN_EXE_ocipatch")])
        .envs(NO_CACHE)
        .status()
        .unwrap();
    assert!(status.success());
    assert!(fs::read(home.path().join("out.tar")).unwrap() == expected);
}

#[test]
fn a_reader_that_goes_after_a_byte_hears_nothing_and_leaves_nothing() {
    let home = home("docker26.tar");
    let home = home.path();
    let mut archive = crate::edit::Archive::fixture("docker26.tar");
    // More than a pipe holds, compressed as well.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()[0]
    });
    archive.entry("e389ba").data.extend(noise.take(1 << 20));
    archive.repair();
    let bytes = archive.to_bytes();
    fs::write(home.join("app.tar"), &bytes).unwrap();
    fs::write(
        home.join("app.tar.gz"),
        compressed(&bytes, Compression::Gzip),
    )
    .unwrap();
    fs::create_dir(home.join("spool")).unwrap();
    let before = listing(home);
    for input in ["app.tar", "app.tar.gz"] {
        for script in [
            "cat \"$1\" | { \"$0\" apply fix.yaml - -q; echo $? >&2; } | head -c 1 > /dev/null",
            "{ \"$0\" apply fix.yaml \"$1\" -q; echo $? >&2; } | head -c 1 > /dev/null",
            "{ \"$0\" apply fix.yaml - -q < \"$1\"; echo $? >&2; } | head -c 1 > /dev/null",
        ] {
            let output = Command::new("sh")
                .current_dir(home)
                .env("TMPDIR", "spool")
                .args(["-c", script, env!("CARGO_BIN_EXE_ocipatch"), input])
                .envs(NO_CACHE)
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            // It has not seen enough of an archive, whatever it thinks.
            assert_eq!(stderr, "3\n", "{script} {input}");
            assert_eq!(listing(home), before, "{script} {input}");
        }
    }
}

#[test]
fn a_stream_without_room_names_the_room() {
    let home = home("docker26.tar");
    fs::create_dir(home.path().join("spool")).unwrap();
    let entry = Entry {
        name: b"a".to_vec(),
        size: 4 << 20,
        ..Entry::file()
    };
    let mut bytes = header_group(&entry);
    bytes.resize(bytes.len() + (4 << 20) + 1024, 0);
    for input in [bytes.clone(), compressed(&bytes, Compression::Gzip)] {
        let before = listing(home.path());
        let mut shell = Command::new("sh");
        let script = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" apply label.yaml - -o out.tar";
        shell
            .args(["-c", script, env!("CARGO_BIN_EXE_ocipatch")])
            .envs(NO_CACHE);
        let output = piped(
            {
                shell.current_dir(home.path()).env("TMPDIR", "spool");
                shell
            },
            &input,
        );
        let message = "error: cannot write temporary files to `spool`: File too large (os error 27); set `TMPDIR` to a writable directory with free space\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), message);
        assert_eq!(output.status.code(), Some(3));
        assert_eq!(listing(home.path()), before);
    }
}

/// The stdout of the last command of a pipe in which every command succeeds.
fn pipe(commands: Vec<Command>) -> String {
    let mut children = Vec::new();
    let mut before: Option<std::process::ChildStdout> = None;
    for mut command in commands {
        let stdin = before.take().map_or_else(Stdio::null, Stdio::from);
        let mut child = command.stdin(stdin).stdout(Stdio::piped()).spawn().unwrap();
        before = child.stdout.take();
        children.push((command, child));
    }
    let mut output = String::new();
    before.unwrap().read_to_string(&mut output).unwrap();
    for (command, mut child) in children {
        assert!(child.wait().unwrap().success(), "{command:?}");
    }
    output
}

/// `docker save | ocipatch apply fix.yaml - | docker load`, and the plan of the same stream, which tells the id.
fn docker_to_docker(docker: &Docker, archive: &str) {
    let home = home(archive);
    docker.reset();
    docker.load(&fixture(archive));
    let save = || docker.command(&["save", "greeter:1"]);
    let plan = ocipatch(home.path(), "plan --format json fix.yaml -");
    let plan: Value = serde_json::from_str(&pipe(vec![save(), plan])).unwrap();
    assert_eq!(plan["images"].as_array().unwrap().len(), 1);
    let image = &plan["images"][0];
    let apply = ocipatch(home.path(), "apply -q fix.yaml -");
    let loaded = pipe(vec![save(), apply, docker.command(&["load"])]);
    assert!(loaded.contains("Loaded image"), "{loaded}");
    let tags = image["tags"].as_array().unwrap().iter();
    let tags = tags.filter(|tag| tag["change"] != "removed");
    let id = match docker.kind().store {
        // To the containerd store the manifest is the image.
        Store::Containerd => &image["manifestDigest"],
        Store::Vfs | Store::Overlay => &image["imageId"],
    };
    assert_ne!(id, &image["oldImageId"]);
    let mut n_tags = 0;
    for tag in tags {
        n_tags += 1;
        assert_eq!(docker.inspect(tag["tag"].as_str().unwrap())["Id"], *id);
    }
    assert!(n_tags > 0, "{image}");
    let verified = pipe(vec![
        save_of(docker, image),
        ocipatch(home.path(), "verify -"),
    ]);
    assert!(verified.contains("agree\n"), "{verified}");
}

fn save_of(docker: &Docker, image: &Value) -> Command {
    let mut tags = image["tags"].as_array().unwrap().iter();
    let tag = tags.rfind(|tag| tag["change"] != "removed");
    docker.command(&["save", tag.unwrap()["tag"].as_str().unwrap()])
}

#[test]
fn what_docker_20_saves_goes_through_pipes_back_to_it() {
    if let Some(docker) = Docker::v20() {
        docker_to_docker(&docker, "docker20.tar");
    }
}

#[test]
fn what_docker_26_saves_goes_through_pipes_back_to_it() {
    if let Some(docker) = Docker::v26() {
        docker_to_docker(&docker, "docker26.tar");
    }
}

#[test]
fn what_docker_28_saves_goes_through_pipes_back_to_it() {
    if let Some(docker) = Docker::v28() {
        docker_to_docker(&docker, "docker28.tar");
    }
}

#[test]
fn what_docker_28_with_containerd_saves_goes_through_pipes_back_to_it() {
    if let Some(docker) = Docker::v28_containerd() {
        docker_to_docker(&docker, "docker28-containerd.tar");
    }
}

#[test]
fn what_docker_26_with_containerd_saves_goes_through_pipes_back_to_it() {
    if let Some(docker) = Docker::v26_containerd() {
        docker_to_docker(&docker, "docker26-containerd.tar");
    }
}
