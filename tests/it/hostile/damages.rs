//! What is done to real archives, each in one place.

use crate::edit::Archive;

pub(super) type Damage = fn(&mut Archive);

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
pub(super) const DAMAGES: &[(&str, &str, Damage)] = &[
    ("docker26.tar", "a configuration with another digest", |a| {
        a.entry("fba3ad").data[20] ^= 1;
    }),
    ("docker20.tar", "a configuration with another digest", |a| {
        a.entry("fba3ad").data[20] ^= 1;
    }),
    ("docker26.tar", "a layer with another digest", |a| {
        a.entry("65ecc4").data[600] ^= 1;
    }),
    ("docker26.tar", "an OCI manifest with another digest", |a| {
        a.entry("0b0773").data[40] ^= 1;
    }),
    ("docker26.tar", "no configuration", |a| a.remove("fba3ad")),
    ("docker26.tar", "no layer", |a| a.remove("e389ba")),
    ("docker20.tar", "no layer", |a| {
        a.remove("c6feb8eae558727a76eaf657569f3e2a48611f8364b36babfe202d588011e4f7/layer.tar");
    }),
    ("docker26.tar", "no OCI manifest", |a| a.remove("0b0773")),
    ("docker26.tar", "no manifest.json", |a| {
        a.remove("manifest.json");
    }),
    ("docker26.tar", "a name that leaves the archive", |a| {
        a.add("../../evil", b"x");
    }),
    (
        "docker26.tar",
        "a name that leaves the archive in the middle",
        |a| a.add("blobs/../../evil", b"x"),
    ),
    ("docker26.tar", "an absolute name", |a| {
        a.add("/etc/evil", b"x");
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
            );
        },
    ),
    ("docker26.tar", "a layer that is an absolute link", |a| {
        retarget(a, "e389ba", tar::EntryType::Symlink, "/etc/passwd");
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
        );
    }),
    (
        "docker26.tar",
        "a layer that is a hard link out of the archive",
        |a| retarget(a, "e389ba", tar::EntryType::Link, "../../etc/passwd"),
    ),
    ("docker26.tar", "a layer that is a pipe", |a| {
        retarget(a, "e389ba", tar::EntryType::Fifo, "");
    }),
    ("docker26.tar", "a document that is a device", |a| {
        retarget(a, "manifest.json", tar::EntryType::Char, "");
    }),
    ("docker26.tar", "two manifest.json", |a| {
        a.add("manifest.json", b"[]");
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
        );
    }),
    (
        "docker26.tar",
        "a key in two spellings in manifest.json",
        |a| {
            a.replace(
                "manifest.json",
                "\"Config\":",
                "\"config\":\"x\",\"Config\":",
            );
        },
    ),
    ("docker26.tar", "a key twice in the configuration", |a| {
        a.replace("fba3ad", "\"os\":", "\"os\":\"windows\",\"os\":");
        a.repair();
    }),
    ("docker26.tar", "text behind manifest.json", |a| {
        a.entry("manifest.json").data.extend(b"[]");
    }),
    ("docker26.tar", "a manifest.json that is deep", |a| {
        a.entry("manifest.json").data = vec![b'['; 1 << 20];
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
        a.entry("manifest.json").data.clear();
    }),
    ("docker26.tar", "a manifest.json that is no text", |a| {
        a.entry("manifest.json").data = vec![0xff; 600];
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
        );
    }),
    ("docker26.tar", "index.json tells of another image", |a| {
        a.replace("index.json", "greeter:1", "greeter:2");
    }),
    ("docker20.tar", "more layers than diff ids", |a| {
        a.replace("manifest.json", "\"Layers\":[", "\"Layers\":[\"VERSION\",");
    }),
    ("docker26.tar", "a layer that is no tar", |a| {
        a.entry("e389ba").data = vec![b'x'; 2560];
        a.repair();
    }),
    ("docker26.tar", "terminal escapes in a name", |a| {
        rename(a, "e389ba", "blobs/sha256/\x1b[31mred");
    }),
];
