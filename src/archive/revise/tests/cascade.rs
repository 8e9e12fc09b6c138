//! What an image that changes does to the lists above it and to what speaks about it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::lists::{digest, listed, state, told};
use crate::annotation::{AnnotationEdit, AnnotationPlace};
use crate::archive::dialect::Index;
use crate::archive::dialect::state::State;
use crate::archive::documents::descriptor::{ATTESTED, REFERRED};
use crate::archive::documents::graph::{Graph, Node, NodeKind};
use crate::archive::documents::store::Store;
use crate::archive::tests::{annotated, parsed};
use crate::image::json::Document;

/// Returns `index.json` once the image `a` has become another.
fn revised(manifests: &[Json], root: Option<&str>, old: State, new: State) -> Document {
    let node = Node {
        kind: NodeKind::Image,
        document: parsed(&json!({})),
    };
    let graph = Graph {
        index: parsed(&json!({"manifests": manifests})),
        nodes: BTreeMap::from([(digest("a"), node)]),
        store: Store::Blobs,
    };
    let style = Index {
        says_which_images: true,
        lists_nameless: true,
        has_whole_names: false,
        store: Store::Blobs,
    };
    let (graph, tops) = graph.revise(
        &[root.map(digest)],
        &[old],
        std::slice::from_ref(&new),
        style,
        false,
    );
    assert_eq!(tops, [new.manifest.map(|manifest| manifest.digest)]);
    graph.index
}

#[test]
fn a_list_changes_with_the_image_its_names_or_its_annotations() {
    for (letter, names, annotation, wanted) in [
        ("a", "app:1", None, "app:1@a b:1@b"),
        ("n", "app:1", None, "app:1@n b:1@b"),
        ("a", "app:2", None, "app:2@a b:1@b"),
        ("n", "app:2", None, "app:2@n b:1@b"),
        ("a", "app:1", Some("2"), "app:1@a b:1@b"),
    ] {
        let mut new = state(letter, names, 0);
        new.annotations
            .extend(annotation.map(|value| AnnotationEdit {
                on: AnnotationPlace::Descriptor,
                key: "k".to_owned(),
                old: None,
                new: Some(value.to_owned()),
            }));
        let manifests = [listed("app:1@a"), listed("b:1@b")];
        let index = revised(&manifests, Some("a"), state("a", "app:1", 0), new);
        assert_eq!(told(&index), wanted);
        let json: Json = serde_json::from_slice(&index.to_bytes()).unwrap();
        let found = json["manifests"][0]["annotations"].get("k");
        assert_eq!(found.and_then(Json::as_str), annotation);
    }
}

#[test]
fn an_image_that_is_listed_nowhere_changes_no_list() {
    let nowhere = |names: &str| State {
        manifest: None,
        ..state("a", names, 0)
    };
    let manifests = [listed("b:1@b")];
    let index = revised(&manifests, None, nowhere("app:1"), nowhere("app:2"));
    assert_eq!(
        index.to_bytes(),
        json!({"manifests": manifests}).to_string().into_bytes()
    );
}

#[test]
fn only_what_has_changed_is_spoken_about_anew() {
    let [a, b, n] = ["a", "b", "n"].map(|letter| digest(letter).to_string());
    for (keeps_referrers, there, wanted) in [
        (
            true,
            json!({ATTESTED: a, REFERRED: b}),
            json!({ATTESTED: n, REFERRED: b}),
        ),
        (
            true,
            json!({ATTESTED: b, REFERRED: a}),
            json!({ATTESTED: b, REFERRED: n}),
        ),
        (true, json!({REFERRED: b}), json!({REFERRED: b})),
        (false, json!({REFERRED: b}), json!({REFERRED: b})),
        (false, json!({REFERRED: a}), json!(null)),
    ] {
        let manifests = [listed("app:1@a"), annotated(&listed("-@c"), &there)];
        let mut new = state("n", "app:1", 0);
        new.keeps_referrers = keeps_referrers;
        let index = revised(&manifests, Some("a"), state("a", "app:1", 0), new);
        let index: Json = serde_json::from_slice(&index.to_bytes()).unwrap();
        assert_eq!(index["manifests"][1]["annotations"], wanted, "{there}");
    }
}
