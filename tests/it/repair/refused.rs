//! What the bytes of an archive do not say, and hostile archives.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use ocipatch::{Half, Job};
use serde_json::json;

use super::hand::{config, edit, entry, layers, manifest};
use super::{FIXTURES, repair, write};
use crate::binary::{fails, ok};
use crate::edit::Archive;
use crate::forms;

#[test]
fn what_is_missing_is_named() {
    let home = tempfile::tempdir().unwrap();
    for form in FIXTURES.iter().filter(|form| !form.contains("multi")) {
        let archive = Archive::fixture(form);
        let names = [
            config(&mut archive.clone()),
            layers(&mut archive.clone())[0].clone(),
        ];
        for name in names {
            let mut archive = archive.clone();
            archive.entries.retain(|entry| entry.name != name);
            let input = write(home.path(), &archive);
            let message = fails(
                3,
                ["repair".as_ref(), "--check".as_ref(), input.as_os_str()],
            );
            assert!(message.contains(&name), "{form}: {message}");
        }
    }
}

/// Of an image of several platforms an archive may have some.
#[test]
fn what_another_platform_lacks_is_not_missing() {
    let home = tempfile::tempdir().unwrap();
    let form = "buildx-oci-multi.tar";
    let first = config(&mut Archive::fixture(form));
    for is_directory in [false, true] {
        let mut archive = Archive::fixture(form);
        archive.entries.retain(|entry| entry.name != first);
        let mut input = write(home.path(), &archive);
        if is_directory {
            let directory = home.path().join("image");
            ok(["unpack".as_ref(), input.as_os_str(), directory.as_os_str()]);
            input = directory;
        }
        assert_eq!(repair(&input).unwrap().to_string(), "nothing to repair");
    }
}

#[test]
fn documents_that_lead_to_themselves_end() {
    let home = tempfile::tempdir().unwrap();
    let name = |c: char| c.to_string().repeat(64);
    let descriptor = |c: char, kind: &str| {
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}.v1+json"),
            "digest": format!("sha256:{}", name(c)),
            "size": 1,
        })
    };
    let index =
        |c: char| json!({"schemaVersion": 2, "manifests": vec![descriptor(c, "index"); 10]});
    let about = |c: char| {
        json!({
            "schemaVersion": 2,
            "config": {"mediaType": "x/y", "digest": format!("sha256:{}", name('f')), "size": 1},
            "layers": [],
            "subject": descriptor(c, "manifest"),
        })
    };
    let cases = [
        // Itself, two that list each other, and two that are about each other.
        vec![('a', index('a'), "index")],
        vec![('a', index('b'), "index"), ('b', index('a'), "index")],
        vec![('a', about('b'), "manifest"), ('b', about('a'), "manifest")],
        vec![('a', about('a'), "manifest")],
    ];
    for documents in cases {
        let mut archive = Archive::fixture("buildx-oci.tar");
        edit(&mut archive, "index.json", |index| {
            let list = index["manifests"].as_array_mut().unwrap();
            list.extend(documents.iter().map(|(c, _, kind)| descriptor(*c, kind)));
        });
        for (c, document, _) in &documents {
            let name = format!("blobs/sha256/{}", name(*c));
            archive.add(&name, document.to_string().as_bytes());
        }
        let message = repair(&write(home.path(), &archive))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("itself") || message.contains("back to it"),
            "{message}"
        );
    }
}

#[test]
fn a_long_chain_of_referrers_ends() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("buildx-oci.tar");
    let digest = |n: usize| format!("{n:064x}");
    let descriptor = |n: usize| {
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", digest(n)),
            "size": 1,
        })
    };
    let n = 5000;
    for i in 0..n {
        let document = json!({"schemaVersion": 2, "layers": [], "subject": descriptor(i + 1)});
        let name = format!("blobs/sha256/{}", digest(i));
        archive.add(&name, document.to_string().as_bytes());
    }
    edit(&mut archive, "index.json", |index| {
        let list = index["manifests"].as_array_mut().unwrap();
        list.extend((0..n).map(descriptor));
    });
    assert!(repair(&write(home.path(), &archive)).is_err());
}

#[test]
fn damaged_documents_are_errors_and_no_panics() {
    let home = tempfile::tempdir().unwrap();
    for form in FIXTURES {
        let archive = Archive::fixture(form);
        let mut names = vec![config(&mut archive.clone())];
        for name in ["manifest.json", "index.json", "repositories", "oci-layout"] {
            if super::has(&archive, name) {
                names.push(name.to_owned());
            }
        }
        if super::has(&archive, "index.json") {
            names.push(manifest(&mut archive.clone()));
        }
        for name in names {
            for text in [
                "",
                "null",
                "[]",
                "{}",
                "[{}]",
                "[null]",
                "7",
                "{\"manifests\":[7]}",
                "[{\"Config\":7}]",
            ] {
                let mut archive = archive.clone();
                entry(&mut archive, &name).data = text.into();
                // Whatever it says, it is no panic, and what is written can be repaired no further.
                let Ok(repaired) = repair(&write(home.path(), &archive)) else {
                    continue;
                };
                let output = home.path().join("repaired.tar");
                repaired.publish(&output).unwrap();
                let again = repair(&output).unwrap();
                assert_eq!(
                    again.to_string(),
                    "nothing to repair",
                    "{form} {name} {text}"
                );
            }
        }
    }
}

#[test]
fn a_layer_that_cannot_be_read_is_named() {
    let home = tempfile::tempdir().unwrap();
    let mut archive = Archive::fixture("crane.tar");
    let layer = layers(&mut archive)[0].clone();
    let entry = archive.entry(&layer);
    entry.data.truncate(entry.data.len() / 2);
    let message = repair(&write(home.path(), &archive))
        .unwrap_err()
        .to_string();
    assert!(message.contains(&layer), "{message}");
}

#[test]
fn halves_are_not_made_again_for_what_one_of_them_cannot_say() {
    let home = tempfile::tempdir().unwrap();
    let other = br#"[{"Config":"absent.json","RepoTags":null,"Layers":[]}]"#;
    let with = |mut archive: Archive, name: &str, data: &[u8]| {
        archive.add(name, data);
        archive
    };
    let mut bare = Archive::fixture("skopeo-oci.tar");
    bare.replace("index.json", "greeter:1", "1");
    let empty = br#"{"schemaVersion":2,"manifests":[]}"#;
    for (archive, trusted, image, reason) in [
        (
            with(
                Archive::fixture("buildx-oci-multi.tar"),
                "manifest.json",
                other,
            ),
            Half::Index,
            "greeter:1",
            "has several platforms",
        ),
        (
            with(bare, "manifest.json", other),
            Half::Index,
            "1",
            "has a tag without a repository",
        ),
        (
            with(forms::bzip2_and_xz(), "index.json", empty),
            Half::Manifest,
            "greeter:1",
            "has a layer in a compression that OCI has no media type for",
        ),
    ] {
        let input = write(home.path(), &archive);
        let message = Job::new().repair(&input, trusted).unwrap_err().to_string();
        let wanted = format!(
            "`{image}` {reason}, and `manifest.json` and `index.json` describe different images"
        );
        assert!(message.contains(&wanted), "{message}");
    }
}
