//! What documents lead to, and what is told of it. One file because they share small layouts.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value as Json, json};

use super::graph::{Graph, MAX_DEPTH, NodeKind, Root};
use super::others::Other;
use super::referrers::Referrers;
use super::store::Store;
use crate::annotation::Referring;
use crate::archive::tests::{Files, annotated, digest_of, parsed};
use crate::archive::{Archive, Source};
use crate::digest::Digest;
use crate::error::Error;
use crate::media_type::{DOCKER_CONFIG, MANIFEST};

fn named(descriptor: &Json, name: &str) -> Json {
    let mut descriptor = descriptor.clone();
    descriptor["annotations"]["org.opencontainers.image.ref.name"] = json!(name);
    descriptor
}

fn about(descriptor: &Json, subject: &Json) -> Json {
    annotated(
        descriptor,
        &json!({"vnd.docker.reference.digest": subject["digest"]}),
    )
}

fn absent(media_type: &str, letter: &str) -> Json {
    let digest = Digest::of(letter.as_bytes()).to_string();
    json!({"mediaType": media_type, "digest": digest, "size": 1})
}

/// Reads what a list of manifests leads to, and the reasons why some of it cannot be read.
fn graph(files: &Files, manifests: &[Json]) -> (Graph, Vec<String>) {
    let index = parsed(&json!({"schemaVersion": 2, "manifests": manifests}));
    let (graph, unread) = Graph::read(&files.source(), &index).unwrap();
    let unread = unread.iter().map(|unread| unread.error.to_string());
    (graph, unread.collect())
}

fn fails(files: &Files, manifests: &Json) -> String {
    let index = parsed(&json!({"schemaVersion": 2, "manifests": manifests}));
    let read = Graph::read(&files.source(), &index);
    read.expect_err("a damaged index").to_string()
}

fn names(root: &Root) -> Vec<String> {
    root.names
        .iter()
        .map(|name| name.tag().to_owned())
        .collect()
}

#[test]
fn an_index_leads_to_images_through_indexes_and_each_is_told_once() {
    let mut files = Files::default();
    let (one, two, artifact) = (files.image("one"), files.image("two"), files.artifact("x"));
    let attestation = about(&files.image("said about two"), &two);
    let inner = files.index(&[two.clone(), absent(MANIFEST, "another platform")]);
    let list = [
        two.clone(),
        absent(MANIFEST, "another platform"),
        about(&absent(MANIFEST, "an attestation of it"), &two),
        absent("application/vnd.example", "of a type that nobody knows"),
        json!({"mediaType": MANIFEST, "size": 1}),
        attestation.clone(),
        inner.clone(),
    ];
    let index = files.index(&list);
    let empty = files.index(std::slice::from_ref(&artifact));
    let top = [
        named(&one, "1"),
        named(&one, "2"),
        named(&one, "1"),
        named(&index, "two"),
        empty.clone(),
        absent("application/vnd.example", "of a type that nobody knows"),
    ];
    let (graph, unread) = graph(&files, &top);
    assert_eq!(unread.len(), 1);
    assert!(
        unread[0].contains("manifests[4] has no `sha256:` digest"),
        "{unread:?}"
    );
    for (descriptor, kind) in [
        (&one, Some(NodeKind::Image)),
        (&index, Some(NodeKind::Index)),
        (&two, Some(NodeKind::Image)),
        (&inner, Some(NodeKind::Index)),
        (&attestation, Some(NodeKind::Other)),
        (&empty, Some(NodeKind::Other)),
        (&artifact, Some(NodeKind::Other)),
        (&list[1], None),
        (&list[3], None),
    ] {
        assert_eq!(graph.kind(digest_of(descriptor)), kind, "{descriptor}");
    }
    let digests = |descriptors: &[&Json]| -> Vec<Digest> {
        descriptors
            .iter()
            .map(|descriptor| digest_of(descriptor))
            .collect()
    };
    let below = [&index, &two, &attestation, &inner];
    assert_eq!(graph.below(digest_of(&index)), digests(&below));
    let all = [&one, &index, &two, &attestation, &inner, &empty, &artifact];
    assert_eq!(graph.reachable(), digests(&all));
    let roots = graph.roots().unwrap();
    let told = roots
        .iter()
        .map(|root| (root.digest, names(root), root.images.clone(), root.n_absent));
    let wanted = [
        (
            digest_of(&one),
            vec!["1".to_owned(), "2".to_owned()],
            digests(&[&one]),
            0,
        ),
        // That without a digest, and that of another platform in both indexes.
        (
            digest_of(&index),
            vec!["two".to_owned()],
            digests(&[&two]),
            3,
        ),
    ];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
}

