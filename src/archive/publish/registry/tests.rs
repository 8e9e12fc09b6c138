//! What registries are asked and sent. One file because all of it is said of registries in memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value as Json, json};

use super::{Existing, LOOK_FIRST_BYTES, Moved, Push, by_repository, push};
use crate::archive::Source;
use crate::archive::draft::{Content, Draft, DraftEntry, StoredLayer};
use crate::archive::source::remote_graph::Referrers;
use crate::archive::tests::registry::{Memory, image, reference};
use crate::archive::tests::{Files, digest_of};
use crate::compression::Compression;
use crate::digest::{DiffId, Digest};
use crate::error::Error;
use crate::media_type::{CONFIG, INDEX, MANIFEST, PLAIN_LAYER};

const SENT: &[&str] = &["PUT", "POST"];

fn wanted(memory: &Memory, root: &Json, names: &[&str]) -> Push {
    let names = names.iter().map(|name| reference(name)).collect();
    Push {
        registries: memory.reached(),
        images: vec![(digest_of(root), names)],
        existing: Existing::default(),
        spool: std::env::temp_dir(),
    }
}

fn send(memory: &Memory, files: &Files, root: &Json, names: &[&str]) -> Result<(), Error> {
    let source = files.layout(std::slice::from_ref(root)).source();
    push(&Draft::keep_all(&source), &wanted(memory, root, names))
}

/// An image of one layer of so many bytes.
fn sized(files: &mut Files, n_bytes: u64) -> Json {
    let n_bytes = usize::try_from(n_bytes).unwrap();
    let layer = files.blob(PLAIN_LAYER, &vec![0; n_bytes]);
    let config = files.blob(CONFIG, b"{}");
    files.manifest(&json!({"mediaType": MANIFEST, "config": config, "layers": [layer]}))
}

/// Requests with digests of six digits.
fn short(requests: Vec<String>) -> Vec<String> {
    let short = |request: String| match request.split_once("sha256:") {
        Some((start, digest)) => format!("{start}{}", &digest[..6]),
        None => request,
    };
    requests.into_iter().map(short).collect()
}

#[test]
fn what_is_listed_is_sent_before_what_lists_it_and_names_last() {
    let memory = Memory::default();
    let mut files = Files::default();
    let below = [files.image("a"), files.image("b")];
    let root = files.index(&below);
    let names = ["r.example/app:1", "r.example/other:1", "r.example/app:2"];
    send(&memory, &files, &root, &names).unwrap();
    let found = memory.asked(&["PUT", "HEAD"]);
    let of = |repository: &str, place: &str| {
        let begin = format!("PUT r.example/{repository}/{place}/");
        let found = found.iter().position(|line| line.starts_with(&begin));
        found.unwrap_or_else(|| panic!("{begin} {found:?}"))
    };
    for repository in ["app", "other"] {
        // Two configurations and the layer that both have.
        let blobs = format!("PUT r.example/{repository}/blobs/");
        let blobs: Vec<usize> = (0..found.len())
            .filter(|&i| found[i].starts_with(&blobs))
            .collect();
        assert_eq!(blobs.len(), 3);
        let manifest = of(repository, "manifests");
        assert!(blobs.iter().all(|&blob| blob < manifest));
    }
    let last: Vec<&str> = found[found.len() - 6..]
        .iter()
        .map(String::as_str)
        .collect();
    let tags = ["app/manifests/1", "app/manifests/2", "other/manifests/1"];
    let looked = tags.map(|tag| format!("HEAD r.example/{tag}"));
    let named = tags.map(|tag| format!("PUT r.example/{tag}"));
    assert_eq!(last, [looked, named].concat());
    for tag in tags {
        let (media_type, bytes) = memory.get(&format!("r.example/{tag}"));
        assert_eq!(
            (media_type.as_str(), Digest::of(&bytes)),
            (INDEX, digest_of(&root))
        );
    }
    for image in &below {
        let stored = memory.get(&format!("r.example/app/manifests/{}", digest_of(image)));
        assert_eq!(stored.0, MANIFEST);
    }
    // The root itself is sent under its names only.
    let by_digest = format!("PUT r.example/app/manifests/{}", digest_of(&root));
    assert!(!found.contains(&by_digest));
    let names: Vec<_> = names.iter().map(|name| reference(name)).collect();
    let sorted = by_repository(&names);
    assert_eq!(sorted, [vec![&names[0], &names[2]], vec![&names[1]]]);
}

