//! What other readers make of headers that were changed.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

use ocipatch::tarball::{END_OF_ARCHIVE, Entry, Kind, Mtime};

use super::group::{Digits, Place, group};
use super::{change, fitting, read, with_data};
use crate::engine::tool;
use crate::random;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Groups that were changed, as an archive, and what is meant by them.
fn changed_archive() -> (Vec<u8>, Vec<Entry>) {
    let (mut archive, mut entries) = (Vec::new(), Vec::new());
    for (mut given, change) in random::samples(200, &(group(), change())) {
        // What other readers cannot have at all, whoever writes it.
        given.extra.remove("hdrcharset");
        given.times = None;
        if given.digits[0] == Digits::Binary {
            given.digits[0] = Digits::Zeros;
        }
        given.name.retain(|&b| b != b'\n');
        if given.name_in == Place::Field && given.name.len() > 100 {
            given.name_in = Place::Pax;
        }
        let mut change = fitting(change, given.flag);
        if let Some(name) = &mut change.name {
            name.retain(|&b| b != b'\n');
        }
        let group = change.apply(&given.bytes());
        let entry = read(&group).unwrap();
        archive.extend(with_data(&group, entry.size));
        entries.push(entry);
    }
    archive.extend(END_OF_ARCHIVE);
    (archive, entries)
}

#[test]
fn the_tar_crate_reads_what_was_changed() {
    let (archive, entries) = changed_archive();
    let mut tar = tar::Archive::new(&archive[..]);
    let mut n = 0;
    for (found, entry) in tar.entries().unwrap().zip(&entries) {
        let mut found = found.unwrap();
        n += 1;
        // It splits records at newlines, so that one in a value hides what follows.
        let is_torn = entry.xattrs.iter().any(|(_, value)| value.contains(&b'\n'));
        let mut data = Vec::new();
        found.read_to_end(&mut data).unwrap();
        assert_eq!(data.len() as u64, entry.size, "{entry:?}");
        if is_torn {
            continue;
        }
        assert_eq!(found.header().mode().unwrap(), entry.mode, "{entry:?}");
    }
    assert_eq!(n, entries.len());
}

/// Names, numbers and times as Python's `tarfile` reads them, which has a reader of its own.
const PYTHON: &str = "
import sys, tarfile
for item in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'):
    name = item.name.encode('utf-8', 'surrogateescape').hex()
    link = item.linkname.encode('utf-8', 'surrogateescape').hex()
    print(item.type.decode(), name, link or '-', item.mode & 0o7777, item.uid, item.gid, item.size, int(item.mtime // 1))
";

#[test]
fn python_reads_what_was_changed() {
    let Some(mut python) = tool("python3") else {
        return;
    };
    let (archive, entries) = changed_archive();
    let python = python
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || input.write_all(&archive));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    // It takes slashes at the end away.
    let without_slashes = |name: &[u8]| {
        let end = name.iter().rposition(|&b| b != b'/').map_or(0, |at| at + 1);
        hex(&name[..end])
    };
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.lines().count(), entries.len());
    for (line, entry) in told.lines().zip(&entries) {
        let flag = match entry.kind {
            Kind::File => "0",
            Kind::HardLink => "1",
            Kind::Symlink => "2",
            Kind::Directory => "5",
            _ => "6",
        };
        let link = match &entry.link_name[..] {
            b"" => "-".to_owned(),
            link => hex(link),
        };
        let Mtime { seconds, .. } = entry.mtime;
        let Entry {
            mode,
            uid,
            gid,
            size,
            ..
        } = entry;
        let name = without_slashes(&entry.name);
        let wanted = format!(
            "{flag} {name} {link} {} {uid} {gid} {size} {seconds}",
            mode & 0o7777
        );
        assert_eq!(line, wanted, "{entry:?}");
    }
}

#[test]
fn gnu_tar_reads_what_was_changed() {
    let Some(mut tar) = tool("tar") else { return };
    let directory = tempfile::tempdir().unwrap();
    let (archive, entries) = changed_archive();
    std::fs::write(directory.path().join("a.tar"), archive).unwrap();
    let arguments = [
        "--list",
        "--numeric-owner",
        "--verbose",
        "--warning=no-unknown-keyword",
        "--file",
    ];
    let output = tar
        .args(arguments)
        .arg(directory.path().join("a.tar"))
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = std::str::from_utf8(&output.stdout)
        .unwrap()
        .lines()
        .collect();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(lines.len(), entries.len(), "{stderr}");
    for (line, entry) in lines.iter().zip(&entries) {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1], format!("{}/{}", entry.uid, entry.gid), "{line}");
        if entry.kind == Kind::File {
            assert_eq!(words[2], entry.size.to_string(), "{line}");
        }
    }
}