#[test]
fn what_is_demoted_takes_along_the_indexes_that_lead_to_no_other_image() {
    let mut files = Files::default();
    let (one, two) = (files.image("one"), files.image("two"));
    let lower = files.index(&[two.clone(), absent(MANIFEST, "a")]);
    let upper = files.index(std::slice::from_ref(&lower));
    let both = files.index(&[one.clone(), two.clone()]);
    let (mut graph, unread) = graph(&files, &[upper.clone(), both.clone()]);
    assert!(unread.is_empty());
    graph.demote(&[digest_of(&two), Digest::of(b"not there")]);
    let kinds =
        [&one, &two, &lower, &upper, &both].map(|descriptor| graph.kind(digest_of(descriptor)));
    let (image, index, other) = (NodeKind::Image, NodeKind::Index, NodeKind::Other);
    assert_eq!(kinds, [image, other, other, other, index].map(Some));
}

#[test]
fn indexes_within_indexes_end_at_a_depth() {
    let mut files = Files::default();
    let mut top = files.image("one");
    for _ in 0..MAX_DEPTH {
        top = files.index(&[top]);
    }
    let (graph, unread) = graph(&files, std::slice::from_ref(&top));
    assert_eq!((graph.nodes.len(), unread), (MAX_DEPTH + 1, vec![]));
    let deeper = files.index(&[top]);
    let told = fails(&files, &json!([deeper]));
    assert!(
        told.contains("is nested 17 indexes deep; at most 16 are allowed"),
        "{told}"
    );
}

#[test]
fn documents_are_what_their_descriptors_say() {
    let mut files = Files::default();
    assert_eq!(
        Graph::read(
            &files.layout(&[]).source(),
            &parsed(&json!({"manifests": null}))
        )
        .unwrap()
        .0
        .nodes
        .len(),
        0
    );
    let told = fails(&files.layout(&[]), &json!({}));
    assert!(told.contains("`manifests` is not a list"), "{told}");
    let index = crate::media_type::INDEX;
    let mut put =
        |media_type: &str, document: Json| files.blob(media_type, document.to_string().as_bytes());
    let rows = [
        (
            put(index, json!({"manifests": [], "config": {}})),
            "is an index and a manifest at once",
        ),
        (
            put(index, json!({"manifests": [], "layers": []})),
            "is an index and a manifest at once",
        ),
        (
            put(MANIFEST, json!({"mediaType": index, "layers": []})),
            "the media type of",
        ),
        (put(MANIFEST, json!([])), ""),
    ];
    for (descriptor, wanted) in rows {
        let (graph, unread) = graph(&files, std::slice::from_ref(&descriptor));
        let is_read = graph.kind(digest_of(&descriptor)).is_some();
        assert_eq!(is_read, wanted.is_empty(), "{wanted}");
        assert_eq!(unread.len(), usize::from(!is_read), "{wanted}");
        assert!(
            unread.iter().all(|told| told.contains(wanted)),
            "{unread:?}"
        );
    }
    let absent = absent(MANIFEST, "not there");
    let (_, unread) = graph(&files, std::slice::from_ref(&absent));
    assert_eq!(unread.len(), 1, "what stands at the top is missed");
}

#[test]
fn a_manifest_is_that_of_an_image_by_its_types() {
    let layer = "application/vnd.oci.image.layer.v1.tar";
    let artifact = "application/vnd.example";
    for (config, layers, is_image) in [
        (Some(DOCKER_CONFIG), &[layer, layer][..], true),
        (None, &[], true),
        (Some(""), &[""], true),
        (Some(artifact), &[layer], false),
        (Some(DOCKER_CONFIG), &[layer, artifact], false),
        (Some(DOCKER_CONFIG), &[artifact, layer], false),
    ] {
        let layers: Vec<Json> = layers
            .iter()
            .map(|layer| json!({"mediaType": layer}))
            .collect();
        let mut manifest = json!({"layers": layers});
        if let Some(config) = config {
            manifest["config"] = json!({"mediaType": config});
        }
        let manifest = parsed(&manifest);
        let is = |descriptor: Json| super::graph::is_image(&parsed(&descriptor).root, &manifest);
        assert_eq!(is(json!({})), is_image, "{manifest:?}");
        assert!(!is(about(&json!({}), &json!({"digest": "x"}))));
    }
}

