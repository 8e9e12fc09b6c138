//! Damaged and hostile archives: every command says which entry and why, writes nothing, and stays small.
//!
//! `tests/hostile.txt` holds what is said about each; `UPDATE=1` rewrites it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use ocipatch::archive::Source;
use ocipatch::compression::Compression;

use crate::binary::{listing, write_files};
use crate::edit::{Archive, file_header, fixture};

const PATCH: &str = "apiVersion: ocipatch/v1\noperations:\n  - set-label: { a: b }\n  - add-layer: { from: rootfs }\n";
const COMMANDS: [&[&str]; 6] = [
    &["apply", "fix.yaml", "IMAGE", "-o", "out.tar"],
    &["plan", "fix.yaml", "IMAGE"],
    &["inspect", "--files", "IMAGE"],
    &["verify", "IMAGE"],
    &["unpack", "IMAGE", "out"],
    &["unpack", "--layers", "IMAGE", "out"],
];
/// Address space that a command may take, which bounds its memory from above. In KiB.
const ROOM: u32 = 96 * 1024;

fn limited(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .current_dir(directory)
        .args(["-c", &format!("ulimit -v {ROOM}; exec \"$@\""), "sh"])
        .arg(env!("CARGO_BIN_EXE_ocipatch"))
        .args(arguments)
        .env_remove("SOURCE_DATE_EPOCH")
        .env("TMPDIR", directory)
        .env("NO_COLOR", "1");
    command.output().unwrap()
}

/// Runs every command on `image`, which `write` puts there; returns what they say.
fn told(name: &str, write: impl FnOnce(&Path)) -> String {
    let home = tempfile::tempdir().unwrap();
    write_files(home.path(), &[("fix.yaml", PATCH), ("rootfs/new", "new\n")]);
    write(&home.path().join("image"));
    let before = shape(home.path());
    // Commands that say the same stand together.
    let mut says: Vec<(Vec<String>, String)> = Vec::new();
    for command in COMMANDS {
        let arguments: Vec<&str> = command
            .iter()
            .map(|&argument| {
                if argument == "IMAGE" {
                    "image"
                } else {
                    argument
                }
            })
            .collect();
        let output = limited(home.path(), &arguments);
        let stdout = String::from_utf8(output.stdout).unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code();
        let said = match code {
            Some(0) => "done\n".to_owned(),
            // A report of `verify` goes to standard output.
            Some(3) => stdout + &stderr,
            _ => panic!(
                "{name}: {arguments:?}: {:?}\n{stdout}\n{stderr}",
                output.status
            ),
        };
        let is_word = |word: &&&str| **word == command[0] || word.starts_with("--");
        let words: Vec<&str> = command.iter().filter(is_word).copied().collect();
        match says.last_mut() {
            Some((commands, last)) if *last == said => commands.push(words.join(" ")),
            _ => says.push((vec![words.join(" ")], said)),
        }
        for out in ["out", "out.tar"] {
            let out = home.path().join(out);
            if code == Some(0) && out.exists() {
                fs::remove_dir_all(&out)
                    .or_else(|_| fs::remove_file(&out))
                    .unwrap();
            }
        }
        assert_eq!(shape(home.path()), before, "{name}: {arguments:?}");
    }
    let mut text = format!("# {name}\n");
    for (commands, said) in says {
        write!(text, "{}: {said}", commands.join(", ")).unwrap();
    }
    text + "\n"
}