#[test]
fn a_large_image_is_sent_where_its_name_is_free_and_small_blobs_unasked() {
    const BLOB: u64 = super::sending::ASK_FIRST_BYTES;
    for (n_bytes, is_asked, is_looked) in [
        (BLOB, false, false),
        (BLOB + 1, true, false),
        (LOOK_FIRST_BYTES - 2, true, false),
        (LOOK_FIRST_BYTES - 1, true, true),
    ] {
        let memory = Memory::default();
        let mut files = Files::default();
        let root = sized(&mut files, n_bytes);
        memory.put("r.example/app/manifests/1", MANIFEST, b"{}");
        let error = send(&memory, &files, &root, &["r.example/app:1"]).unwrap_err();
        assert!(error.to_string().contains("exists already"), "{error}");
        let asked = memory.asked(&["HEAD", "PUT"]);
        let n_sent = asked.iter().filter(|line| line.starts_with("PUT")).count();
        assert_eq!(n_sent == 0, is_looked, "{n_bytes} {asked:?}");
        let is_head = |line: &String| line.starts_with("HEAD r.example/app/blobs/");
        assert_eq!(
            asked.iter().any(is_head),
            is_asked && !is_looked,
            "{n_bytes} {asked:?}"
        );
    }
}

#[test]
fn a_name_moves_only_from_where_it_may() {
    let mut files = Files::default();
    let (old, new) = (files.image("old"), files.image("new"));
    let source = files.layout(std::slice::from_ref(&new)).source();
    let draft = Draft::keep_all(&source);
    let moved = |name: &str, from: &Json| {
        Some(Moved {
            name: reference(name),
            digest: digest_of(from),
        })
    };
    let app = "r.example/app:1";
    for (there, existing, is_overwritten, wanted_error) in [
        (None, None, false, ""),
        (Some(&new), None, false, ""),
        (Some(&old), None, false, "use `--overwrite` to move it"),
        (Some(&old), None, true, ""),
        (Some(&old), moved(app, &old), false, ""),
        (Some(&old), moved(app, &old), true, ""),
        (Some(&old), moved(app, &new), false, "r.example/app:1"),
        (Some(&old), moved(app, &new), true, "r.example/app:1"),
        (None, moved(app, &old), false, "r.example/app:1"),
        (
            Some(&old),
            moved("r.example/app:2", &old),
            false,
            "--overwrite",
        ),
        (
            Some(&old),
            moved("r.example/other:1", &old),
            false,
            "--overwrite",
        ),
        (Some(&old), moved("r.example/other:1", &old), true, ""),
    ] {
        let memory = Memory::default();
        memory.fill("r.example/app", &files);
        if let Some(there) = there {
            memory.tag("r.example/app", "1", there);
        }
        let push_it = Push {
            existing: Existing {
                moved: existing.clone(),
                is_overwritten,
            },
            ..wanted(&memory, &new, &[app])
        };
        let case = format!("{there:?} {existing:?} {is_overwritten}");
        let is_named = memory.find("r.example/app/manifests/1");
        match push(&draft, &push_it) {
            Ok(()) => {
                assert!(wanted_error.is_empty(), "{case}");
                let (_, bytes) = memory.get("r.example/app/manifests/1");
                assert_eq!(Digest::of(&bytes), digest_of(&new), "{case}");
            }
            Err(error) => {
                let told = error.to_string();
                assert!(
                    !wanted_error.is_empty() && told.contains(wanted_error),
                    "{case} {told}"
                );
                assert_eq!(memory.find("r.example/app/manifests/1"), is_named, "{case}");
            }
        }
        let n_named = memory.asked(&["PUT r.example/app/manifests/1"]).len();
        let is_sent = wanted_error.is_empty() && there != Some(&new);
        assert_eq!(n_named, usize::from(is_sent), "{case}");
    }
}