/// An index of two images that something is said about, each by name, and of which a third is part too.
fn referred() -> (Files, [Json; 3], Json, Vec<Json>) {
    let mut files = Files::default();
    let images = ["one", "two", "three"].map(|author| files.image(author));
    let index = files.index(&images);
    let mut top = vec![named(&index, "app")];
    let mut number = 0;
    let mut say = |name: &str, subject: &Json| {
        number += 1;
        let artifact = files.artifact(&format!("x{number}"));
        top.push(named(&about(&artifact, subject), name));
    };
    for i in 0..4 {
        say(&format!("one-{i}"), &images[0]);
    }
    say("two", &images[1]);
    say("one-1", &images[0]);
    for i in 0..3 {
        say(&format!("all-{i}"), &index);
    }
    say("one-0", &index);
    say("a", &images[0]);
    (files, images, index, top)
}

#[test]
fn what_is_said_about_an_image_is_said_about_it_or_the_indexes_above_it() {
    let (files, [one, two, three], index, top) = referred();
    let (graph, _) = graph(&files, &top);
    let referrers = graph.referrers();
    let below: HashSet<Digest> = graph.below(digest_of(&index)).into_iter().collect();
    let of = |referrers: &Referrers, descriptor: &Json, below| {
        let Referring { n, first } = referrers.of(digest_of(descriptor), below);
        format!("{n} {}", first.join(" "))
    };
    assert_eq!(
        of(&referrers, &one, &below),
        "8 one-0 one-1 one-2 one-3 all-0"
    );
    assert_eq!(
        of(&referrers, &two, &below),
        "5 two all-0 all-1 all-2 one-0"
    );
    assert_eq!(of(&referrers, &three, &below), "4 all-0 all-1 all-2 one-0");
    // What is said about an index counts only for what is below the same root.
    let none = HashSet::new();
    assert_eq!(of(&referrers, &two, &none), "1 two");
    assert_eq!(of(&referrers, &three, &none), "0 ");
    for (descriptor, is_about) in [(&one, true), (&three, false), (&index, true)] {
        assert_eq!(referrers.is_about(digest_of(descriptor)), is_about);
    }
    let names = |manifests: &[&Json]| {
        let manifests = manifests
            .iter()
            .map(|manifest| (digest_of(manifest), &none));
        Vec::from_iter(referrers.names(manifests)).join(" ")
    };
    assert_eq!(names(&[&two, &one]), "a one-0 one-1 one-2 one-3 two");
    assert_eq!(names(&[&three]), "");
}

#[test]
fn each_mark_of_a_referrer_is_understood() {
    let mut files = Files::default();
    let image = files.image("one");
    let hex = digest_of(&image).hex();
    let subject = files.manifest(&json!({"mediaType": MANIFEST, "layers": [], "subject": image, "config": {"mediaType": "x"}}));
    let artifact = files.artifact("x");
    let rows = [
        (subject, true),
        (about(&artifact, &image), true),
        (
            annotated(
                &artifact,
                &json!({"io.containerd.manifest.subject": image["digest"]}),
            ),
            true,
        ),
        (named(&artifact, &format!("app:sha256-{hex}.sig")), true),
        (named(&artifact, &format!("sha256-{hex}")), true),
        (named(&artifact, &format!("sha256-{hex}0.sig")), false),
        (named(&artifact, "app"), false),
        (artifact.clone(), false),
        // An image is none, and what is not there may be one.
        (about(&files.image("two"), &json!({"digest": "x"})), false),
        (
            named(&files.image("two"), &format!("sha256-{hex}.sig")),
            false,
        ),
        (
            named(&absent(MANIFEST, "x"), &format!("sha256-{hex}.sig")),
            true,
        ),
        (
            named(&json!({"mediaType": "x"}), &format!("sha256-{hex}.sig")),
            true,
        ),
    ];
    for (descriptor, is_about) in rows {
        let (graph, _) = graph(&files, &[image.clone(), descriptor.clone()]);
        assert_eq!(
            graph.referrers().is_about(digest_of(&image)),
            is_about,
            "{descriptor}"
        );
    }
}