/// What is there, by names and sizes: reading a fifo would wait, reading gigabytes takes long.
fn shape(directory: &Path) -> Vec<String> {
    let output = Command::new("find")
        .current_dir(directory)
        .args([".", "-printf", "%p %y %s %l %m %T@\n"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // The directory itself is dated by temporaries that came and went.
    lines.retain(|line| !line.starts_with(". "));
    lines.sort();
    lines
}

type Damage = fn(&mut Archive);

fn retarget(archive: &mut Archive, part: &str, kind: tar::EntryType, target: &str) {
    let entry = archive.entry(part);
    entry.header.set_entry_type(kind);
    entry.header.set_link_name_literal(target).unwrap();
    entry.data.clear();
}

fn rename(archive: &mut Archive, part: &str, name: &str) {
    name.clone_into(&mut archive.entry(part).name);
}

/// Fixture, what is done to it, and how.
const DAMAGES: &[(&str, &str, Damage)] = &[
    ("docker26.tar", "a configuration with another digest", |a| {
        a.entry("fba3ad").data[20] ^= 1
    }),
    ("docker20.tar", "a configuration with another digest", |a| {
        a.entry("fba3ad").data[20] ^= 1
    }),
    ("docker26.tar", "a layer with another digest", |a| {
        a.entry("65ecc4").data[600] ^= 1
    }),
    ("docker26.tar", "an OCI manifest with another digest", |a| {
        a.entry("0b0773").data[40] ^= 1
    }),
    ("docker26.tar", "no configuration", |a| a.remove("fba3ad")),
    ("docker26.tar", "no layer", |a| a.remove("e389ba")),
    ("docker20.tar", "no layer", |a| {
        a.remove("c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7/layer.tar")
    }),
    ("docker26.tar", "no OCI manifest", |a| a.remove("0b0773")),
    ("docker26.tar", "no manifest.json", |a| {
        a.remove("manifest.json")
    }),
    ("docker26.tar", "a name that leaves the archive", |a| {
        a.add("../../evil", b"x")
    }),
    (
        "docker26.tar",
        "a name that leaves the archive in the middle",
        |a| a.add("blobs/../../evil", b"x"),
    ),
    ("docker26.tar", "an absolute name", |a| {
        a.add("/etc/evil", b"x")
    }),
    (
        "docker26.tar",
        "a layer that is a link out of the archive",
        |a| {
            retarget(
                a,
                "e389ba",
                tar::EntryType::Symlink,
                "../../../../etc/passwd",
            )
        },
    ),
    ("docker26.tar", "a layer that is an absolute link", |a| {
        retarget(a, "e389ba", tar::EntryType::Symlink, "/etc/passwd")
    }),
    ("docker26.tar", "a layer that is a link to itself", |a| {
        let name = a.entry("e389ba").name.clone();
        let own = name.rsplit('/').next().unwrap().to_owned();
        retarget(a, "e389ba", tar::EntryType::Symlink, &own);
    }),
    ("docker20.tar", "a layer that is a link to nothing", |a| {
        retarget(
            a,
            "a26bb6160b554c9d44a078cdbc7e80251853c08aa69de97b11804492fd9a05ad/layer.tar",
            tar::EntryType::Symlink,
            "../nothing/layer.tar",
        )
    }),
    (
        "docker26.tar",
        "a layer that is a hard link out of the archive",
        |a| retarget(a, "e389ba", tar::EntryType::Link, "../../etc/passwd"),
    ),
    ("docker26.tar", "a layer that is a pipe", |a| {
        retarget(a, "e389ba", tar::EntryType::Fifo, "")
    }),
    ("docker26.tar", "a document that is a device", |a| {
        retarget(a, "manifest.json", tar::EntryType::Char, "")
    }),
    ("docker26.tar", "two manifest.json", |a| {
        a.add("manifest.json", b"[]")
    }),
    ("docker26.tar", "two layers of one name", |a| {
        let name = a.entry("e389ba").name.clone();
        a.add(&format!("./{name}"), b"other");
    }),
    ("docker26.tar", "a key twice in manifest.json", |a| {
        a.replace(
            "manifest.json",
            "\"Config\":",
            "\"Config\":\"x\",\"Config\":",
        )
    }),
    (
        "docker26.tar",
        "a key in two spellings in manifest.json",
        |a| {
            a.replace(
                "manifest.json",
                "\"Config\":",
                "\"config\":\"x\",\"Config\":",
            )
        },
    ),
    ("docker26.tar", "a key twice in the configuration", |a| {
        a.replace("fba3ad", "\"os\":", "\"os\":\"windows\",\"os\":");
        a.repair();
    }),
    ("docker26.tar", "text behind manifest.json", |a| {
        a.entry("manifest.json").data.extend(b"[]")
    }),
    ("docker26.tar", "a manifest.json that is deep", |a| {
        a.entry("manifest.json").data = vec![b'['; 1 << 20]
    }),
    ("docker26.tar", "a configuration that is deep", |a| {
        let deep = format!(
            "\"deep\":{}{},\"os\":",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        a.replace("fba3ad", "\"os\":", &deep);
        a.repair();
    }),
    ("docker26.tar", "an empty manifest.json", |a| {
        a.entry("manifest.json").data.clear()
    }),
    ("docker26.tar", "a manifest.json that is no text", |a| {
        a.entry("manifest.json").data = vec![0xff; 600]
    }),
    (
        "docker26.tar",
        "a configuration named by a path out of the archive",
        |a| a.replace("manifest.json", "blobs/sha256/fba3", "../../sha256/fba3"),
    ),
    ("docker26.tar", "a digest that is a path", |a| {
        a.replace(
            "index.json",
            "sha256:0b0773936ff89c363216f2aaf2ecc597d3c00cecad4c5727e16e490eb606e590",
            "sha256:../../../../etc/passwd",
        )
    }),
    ("docker26.tar", "index.json tells of another image", |a| {
        a.replace("index.json", "greeter:1", "greeter:2");
    }),
    ("docker20.tar", "more layers than diff ids", |a| {
        a.replace("manifest.json", "\"Layers\":[", "\"Layers\":[\"VERSION\",")
    }),
    ("docker26.tar", "a layer that is no tar", |a| {
        a.entry("e389ba").data = vec![b'x'; 2560];
        a.repair();
    }),
    ("docker26.tar", "terminal escapes in a name", |a| {
        rename(a, "e389ba", "blobs/sha256/\x1b[31mred")
    }),
];

#[test]
fn every_damage_is_told_by_entry_and_reason() {
    let mut found = String::new();
    for (archive, name, damage) in DAMAGES {
        let mut edited = Archive::fixture(archive);
        damage(&mut edited);
        let bytes = edited.to_bytes();
        found += &told(&format!("{archive}: {name}"), |path| {
            fs::write(path, bytes).unwrap()
        });
    }
    let plain = fs::read(fixture("docker26.tar")).unwrap();
    let gz = compressed(&plain);
    for (name, bytes) in [
        ("cut in a header", &plain[..512 * 5 + 100]),
        ("cut in a layer", &plain[..14_000]),
        ("cut behind a header", &plain[..512]),
        ("nothing", &[][..]),
        ("zeros", &[0; 10240]),
        ("no tar", b"hello, world\n"),
        ("a gzip stream that was cut", &gz[..gz.len() / 2]),
        ("a gzip header and nothing behind it", &gz[..10]),
    ] {
        found += &told(name, |path| fs::write(path, bytes).unwrap());
    }
    found += &told("a manifest.json of 2 GiB", huge_manifest);
    found += &told("a PAX header of 2 GiB", huge_pax);
    found += &told("a name of 2 GiB", |path| {
        huge_group(path, tar::EntryType::GNULongName)
    });
    found += &told("more entries than any image has", many_entries);
    found += &told("a gzip bomb of zeros", |path| bomb(path, &[]));
    found += &told("a gzip bomb in a document", |path| {
        let mut header = file_header();
        header.set_path("manifest.json").unwrap();
        header.set_size(BOMB_BYTES);
        header.set_cksum();
        bomb(path, header.as_bytes());
    });
    found += &told("a layer that is a gzip bomb", |path| {
        let mut archive = Archive::fixture("docker26.tar");
        let mut header = file_header();
        header.set_path("zeros").unwrap();
        header.set_size(BOMB_BYTES);
        header.set_cksum();
        archive.entry("e389ba").data = bomb_bytes(header.as_bytes());
        archive.repair();
        fs::write(path, archive.to_bytes()).unwrap();
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&path).unwrap());
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// More than the address space that a command has.
const BOMB_BYTES: u64 = 128 << 20;

fn bomb_bytes(head: &[u8]) -> Vec<u8> {
    let mut encoder = Compression::Gzip.encoder(Vec::new()).unwrap();
    encoder.write_all(head).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB_BYTES >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

fn bomb(path: &Path, head: &[u8]) {
    fs::write(path, bomb_bytes(head)).unwrap();
}

/// A sparse file: the entry is there, byte for byte, and takes no room on disk.
fn huge_manifest(path: &Path) {
    let mut archive = Archive::fixture("docker26.tar");
    archive.remove("manifest.json");
    let mut bytes = archive.to_bytes();
    bytes.truncate(bytes.len() - 1024);
    let mut header = file_header();
    header.set_path("manifest.json").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    bytes.extend(header.as_bytes());
    let mut file = File::create(path).unwrap();
    file.write_all(&bytes).unwrap();
    file.seek(SeekFrom::Current((2 << 30) + 1023)).unwrap();
    file.write_all(&[0]).unwrap();
}

fn huge_pax(path: &Path) {
    huge_group(path, tar::EntryType::XHeader);
}

fn huge_group(path: &Path, kind: tar::EntryType) {
    let mut header = file_header();
    header.set_entry_type(kind);
    header.set_path("x").unwrap();
    header.set_size(2 << 30);
    header.set_cksum();
    let mut file = File::create(path).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len((2 << 30) + 2048).unwrap();
}

fn many_entries(path: &Path) {
    let mut bytes = Vec::new();
    for n in 0..=100_000 {
        let mut header = file_header();
        header.set_path(format!("{n}")).unwrap();
        header.set_size(0);
        header.set_cksum();
        bytes.extend(header.as_bytes());
    }
    bytes.resize(bytes.len() + 1024, 0);
    fs::write(path, bytes).unwrap();
}

/// An extracted `docker26.tar`, and a file beside it that nothing may read or change.
fn extracted(image: &Path) {
    fs::write(image.with_file_name("secret"), "secret\n").unwrap();
    let output = limited(
        image.parent().unwrap(),
        &["unpack", fixture("docker26.tar").to_str().unwrap(), "image"],
    );
    assert!(output.status.success(), "{output:?}");
    fs::remove_dir_all(image.join(".ocipatch")).unwrap();
}

fn layer_path(image: &Path) -> std::path::PathBuf {
    let name = "e389ba439fbca16cf9888144484c9e6cc56d67238e02c4ab4d5ad69f77de3caf";
    image.join("blobs/sha256").join(name)
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

type Swap = fn(&Path);

const SWAPS: &[(&str, Swap)] = &[
    ("manifest.json leads out", |image| {
        fs::remove_file(image.join("manifest.json")).unwrap();
        symlink("../secret", image.join("manifest.json")).unwrap();
    }),
    ("a layer leads out", |image| {
        fs::remove_file(layer_path(image)).unwrap();
        symlink("../../../secret", layer_path(image)).unwrap();
    }),
    ("a layer leads to an absolute path", |image| {
        fs::remove_file(layer_path(image)).unwrap();
        symlink("/etc/passwd", layer_path(image)).unwrap();
    }),
    ("all blobs are elsewhere", |image| {
        fs::rename(image.join("blobs"), image.with_file_name("elsewhere")).unwrap();
        symlink("../elsewhere", image.join("blobs")).unwrap();
    }),
    ("a layer is a pipe", |image| {
        fs::remove_file(layer_path(image)).unwrap();
        fifo(&layer_path(image));
    }),
    ("manifest.json is a pipe", |image| {
        fs::remove_file(image.join("manifest.json")).unwrap();
        fifo(&image.join("manifest.json"));
    }),
    ("manifest.json is a directory", |image| {
        fs::remove_file(image.join("manifest.json")).unwrap();
        fs::create_dir(image.join("manifest.json")).unwrap();
    }),
    ("a layer is shorter", |image| {
        fs::write(layer_path(image), "short").unwrap()
    }),
    ("directories without end", |image| {
        let mut path = image.to_owned();
        for _ in 0..40 {
            path.push("d");
            fs::create_dir(&path).unwrap();
        }
    }),
    ("a name that is no text", |image| {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"\xff\xfe");
        fs::write(image.join(name), "x").unwrap();
    }),
];

#[test]
fn an_extracted_archive_leads_nowhere() {
    let mut found = String::new();
    for (name, swap) in SWAPS {
        found += &told(name, |image| {
            extracted(image);
            swap(image);
        });
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile_directory.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&path).unwrap());
}

#[test]
fn a_blob_that_is_swapped_after_the_index_was_made_is_noticed() {
    let swaps: [(Swap, &str); 4] = [
        (
            |blob| fs::write(blob, "other").unwrap(),
            "changed while it was read",
        ),
        (
            |blob| {
                fs::remove_file(blob).unwrap();
                symlink("/etc/passwd", blob).unwrap();
            },
            "Too many levels of symbolic links",
        ),
        (
            |blob| {
                fs::remove_file(blob).unwrap();
                fifo(blob);
            },
            "changed while it was read",
        ),
        (
            |blob| {
                let directory = blob.parent().unwrap();
                fs::rename(directory, directory.with_file_name("moved")).unwrap();
                symlink("moved", directory).unwrap();
            },
            "Not a directory",
        ),
    ];
    for (swap, reason) in swaps {
        let home = tempfile::tempdir().unwrap();
        let image = home.path().join("image");
        extracted(&image);
        let source = Source::open(&image, home.path()).unwrap();
        let blob = layer_path(&image);
        let name = blob.strip_prefix(&image).unwrap().to_str().unwrap();
        swap(&blob);
        let error = source
            .blob(source.find(name).unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains(name) && error.contains(reason), "{error}");
    }
}

/// Directories that a hostile archive puts links at, where the new directories of a patch would go.
#[test]
fn a_link_in_the_way_of_a_new_directory_is_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let image = home.path().join("image");
    write_files(home.path(), &[("fix.yaml", PATCH), ("rootfs/new", "new\n")]);
    let docker20 = fixture("docker20.tar");
    let run = |arguments: &[&str]| limited(home.path(), arguments);
    assert!(
        run(&["unpack", docker20.to_str().unwrap(), "image"])
            .status
            .success()
    );
    assert!(
        run(&["apply", "fix.yaml", "image", "-o", "patched"])
            .status
            .success()
    );
    fs::create_dir(home.path().join("outside")).unwrap();
    for item in fs::read_dir(home.path().join("patched")).unwrap() {
        let item = item.unwrap();
        let place = image.join(item.file_name());
        if item.path().is_dir() && !place.exists() {
            symlink("../outside", place).unwrap();
        }
    }
    let before = listing(home.path());
    let output = run(&["apply", "fix.yaml", "image", "--in-place"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert_eq!(listing(home.path()), before);
}

#[test]
fn layers_are_extracted_below_their_directory() {
    use tar::EntryType::{Char, Directory, Link, Regular, Symlink};
    let home = tempfile::tempdir().unwrap();
    let outside = home.path().join("outside");
    write_files(&outside, &[("kept", "kept\n")]);
    let up = "../".repeat(12);
    let out = outside.to_str().unwrap().trim_start_matches('/').to_owned();
    let lines = [
        (Symlink, format!("link -> /{out}")),
        (Regular, "link/through".to_owned()),
        (Symlink, format!("up -> {up}{out}")),
        (Directory, "up/through/".to_owned()),
        (Regular, "up/kept".to_owned()),
        (Link, format!("hard -> /{out}/kept")),
        (Link, format!("hard2 -> {up}{out}/kept")),
        (Link, "hard3 -> link/kept".to_owned()),
        (Regular, format!("/{out}/absolute")),
        (Regular, format!("{up}{out}/relative")),
        (Regular, "a".to_owned()),
        (Symlink, format!("a -> /{out}/kept")),
        (Regular, "a".to_owned()),
        (Directory, "link/".to_owned()),
        (Symlink, format!("./ -> /{out}")),
        (Regular, "below".to_owned()),
        (Char, "device".to_owned()),
        (Regular, ".wh.kept".to_owned()),
    ];
    let expected = listing(&outside);
    // Together, and each alone behind the links: an error must not hide what the next one would do.
    let all: Vec<(tar::EntryType, &str)> = lines
        .iter()
        .map(|(kind, line)| (*kind, line.as_str()))
        .collect();
    let mut layers = vec![all.clone()];
    for line in &all {
        layers.push(vec![all[0], all[2], *line]);
    }
    for layer in layers {
        let mut archive = Archive::fixture("docker26.tar");
        archive.entry("e389ba").data = crate::edit::layer(&layer);
        archive.repair();
        fs::write(home.path().join("image"), archive.to_bytes()).unwrap();
        let output = limited(home.path(), &["unpack", "--layers", "image", "unpacked"]);
        let is_done = output.status.code() == Some(0);
        assert!(
            is_done || output.status.code() == Some(3),
            "{layer:?}: {output:?}"
        );
        assert_eq!(listing(&outside), expected, "{layer:?}");
        let unpacked = home.path().join("unpacked");
        assert_eq!(unpacked.exists(), is_done, "{output:?}");
        if is_done {
            fs::remove_dir_all(unpacked).unwrap();
        }
    }
}