#[test]
fn a_name_that_is_refused_says_which_were_given() {
    let mut files = Files::default();
    let root = files.image("a");
    let names = ["r.example/app:1", "r.example/app:2", "r.example/app:3"];
    for (refused, is_given) in [
        ("manifests/1", false),
        ("manifests/2", true),
        ("manifests/3", true),
    ] {
        let memory = Memory::default();
        let source = files.layout(std::slice::from_ref(&root)).source();
        let draft = Draft::keep_all(&source);
        let all = wanted(&memory, &root, &names);
        // Whoever may move a name does not look at it.
        let all = Push {
            existing: Existing {
                moved: None,
                is_overwritten: true,
            },
            ..all
        };
        memory.refuse(refused);
        let told = push(&draft, &all).unwrap_err().to_string();
        for name in names {
            let is_named = memory.find(&name.replace(':', "/manifests/")).is_some();
            let is_before = name < format!("r.example/app:{}", &refused[10..]).as_str();
            assert_eq!(is_named, is_before);
            assert_eq!(
                told.contains(name),
                is_given || name.ends_with('1'),
                "{told}"
            );
        }
        // The registry may have lost what it took: all of it is sent again.
        memory.refuse("nothing");
        let _ = memory.asked(&[]);
        push(&draft, &all).unwrap();
        assert_eq!(memory.asked(&["PUT r.example/app/blobs"]).len(), 2);
        assert_eq!(
            all.shown(),
            "`r.example/app:1`, `r.example/app:2`, `r.example/app:3`"
        );
    }
}

/// Opens what has that tag in `r.example/app`.
fn opened(memory: &Memory, tag: &str) -> Source {
    let reach = memory.reached().into();
    let referrers = Referrers::Fetched;
    Source::of_registry(&reach, &image(tag), referrers, &std::env::temp_dir()).unwrap()
}

#[test]
fn what_a_registry_has_is_kept_mounted_or_passed_on() {
    let mut files = Files::default();
    let images = [files.image("a"), sized(&mut files, 2 * LOOK_FIRST_BYTES)];
    let root = files.index(&images);
    let sent = |to: &str, is_there: bool| {
        let memory = Memory::default();
        memory.fill("r.example/app", &files);
        if is_there {
            memory.fill("far.example/app", &files);
        }
        memory.tag("r.example/app", "1", &root);
        let source = opened(&memory, "1");
        let _ = memory.asked(&[]);
        push(&Draft::keep_all(&source), &wanted(&memory, &root, &[to])).unwrap();
        let lines = memory.asked(&["PUT", "POST", "HEAD", "GET"]);
        let count = |begin: &str| lines.iter().filter(|line| line.starts_with(begin)).count();
        let host = to.split(':').next().unwrap();
        assert!(memory.find(&to.replace(':', "/manifests/")).is_some());
        [
            count(&format!("HEAD {host}/blobs/")),
            count("GET r.example/app/blobs/"),
            count(&format!("POST {host}/blobs/uploads/")),
            count(&format!("PUT {host}/blobs/")),
            count(&format!("PUT {host}/manifests/")),
            count(&format!("HEAD {host}/manifests/")),
        ]
    };
    // Four blobs in two images; the look at the name is once, before much is sent also at the beginning.
    assert_eq!(sent("r.example/app:2", false), [0, 0, 0, 0, 1, 1]);
    assert_eq!(sent("r.example/near:2", false), [0, 0, 4, 0, 3, 1]);
    assert_eq!(sent("far.example/app:2", false), [4, 4, 4, 4, 3, 2]);
    assert_eq!(sent("far.example/app:2", true), [4, 0, 0, 0, 3, 2]);
}

