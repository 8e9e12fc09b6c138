//! Archives that come through standard input: what they cost, and that they come out the same.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::binary::{command, write_files};
use crate::engine::{absent, fixture, is_root};

const LABEL: &str = "apiVersion: ocipatch/v1
operations:
  - set-label: {mylabel: modifiedvalue}
";
/// What the layer of the large archive has. In bytes.
const LAYER_BYTES: usize = 24 << 20;

fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &[("fix.yaml", LABEL)]);
    home
}

/// An archive that no compression makes smaller.
fn large(directory: &Path) -> PathBuf {
    let mut archive = crate::edit::Archive::fixture("docker26.tar");
    let data = &mut archive.entry("e389ba").data;
    let mut state = 1_u64;
    while data.len() < LAYER_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        data.extend(state.to_le_bytes());
    }
    archive.repair();
    let path = directory.join("large.tar");
    fs::write(&path, archive.to_bytes()).unwrap();
    path
}

fn apply(home: &Path, stdin: impl Into<Stdio>, spool: &Path) -> Output {
    let output = command()
        .current_dir(home)
        .args(["apply", "--quiet", "fix.yaml", "-"])
        .env("TMPDIR", spool)
        .stdin(stdin)
        .output();
    output.unwrap()
}

/// A pipe that a thread fills.
fn pipe(bytes: Vec<u8>) -> std::io::PipeReader {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // Who stops reading early closes the pipe; the test sees what came of it.
    std::thread::spawn(move || drop(writer.write_all(&bytes)));
    reader
}

/// Mounts a small file system; nothing where that is not permitted.
fn small_disk(home: &Path, megabytes: usize) -> Option<PathBuf> {
    let disk = home.join("disk");
    fs::create_dir_all(&disk).unwrap();
    let size = format!("size={megabytes}m");
    let mut mount = Command::new("mount");
    let mounted = mount
        .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
        .arg(&disk)
        .status();
    if !is_root() || !mounted.is_ok_and(|status| status.success()) {
        absent("a small disk", "mounting one is not permitted here");
        return None;
    }
    Some(disk)
}

fn unmount(disk: &Path) {
    assert!(Command::new("umount").arg(disk).status().unwrap().success());
}

#[test]
fn a_pipe_a_file_and_an_open_file_give_the_same() {
    for name in [
        "docker20.tar",
        "docker20.tar.gz",
        "docker26.tar",
        "buildx-oci.tar",
    ] {
        let home = home();
        let bytes = fs::read(fixture(name)).unwrap();
        let output = home.path().join("out.tar");
        let named = command()
            .current_dir(home.path())
            .args(["apply", "--quiet", "fix.yaml"])
            .arg(fixture(name))
            .arg("-o")
            .arg(&output)
            .status();
        assert!(named.unwrap().success());
        let wanted = fs::read(&output).unwrap();
        let piped = apply(home.path(), pipe(bytes.clone()), home.path());
        assert!(piped.status.success(), "{name}: {piped:?}");
        assert!(piped.stdout == wanted, "{name}");
        let open = apply(home.path(), File::open(fixture(name)).unwrap(), home.path());
        assert!(open.stdout == wanted, "{name}");
        // Somebody has read a line of it before us.
        let prefixed = home.path().join("prefixed");
        fs::write(&prefixed, [b"line\n".as_slice(), &bytes].concat()).unwrap();
        let mut file = File::open(&prefixed).unwrap();
        file.seek(SeekFrom::Start(5)).unwrap();
        assert!(
            apply(home.path(), file, home.path()).stdout == wanted,
            "{name}"
        );
    }
}

#[test]
fn a_stream_is_copied_once_and_a_file_not_at_all() {
    let home = home();
    let archive = large(home.path());
    let bytes = fs::read(&archive).unwrap();
    let gzip = Command::new("gzip").arg("--stdout").arg(&archive).output();
    let compressed = gzip.unwrap().stdout;
    assert!(compressed.len() > LAYER_BYTES);
    let megabytes = LAYER_BYTES >> 20;
    let Some(disk) = small_disk(home.path(), megabytes + megabytes / 2) else {
        return;
    };
    let piped = [bytes, compressed].map(|bytes| apply(home.path(), pipe(bytes), &disk));
    unmount(&disk);
    for output in &piped {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
    }
    let Some(disk) = small_disk(home.path(), 1) else {
        return;
    };
    let open = apply(home.path(), File::open(&archive).unwrap(), &disk);
    unmount(&disk);
    assert!(open.status.success());
    assert!(open.stdout == piped[0].stdout);
}

#[test]
fn a_reader_that_has_seen_enough_leaves_nothing_behind() {
    let home = home();
    let archive = large(home.path());
    let before = crate::binary::listing(home.path());
    let mut child = command()
        .current_dir(home.path())
        .args(["apply", "--quiet", "fix.yaml", "-"])
        .env("TMPDIR", home.path())
        .stdin(pipe(fs::read(&archive).unwrap()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    // It has not seen enough of an archive, whatever it thinks.
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(crate::binary::listing(home.path()), before);
}

#[test]
fn the_output_is_not_the_file_that_is_read() {
    let home = home();
    let image = home.path().join("app.tar");
    fs::copy(fixture("docker20.tar"), &image).unwrap();
    let output = command()
        .current_dir(home.path())
        .args(["apply", "--quiet", "fix.yaml", "-", "-o", "app.tar"])
        .stdin(File::open(&image).unwrap())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("is the input"), "{stderr}");
    assert!(fs::read(image).unwrap() == fs::read(fixture("docker20.tar")).unwrap());
}