#[test]
fn what_cosign_saves_is_about_the_image_of_its_name() {
    let mut files = Files::default();
    let cosign = |descriptor: &Json, kind: &str, name: &str| {
        let mut annotations = json!({"kind": format!("dev.cosignproject.cosign/{kind}")});
        if !name.is_empty() {
            annotations["org.opencontainers.image.ref.name"] = json!(name);
        }
        annotated(descriptor, &annotations)
    };
    let images = ["one", "two", "three"].map(|author| files.image(author));
    let mut artifact = |kind: &str| files.artifact(kind);
    let (early, sigs, atts, sboms, later, other) = (
        artifact("a"),
        artifact("b"),
        artifact("c"),
        artifact("d"),
        artifact("e"),
        artifact("f"),
    );
    let list = [
        // Before any image: it is of the first of its name.
        cosign(&early, "sigs", "app"),
        cosign(&images[0], "image", "app"),
        cosign(&sigs, "sigs", "app"),
        cosign(&images[1], "imageIndex", "app"),
        cosign(&atts, "atts", "app"),
        cosign(&images[2], "image", ""),
        cosign(&sboms, "sboms", ""),
        cosign(&later, "sigs", "app"),
        cosign(&other, "else", "app"),
        cosign(&artifact("g"), "sigs", "of no image"),
    ];
    let (graph, _) = graph(&files, &list);
    let saved = super::referrers::Saved::of(&graph.index);
    let told = list.each_ref().map(|item| {
        let item = parsed(item).root;
        let about = super::referrers::subjects(&saved, &item, None);
        about
            .first()
            .and_then(|about| images.iter().position(|image| digest_of(image) == *about))
    });
    let (one, two, three) = (Some(0), Some(1), Some(2));
    assert_eq!(
        told,
        [one, None, one, None, two, None, three, two, None, None]
    );
}

#[test]
fn surroundings_are_those_of_each_image() {
    let (mut files, _, _, mut top) = referred();
    top[0]["annotations"]["of the descriptor"] = json!("of an index");
    let lone = files.image("lone");
    let names = json!({
        "io.containerd.image.name": "docker.io/library/lone:1",
        "org.opencontainers.image.ref.name": "lone",
        "of the descriptor": "yes",
    });
    top.push(annotated(&lone, &names));
    top.push(named(&about(&absent(MANIFEST, "x"), &lone), "of-lone"));
    let archive = files.layout(&top).archive().unwrap();
    assert_eq!(archive.images().len(), 4);
    let about = |image: usize| archive.referrers(image).n;
    assert_eq!([0, 1, 2, 3].map(about), [8, 5, 4, 1]);
    assert_eq!(
        [0, 1, 2, 3].map(|image| archive.is_index_referred_to(image)),
        [true, true, true, false]
    );
    assert_eq!(
        archive.referrers_of(&[2]).join(" "),
        "all-0 all-1 all-2 one-0"
    );
    assert_eq!(
        archive.referrers_of(&[1, 2]).join(" "),
        "all-0 all-1 all-2 one-0 two"
    );
    assert_eq!(archive.referrers_of(&[3]).join(" "), "of-lone");
    let annotations = archive.annotations(3);
    let told = |annotations: &Option<crate::annotation::Annotations>| {
        annotations
            .as_ref()
            .map(crate::annotation::Annotations::to_vec)
    };
    assert_eq!(told(&annotations.manifest), Some(vec![]));
    assert_eq!(told(&annotations.index), None);
    assert_eq!(
        told(&annotations.descriptor),
        Some(vec![("of the descriptor".to_owned(), "yes".to_owned())])
    );
    // The descriptor of an image below an index is that in the index.
    let annotations = archive.annotations(1);
    assert_eq!(told(&annotations.index), Some(vec![]));
    assert_eq!(told(&annotations.descriptor), Some(vec![]));
}

#[test]
fn everything_besides_images_is_listed_once() {
    let mut files = Files::default();
    let (one, artifact, inner) = (files.image("one"), files.artifact("x"), files.artifact("y"));
    let damaged = files.artifact("damaged");
    files.remove(&damaged);
    let index = files.index(&[
        one.clone(),
        about(&inner, &one),
        absent(MANIFEST, "another platform"),
    ]);
    let top = [
        index,
        named(&artifact, "x:1"),
        artifact.clone(),
        damaged,
        absent("application/vnd.example", "of another type"),
        absent("application/vnd.example", "of another type"),
        json!({"mediaType": "application/vnd.example"}),
    ];
    let archive = files.layout(&top).archive().unwrap();
    let told = archive.others().into_iter().map(|other| {
        let Other {
            kind,
            digest,
            name,
            about,
        } = other;
        (kind, digest, name, about)
    });
    let wanted = [
        (
            "artifact of type x".to_owned(),
            digest_of(&artifact),
            Some("x:1".to_owned()),
            vec![],
        ),
        (
            "artifact of type application/vnd.example".to_owned(),
            digest_of(&top[4]),
            None,
            vec![],
        ),
        (
            "artifact of type y".to_owned(),
            digest_of(&inner),
            None,
            vec![digest_of(&one)],
        ),
    ];
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    for wanted in wanted {
        assert!(told.contains(&wanted), "{wanted:?} {told:#?}");
    }
}

