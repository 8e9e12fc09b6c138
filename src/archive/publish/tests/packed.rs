//! Directories that were unpacked, as they are packed again.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::super::pack::{pack, pack_into, unpack};
use super::{Home, header, padded, plain, tar};
use crate::compression::Compression;
use crate::tarball::{END_OF_ARCHIVE, Kind};

#[test]
fn what_was_unpacked_is_packed_as_it_was() {
    let home = Home::new();
    let padding = vec![0; 3000];
    for behind in [&END_OF_ARCHIVE[..], &padding] {
        let bytes = tar(behind);
        let source = home.write("app.tar", &bytes);
        unpack(&source, &home.at("app")).unwrap();
        let packed = home.open("app");
        pack(&packed, &home.at("app"), &home.at("out.tar")).unwrap();
        assert!(fs::read(home.at("out.tar")).unwrap() == bytes);
        let stream = File::create(home.at("out.tar")).unwrap();
        pack_into(&packed, &home.at("app"), stream, "x").unwrap();
        assert!(fs::read(home.at("out.tar")).unwrap() == bytes);
        pack(&packed, &home.at("app"), &home.at("out.tar.gz")).unwrap();
        let compressed = fs::read(home.at("out.tar.gz")).unwrap();
        assert!(plain(&compressed, Compression::Gzip) == bytes);
        // Into what is read nothing is written.
        pack(&packed, &home.at("app"), &home.at("app/out.tar")).unwrap_err();
        pack(&packed, &home.at("app"), &home.at("app/.ocipatch/headers")).unwrap_err();
        unpack(&packed, &home.at("app/inner")).unwrap_err();
        fs::remove_dir_all(home.at("app")).unwrap();
    }
}

/// Some writers have a global header first.
#[test]
fn a_global_header_stays_before_the_entries() {
    let home = Home::new();
    let text = "13 comment=x\n";
    let global = header("pax_global_header", Kind::Global, text.len(), "");
    let bytes = [global, padded(text), tar(&END_OF_ARCHIVE)].concat();
    let source = home.write("app.tar", &bytes);
    unpack(&source, &home.at("app")).unwrap();
    pack(&home.open("app"), &home.at("app"), &home.at("out.tar")).unwrap();
    assert!(fs::read(home.at("out.tar")).unwrap() == bytes);
}

/// The entries of what is packed after `edit`: names, kinds, modes, sizes and link targets.
fn packed(edit: impl Fn(&Path)) -> Vec<String> {
    let home = Home::new();
    let source = home.write("app.tar", &tar(&END_OF_ARCHIVE));
    unpack(&source, &home.at("app")).unwrap();
    edit(&home.at("app"));
    pack(&home.open("app"), &home.at("app"), &home.at("out.tar")).unwrap();
    let out = home.open("out.tar");
    let line = |entry: &crate::archive::SourceEntry| {
        let link = String::from_utf8_lossy(&entry.link_name).into_owned();
        let hard = if entry.is_hard_link() { "=" } else { "" };
        format!(
            "{}{hard} {:o} {} {link}",
            entry.name,
            entry.mode & 0o7777,
            entry.size
        )
    };
    out.entries().iter().map(line).collect()
}

#[test]
fn what_was_edited_is_packed_as_it_is() {
    let all = [
        "d 640 0 ",
        "d/b 640 9 ",
        "a 640 0 ",
        "c 640 1024 ",
        "link 640 0 d/b",
        "same= 640 1024 c",
        "last 640 4 ",
    ];
    assert_eq!(packed(|_| {}), all);
    let with = |changes: &[(usize, &str)]| {
        let mut lines: Vec<String> = all.iter().map(ToString::to_string).collect();
        for &(at, line) in changes {
            line.clone_into(&mut lines[at]);
        }
        lines
    };
    let resized = packed(|app| fs::write(app.join("last"), "longer").unwrap());
    assert_eq!(resized, with(&[(6, "last 640 6 ")]));
    // A hard link that was edited is a file of its own.
    let edited = packed(|app| fs::write(app.join("same"), "d".repeat(1024)).unwrap());
    assert_eq!(edited, with(&[(5, "same 640 1024 ")]));
    let relinked = packed(|app| {
        fs::remove_file(app.join("link")).unwrap();
        symlink("a", app.join("link")).unwrap();
    });
    let mut expected = with(&[]);
    expected.remove(4);
    expected.push("link 777 0 a".to_owned());
    assert_eq!(relinked, expected);
    let gone = packed(|app| fs::remove_file(app.join("c")).unwrap());
    let mut expected = with(&[(5, "same 640 1024 ")]);
    expected.remove(3);
    assert_eq!(gone, expected);
    let new = packed(|app| {
        fs::create_dir(app.join("b")).unwrap();
        fs::write(app.join("b/new"), "new").unwrap();
    });
    let mut expected = with(&[]);
    expected.extend(["b 755 0 ".to_owned(), "b/new 644 3 ".to_owned()]);
    assert_eq!(new, expected);
    // Without the headers it is the tar that `tar` would make.
    let plain = packed(|app| fs::remove_dir_all(app.join(".ocipatch")).unwrap());
    let names: Vec<&str> = plain
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(names, ["a", "c", "d", "d/b", "last", "link", "same"]);
}

#[test]
fn headers_that_are_damaged_are_told() {
    let home = Home::new();
    let source = home.write("app.tar", &tar(&END_OF_ARCHIVE));
    unpack(&source, &home.at("app")).unwrap();
    let headers = home.at("app/.ocipatch/headers");
    let right = fs::read(&headers).unwrap();
    let told = format!(
        "the entry `{}` is damaged; remove it to pack without the original headers",
        headers.display()
    );
    let mut damaged: Vec<Vec<u8>> = (0..right.len())
        .step_by(97)
        .map(|n| right[..n].to_vec())
        .collect();
    damaged.push(right[..right.len() - 1].to_vec());
    damaged.push([&right[..], b"\0"].concat());
    let at = |n: usize, byte: u8| {
        let mut bytes = right.clone();
        bytes[n] = byte;
        bytes
    };
    // The first line, the compression, a length, a header, the length of what stands before.
    let first = b"ocipatch headers 1\nnone\n".len();
    for n in [0, 17, first - 3, first + 1, first + 10] {
        damaged.push(at(n, 0xee));
    }
    // An entry where none may be, and what ends a tar before it begins.
    let length = right.len() - 8 - END_OF_ARCHIVE.len();
    let root = length - 512;
    for inside in [header("x", Kind::File, 0, ""), vec![0; 512]] {
        let mut bytes = right.clone();
        bytes[root..length].copy_from_slice(&inside);
        damaged.push(bytes);
        let mut bytes = right.clone();
        bytes[length + 8..length + 8 + 512].copy_from_slice(&header("x", Kind::File, 0, ""));
        damaged.push(bytes);
    }
    let packed = home.open("app");
    for bytes in damaged {
        fs::write(&headers, &bytes).unwrap();
        let failed = pack(&packed, &home.at("app"), &home.at("out.tar"));
        assert_eq!(failed.unwrap_err().to_string(), told, "{}", bytes.len());
        assert!(!home.at("out.tar").exists());
    }
    fs::remove_file(&headers).unwrap();
    fs::create_dir(&headers).unwrap();
    let failed = pack(&packed, &home.at("app"), &home.at("out.tar"));
    assert_eq!(failed.unwrap_err().to_string(), told);
    fs::remove_dir(&headers).unwrap();
    let mut file = File::create(&headers).unwrap();
    file.write_all(&right).unwrap();
    pack(&packed, &home.at("app"), &home.at("out.tar")).unwrap();
}