#[test]
fn a_changed_image_sends_what_is_new() {
    let bytes = vec![7; 100_000];
    let mut files = Files::default();
    let old = files.image("a");
    for is_there in [false, true] {
        let memory = Memory::default();
        memory.fill("r.example/app", &files);
        memory.tag("r.example/app", "1", &old);
        let digest = Digest::of(&bytes);
        if is_there {
            memory.put(&format!("r.example/app/blobs/{digest}"), "", &bytes);
        }
        let source = opened(&memory, "1");
        let mut draft = Draft::keep_all(&source);
        let mut new = Files::default();
        let config = new.blob(CONFIG, b"{\"new\": 1}");
        let layer =
            json!({"mediaType": PLAIN_LAYER, "digest": digest.to_string(), "size": bytes.len()});
        let root =
            new.manifest(&json!({"mediaType": MANIFEST, "config": config, "layers": [layer]}));
        for (name, content) in &new.0 {
            draft.push(name, Content::Bytes(content.clone()));
        }
        draft.push(
            &format!("blobs/sha256/{}", digest.hex()),
            Content::Stored(0),
        );
        let written = bytes.clone();
        draft.layers.push(StoredLayer {
            diff_id: DiffId::parse(&digest.to_string()).unwrap(),
            digest,
            size: bytes.len() as u64,
            compression: Compression::None,
            write: Box::new(move |output| {
                output
                    .write_all(&written)
                    .map_err(Error::in_place("a layer"))
            }),
        });
        let _ = memory.asked(&[]);
        push(&draft, &wanted(&memory, &root, &["r.example/app:2"])).unwrap();
        let (_, stored) = memory.get(&format!("r.example/app/blobs/{digest}"));
        assert!(stored == bytes);
        let sent = memory.asked(&["PUT r.example/app/blobs"]);
        assert_eq!(sent.len(), 2 - usize::from(is_there));
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "it is one table")]
fn what_refers_to_an_image_is_listed() {
    let mut files = Files::default();
    let root = files.image("a");
    let config = files.blob("application/vnd.example", b"{}");
    let mut referrer = |more: &Json| {
        let mut manifest = json!({
            "mediaType": MANIFEST, "config": config, "layers": [], "subject": root,
        });
        manifest
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        files.manifest(&manifest)
    };
    let plain = referrer(&json!({}));
    let typed = referrer(&json!({"artifactType": "sbom", "annotations": {"a": "b"}}));
    let of_other = referrer(&json!({"subject": {"digest": Digest::of(b"x").to_string()}}));
    let source = files
        .layout(&[root.clone(), plain.clone(), typed.clone(), of_other.clone()])
        .source();
    let draft = Draft::keep_all(&source);
    let tag = format!("r.example/app/manifests/sha256-{}", digest_of(&root).hex());
    let described = |descriptor: &Json, kind: &str, more: Json| {
        let mut described = descriptor.clone();
        described["artifactType"] = json!(kind);
        described
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        described
    };
    let plain_listed = described(&plain, "application/vnd.example", json!({}));
    let typed_listed = described(&typed, "sbom", json!({"annotations": {"a": "b"}}));
    let known = json!({"mediaType": MANIFEST, "digest": Digest::of(b"y").to_string(), "size": 1});
    for (lists, known, wanted_list) in [
        (true, None, None),
        (
            false,
            None,
            Some(vec![plain_listed.clone(), typed_listed.clone()]),
        ),
        (
            false,
            Some(vec![known.clone(), typed_listed.clone()]),
            Some(vec![known, typed_listed.clone(), plain_listed.clone()]),
        ),
        (
            false,
            Some(vec![typed_listed.clone(), plain_listed.clone()]),
            None,
        ),
    ] {
        let memory = Memory::default();
        if lists {
            memory.list_referrers();
        }
        if let Some(known) = &known {
            let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": known});
            memory.put(&tag, INDEX, index.to_string().as_bytes());
        }
        push(&draft, &wanted(&memory, &root, &["r.example/app:1"])).unwrap();
        for descriptor in [&plain, &typed] {
            memory.get(&format!(
                "r.example/app/manifests/{}",
                digest_of(descriptor)
            ));
        }
        let other = format!("r.example/app/manifests/{}", digest_of(&of_other));
        assert!(memory.find(&other).is_none());
        let put: Vec<String> = memory.asked(&["PUT"]);
        assert_eq!(put.last().unwrap(), "PUT r.example/app/manifests/1");
        assert_eq!(
            put.contains(&format!("PUT {tag}")),
            wanted_list.is_some(),
            "{put:?}"
        );
        if let Some(wanted_list) = wanted_list {
            let list: Json = serde_json::from_slice(&memory.get(&tag).1).unwrap();
            let mut found = list["manifests"].as_array().unwrap().clone();
            let mut wanted_list = wanted_list;
            for list in [&mut found, &mut wanted_list] {
                list.sort_by_key(|it| it["digest"].as_str().unwrap().to_owned());
            }
            assert_eq!(found, wanted_list);
        }
    }
    // In the repository of the image they are there already.
    let memory = Memory::default();
    memory.fill("r.example/app", &files);
    memory.tag("r.example/app", "1", &root);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [plain_listed]});
    memory.put(&tag, INDEX, index.to_string().as_bytes());
    let source = opened(&memory, "1");
    let _ = memory.asked(&[]);
    push(
        &Draft::keep_all(&source),
        &wanted(&memory, &root, &["r.example/app:2"]),
    )
    .unwrap();
    assert_eq!(memory.asked(SENT), ["PUT r.example/app/manifests/2"]);
    push(
        &Draft::keep_all(&source),
        &wanted(&memory, &root, &["r.example/near:2"]),
    )
    .unwrap();
    let put = short(memory.asked(&["PUT"]));
    let wanted_put = [
        format!(
            "PUT r.example/near/manifests/{}",
            &digest_of(&plain).hex()[..6]
        ),
        format!(
            "PUT r.example/near/manifests/sha256-{}",
            digest_of(&root).hex()
        ),
        "PUT r.example/near/manifests/2".to_owned(),
    ];
    assert_eq!(put, wanted_put);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let image = |files: &mut Files, layer: &Json| {
        let config = files.blob(CONFIG, b"{}");
        files.manifest(&json!({"config": config, "layers": [layer]}))
    };
    let digest = Digest::of(b"nowhere").to_string();
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    for (layer, wanted_error) in [
        (
            json!({"mediaType": PLAIN_LAYER, "digest": digest, "size": 7}),
            "has no entry",
        ),
        (
            json!({"mediaType": foreign, "digest": digest, "size": 7}),
            "",
        ),
        (
            json!({"mediaType": foreign, "size": 7}),
            "names a blob without a `sha256:` digest",
        ),
    ] {
        let memory = Memory::default();
        let mut files = Files::default();
        let root = image(&mut files, &layer);
        match send(&memory, &files, &root, &["r.example/app:1"]) {
            Ok(()) => {
                assert!(wanted_error.is_empty(), "{layer}");
                // A manifest that states no type is of the type that it looks like.
                let (media_type, _) = memory.get("r.example/app/manifests/1");
                assert_eq!(media_type, MANIFEST);
            }
            Err(error) => {
                let told = error.to_string();
                assert!(
                    !wanted_error.is_empty() && told.contains(wanted_error),
                    "{told}"
                );
                assert!(memory.find("r.example/app/manifests/1").is_none());
            }
        }
    }
    for (content, wanted_error) in [
        (Content::Directory, "is not a blob"),
        (Content::Entry(0), ""),
    ] {
        let memory = Memory::default();
        let mut files = Files::default();
        let root = files.image("a");
        let source = files.layout(std::slice::from_ref(&root)).source();
        let mut draft = Draft::keep_all(&source);
        let layer = Digest::of(&crate::tarball::END_OF_ARCHIVE).hex();
        let layer = format!("blobs/sha256/{layer}");
        let at = source.find(&layer).unwrap();
        draft
            .entries
            .retain(|entry| !matches!(entry, DraftEntry::Kept(index) if *index == at));
        let content = match content {
            Content::Entry(_) => Content::Entry(at),
            other => other,
        };
        draft.push(&layer, content);
        let outcome = push(&draft, &wanted(&memory, &root, &["r.example/app:1"]));
        let told = outcome
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert_eq!(told.is_empty(), wanted_error.is_empty(), "{told}");
        assert!(told.contains(wanted_error), "{told}");
    }
}