#[test]
fn a_file_that_changes_meanwhile_is_no_damaged_image() {
    let mut files = Files::default();
    let one = files.image("one");
    let layout = files.layout(std::slice::from_ref(&one));
    let manifest = format!("blobs/sha256/{}", digest_of(&one).hex());
    let parsed: Json = serde_json::from_slice(&files.0[&manifest]).unwrap();
    let config = format!("blobs/sha256/{}", digest_of(&parsed["config"]).hex());
    let layer = format!("blobs/sha256/{}", digest_of(&parsed["layers"][0]).hex());
    let mut saved = Files::default();
    for name in [&config, &layer] {
        saved.put(name, &files.0[name]);
    }
    let list = json!([{"Config": config, "RepoTags": null, "Layers": [layer]}]);
    saved.put("manifest.json", list.to_string().as_bytes());
    for (files, changed) in [
        (&layout, &manifest),
        (&layout, &config),
        (&layout, &layer),
        (&saved, &config),
        (&saved, &layer),
    ] {
        let home = tempfile::tempdir().unwrap();
        files.write_to(home.path());
        let open = || Source::open(home.path(), home.path()).unwrap();
        let archive = Archive::look_into(open(), None).unwrap();
        assert_eq!((archive.images().len(), archive.unread().len()), (1, 0));
        let source = open();
        std::fs::write(home.path().join(changed), "longer than it was".repeat(100)).unwrap();
        let told = Archive::look_into(source, None).unwrap_err();
        assert!(matches!(told, Error::Changed { .. }), "{changed} {told}");
        // Found so, it is the image that is damaged.
        let archive = Archive::look_into(open(), None).unwrap();
        let is_layer = *changed == layer && files.0.len() == saved.0.len();
        assert_eq!(archive.unread().len(), usize::from(!is_layer), "{changed}");
    }
}

/// The `dir:` form of a manifest or an index at the top, with what it leads to.
fn flat(files: &Files, top: &Json) -> Files {
    let mut flat = Files::default();
    for (name, content) in &files.0 {
        let hex = name.rsplit('/').next().unwrap();
        let is_document = serde_json::from_slice::<Json>(content)
            .is_ok_and(|json| json.get("schemaVersion").is_some());
        match is_document {
            _ if hex == digest_of(top).hex() => flat.put("manifest.json", content),
            true => flat.put(&format!("{hex}.manifest.json"), content),
            false => flat.put(hex, content),
        }
    }
    flat
}

