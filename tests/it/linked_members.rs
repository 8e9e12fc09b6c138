//! Members of an archive that are hard links of each other, as programs that look for equal files make them and `tar` keeps
//! them: each is what it is a name of.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use ocipatch::Job;
use tempfile::tempdir;

use crate::binary::{command, fails, listing, ok, write_files};
use crate::edit::{Archive, Entry, fixture};
use crate::engine::Docker;
use crate::random::cases;
use crate::stacks::run;

/// To which of several equal files a link leads.
#[derive(Debug, Clone, Copy)]
enum Target {
    First,
    /// That is a link itself, if it is not the first.
    Last,
}

/// Makes hard links of files, and of symbolic links, that are equal to earlier ones.
fn linked(archive: &Archive, target: Target) -> (Archive, usize) {
    let mut archive = archive.clone();
    let mut names: BTreeMap<(u8, Vec<u8>, Vec<u8>), String> = BTreeMap::new();
    let mut n_links = 0;
    for entry in &mut archive.entries {
        let kind = entry.header.entry_type();
        if !kind.is_file() && !kind.is_symlink() {
            continue;
        }
        let link = entry
            .header
            .link_name_bytes()
            .unwrap_or_default()
            .into_owned();
        let key = (kind.as_byte(), entry.data.clone(), link);
        if let Some(name) = names.get(&key) {
            entry.header.set_entry_type(tar::EntryType::Link);
            entry.header.set_link_name_literal(name).unwrap();
            entry.data.clear();
            n_links += 1;
            if matches!(target, Target::First) {
                continue;
            }
        }
        names.insert(key, entry.name.clone());
    }
    (archive, n_links)
}

/// What `tar` makes of an archive.
fn extracted(archive: &Path) -> Vec<String> {
    let directory = tempdir().unwrap();
    let mut tar = Command::new("tar");
    let output = tar
        .arg("-xf")
        .arg(archive)
        .arg("-C")
        .arg(directory.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    listing(directory.path())
}

fn patch(operation: &str, images: &str) -> String {
    let target = format!("target: {{ images: [\"{images}\"] }}\noperations:");
    run::patch(&[operation.to_owned()]).replace("operations:", &target)
}

fn apply(directory: &Path, operation: &str, from: &Path, to: &Path) {
    write_files(directory, &[("fix.yaml", &patch(operation, "*:*"))]);
    ok([
        Path::new("apply"),
        &directory.join("fix.yaml"),
        from,
        Path::new("-o"),
        to,
    ]);
}

/// Archives whose members are equal to others: files of legacy layers, blobs of images that share layers.
fn archives() -> Vec<(String, Archive)> {
    let mut archives: Vec<(String, Archive)> = [
        "docker20.tar",
        "docker20-nasty.tar",
        "docker20-two-images.tar",
        "docker26.tar",
        "docker26-two-images.tar",
        "podman-docker.tar",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), Archive::fixture(name)))
    .collect();
    // A layer under a second name, before the one that documents know and behind it.
    for at in [0, usize::MAX] {
        let mut archive = Archive::fixture("skopeo-oci.tar");
        let mut layers = archive
            .entries
            .iter()
            .filter(|entry| entry.data.starts_with(b"\x1f\x8b"));
        let mut copy = layers.next().unwrap().clone();
        "copy".clone_into(&mut copy.name);
        archive.entries.insert(at.min(archive.entries.len()), copy);
        archives.push((format!("skopeo-oci.tar with a copy at {at}"), archive));
    }
    archives
}