#[test]
fn a_directory_of_skopeo_is_read_as_the_layout_that_it_would_be() {
    let mut files = Files::default();
    let (one, two) = (files.image("one"), files.image("two"));
    let index = files.index(&[one.clone(), two.clone(), absent(MANIFEST, "x")]);
    let mut saved = flat(&files, &index);
    let (hex_one, hex_two) = (digest_of(&one).hex(), digest_of(&two).hex());
    let signatures = [
        "signature-1".to_owned(),
        "signature-2".to_owned(),
        format!("{hex_one}.signature-1"),
        format!("{hex_two}.signature-1"),
    ];
    for name in &signatures {
        saved.put(name, b"signature");
    }
    // There is a gap before it.
    saved.put("signature-4", b"signature");
    let archive = saved.archive().unwrap();
    assert_eq!(archive.images().len(), 2);
    assert!(archive.unread().is_empty(), "{:?}", archive.unread());
    let graph = archive.contents.graph.as_ref().unwrap();
    assert_eq!(graph.store, Store::Flat);
    assert_eq!(graph.top_name(), "manifest.json");
    let names: Vec<String> = graph.signatures().map(|(file, _)| file).collect();
    let wanted: BTreeSet<&String> = signatures.iter().collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(names.len(), 4);
    assert!(graph.signatures().all(|(file, name)| file == name));
    let image = |hex: &str| {
        let mut digests = archive
            .images()
            .iter()
            .map(crate::archive::Image::manifest_digest);
        digests
            .position(|digest| digest.unwrap().hex() == hex)
            .unwrap()
    };
    // The two at the top are about the index, which is above both images.
    let about = |hex: &str| archive.referrers(image(hex)).first.join(" ");
    assert_eq!(
        about(&hex_one),
        format!("signature-1 signature-2 {hex_one}.signature-1")
    );
    assert_eq!(
        about(&hex_two),
        format!("signature-1 signature-2 {hex_two}.signature-1")
    );
    let named = |digest| graph.document_name(digest);
    assert_eq!(named(digest_of(&index)), "manifest.json");
    assert_eq!(named(digest_of(&one)), format!("{hex_one}.manifest.json"));
    assert_eq!(graph.blob_name(digest_of(&one)), hex_one);
    // As a layout, it has no place for them.
    let mut notes = Vec::new();
    let mut layout = graph.clone();
    layout.store_as(Store::Flat, &mut notes);
    assert_eq!((layout.signatures().count(), notes.len()), (4, 0));
    layout.store_as(Store::Blobs, &mut notes);
    assert_eq!((layout.signatures().count(), notes.len()), (0, 4));
    assert_eq!(super::graph::children(&layout.index).count(), 1);
    assert_eq!(layout.top_name(), "index.json");
    assert_eq!(
        layout.document_name(digest_of(&one)),
        format!("blobs/sha256/{hex_one}")
    );
    layout.store_as(Store::Blobs, &mut notes);
    assert_eq!(notes.len(), 4);
}

#[test]
fn one_manifest_stands_for_a_directory_of_skopeo() {
    let mut files = Files::default();
    let one = files.image("one");
    let mut saved = flat(&files, &one);
    saved.put("signature-1", b"signature");
    let archive = saved.archive().unwrap();
    assert_eq!(archive.referrers(0).first, ["signature-1"]);
    let graph = archive.contents.graph.as_ref().unwrap();
    assert_eq!(graph.signatures().count(), 1);
    saved.put("index.json", br#"{"manifests":[]}"#);
    let told = saved.archive().unwrap().unread()[0].error.to_string();
    assert!(told.contains("but `index.json` exists too"), "{told}");
    let mut old = Files::default();
    old.put("manifest.json", br#"{"schemaVersion":1,"fsLayers":[]}"#);
    let told = old.archive().unwrap_err().to_string();
    assert!(
        told.contains("is a manifest of Docker's schema 1"),
        "{told}"
    );
}

#[test]
fn a_document_without_a_media_type_shows_what_it_is() {
    for (document, wanted) in [
        (json!({"mediaType": "m"}), "m"),
        (json!({"manifests": []}), crate::media_type::INDEX),
        (
            json!({"config": {"mediaType": DOCKER_CONFIG}}),
            crate::media_type::DOCKER_MANIFEST,
        ),
        (json!({"config": {}}), MANIFEST),
        (json!({}), MANIFEST),
    ] {
        assert_eq!(
            super::store::media_type(&parsed(&document)),
            wanted,
            "{document}"
        );
    }
}

#[test]
fn a_configuration_is_what_its_name_says() {
    let config = |author: &str| {
        json!({"author": author, "rootfs": {"type": "layers", "diff_ids": []}}).to_string()
    };
    let (one, other) = (config("one"), config("other"));
    let hex = Digest::of(one.as_bytes()).hex();
    let mut files = Files::default();
    files.put("config.json", one.as_bytes());
    files.put(&format!("{hex}.json"), one.as_bytes());
    files.put(
        &format!("blobs/sha256/{}", Digest::of(b"x").hex()),
        other.as_bytes(),
    );
    let names: Vec<String> = files.0.keys().cloned().collect();
    let list: Vec<Json> = names
        .iter()
        .chain(&names)
        .map(|name| json!({"Config": name, "RepoTags": null, "Layers": []}))
        .collect();
    files.put("manifest.json", Json::from(list).to_string().as_bytes());
    let archive = files.archive().unwrap();
    assert_eq!((archive.images().len(), archive.unread().len()), (4, 2));
    assert!(
        archive
            .images()
            .iter()
            .all(|image| image.image_id().hex() == hex)
    );
    let told = archive.unread()[0].error.to_string();
    assert!(told.contains("the digest of the configuration"), "{told}");
}