#[test]
fn linked_members_are_what_they_are_names_of() {
    let directory = tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let mut n_tried = 0;
    for (name, archive) in archives() {
        for target in [Target::First, Target::Last] {
            let (linked, n_links) = linked(&archive, target);
            if n_links == 0 {
                continue;
            }
            n_tried += 1;
            let (plain_tar, linked_tar) = (place("plain.tar"), place("linked.tar"));
            std::fs::write(&plain_tar, archive.to_bytes()).unwrap();
            std::fs::write(&linked_tar, linked.to_bytes()).unwrap();
            let inspect = |path: &Path| ok([Path::new("inspect"), Path::new("--files"), path]);
            assert_eq!(inspect(&linked_tar), inspect(&plain_tar), "{name}");
            let findings = |path: &Path| {
                let told = Job::new().verify(path).unwrap().to_string();
                // The copy that nobody needs has the data of a link.
                let is_about_links = |line: &&str| {
                    line.contains("is a hard link, which ctr")
                        || line.starts_with("warning[orphan] copy")
                };
                let lines = told
                    .lines()
                    .filter(|line| line.contains('[') && !is_about_links(line));
                lines.map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(findings(&linked_tar), findings(&plain_tar), "{name}");

            // What changes nothing gives the same bytes back, and so do `unpack` and `pack`.
            apply(
                directory.path(),
                "unset-label: { match: [not-there], if-missing: ignore }",
                &linked_tar,
                &place("same.tar"),
            );
            assert!(
                std::fs::read(place("same.tar")).unwrap() == linked.to_bytes(),
                "{name}"
            );
            ok([Path::new("unpack"), &linked_tar, &place("unpacked")]);
            ok([Path::new("pack"), &place("unpacked"), &place("packed.tar")]);
            assert!(
                std::fs::read(place("packed.tar")).unwrap() == linked.to_bytes(),
                "{name}"
            );
            std::fs::remove_dir_all(place("unpacked")).unwrap();

            // A change gives the same files.
            for (i, operation) in [
                "set-label: { a: b }",
                "squash: all",
                "remove-layer: 2",
                "add-layer: { files: [{ path: /f, content: f }] }",
            ]
            .into_iter()
            .enumerate()
            {
                // In turn for all images or for one; `OCIPATCH_CASES=2` takes both.
                let selectors = ["*:*", "greeter:1"].into_iter().cycle();
                for images in selectors
                    .skip((n_tried + i) % 2)
                    .take(cases(1).min(2) as usize)
                {
                    write_files(directory.path(), &[("fix.yaml", &patch(operation, images))]);
                    let run = |from: &Path, to: &Path| {
                        let to = to.as_os_str();
                        let arguments = ["apply".as_ref(), "--quiet".as_ref(), "-o".as_ref(), to];
                        let fix = place("fix.yaml");
                        let paths = [fix.as_os_str(), from.as_os_str()];
                        crate::binary::run([&arguments[..], &paths].concat())
                            .status
                            .code()
                    };
                    let (a, b) = (place("a.tar"), place("b.tar"));
                    let code = run(&plain_tar, &a);
                    assert_eq!(run(&linked_tar, &b), code, "{name}: {operation}");
                    if code == Some(0) {
                        assert_eq!(
                            extracted(&b),
                            extracted(&a),
                            "{name}, {target:?}: {operation}"
                        );
                        assert_eq!(findings(&b), findings(&a), "{name}: {operation}");
                        std::fs::remove_file(a).unwrap();
                        std::fs::remove_file(b).unwrap();
                    }
                }
            }
        }
    }
    assert!(n_tried > 8, "{n_tried}");
}

#[test]
fn a_link_to_what_does_not_come_before_it_leads_nowhere() {
    let directory = tempdir().unwrap();
    let place = directory.path().join("app.tar");
    for (target, reason) in [
        (
            "manifest.json",
            "is a hard link to an entry that does not precede it",
        ),
        ("nothing", "links to a missing entry"),
        ("../x", "links outside the archive"),
    ] {
        let mut archive = Archive::fixture("docker20.tar");
        let is_config = |entry: &Entry| entry.data.starts_with(b"{\"architecture\"");
        let config = archive.entries.iter().position(is_config).unwrap();
        let mut link = archive.entries[config].clone();
        link.header.set_entry_type(tar::EntryType::Link);
        link.header.set_link_name_literal(target).unwrap();
        link.data.clear();
        archive.entries[config] = link;
        std::fs::write(&place, archive.to_bytes()).unwrap();
        let out = directory.path().join("out");
        let told = fails(
            3,
            [Path::new("unpack"), Path::new("--layers"), &place, &out],
        );
        assert!(told.contains(reason), "{told}");
        let verified = crate::binary::run([Path::new("verify"), &place]);
        let told = String::from_utf8(verified.stdout).unwrap();
        assert!(told.contains("missing-entry"), "{told}");
    }
}

#[test]
fn docker_loads_linked_members_and_what_becomes_of_them() {
    let directory = tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let archive = Archive::read(&std::fs::read(fixture("docker20-two-images.tar")).unwrap());
    let (linked, n_links) = linked(&archive, Target::First);
    assert!(n_links > 0);
    std::fs::write(place("linked.tar"), linked.to_bytes()).unwrap();
    apply(
        directory.path(),
        "set-label: { a: b }",
        &place("linked.tar"),
        &place("out.tar"),
    );
    for docker in [Docker::v20(), Docker::v28()].into_iter().flatten() {
        for name in ["linked.tar", "out.tar"] {
            docker.remove_all();
            assert!(docker.load(&place(name)).contains("Loaded image"), "{name}");
        }
    }
}

/// A directory has no headers: its files and links get those that `tar` would give them.
#[test]
fn a_stream_of_a_directory_has_its_links() {
    let directory = tempdir().unwrap();
    let home = directory.path();
    let patch =
        "apiVersion: ocipatch/v1\ntarget: {images: [greeter2]}\noperations:\n- set-label: {a: b}\n";
    write_files(home, &[("fix.yaml", patch)]);
    let image = fixture("docker20-two-images.tar");
    let unpacked = home.join("unpacked");
    ok([Path::new("unpack"), &image, &unpacked]);
    let members = |image: &Path| {
        let output = command()
            .args([Path::new("apply"), &home.join("fix.yaml"), image])
            .output();
        let archive = Archive::read(&output.unwrap().stdout);
        let member = |entry: &Entry| {
            let link = entry.header.link_name().unwrap();
            let link = link.map(|link| link.display().to_string());
            let name = entry.name.trim_end_matches('/').to_owned();
            (
                name,
                entry.header.entry_type().as_byte(),
                link,
                entry.data.clone(),
            )
        };
        let mut members: Vec<_> = archive.entries.iter().map(member).collect();
        members.sort();
        members
    };
    let wanted = members(&image);
    assert!(wanted.iter().any(|(_, kind, ..)| *kind == b'2'));
    assert_eq!(members(&unpacked), wanted);
}
