//! Which halves of an archive describe the same images, and what images may share.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::reading::Reading;
use super::{graph, halves};
use crate::archive::Half;
use crate::archive::documents::items::Item;
use crate::archive::tests::{Files, annotated, digest_of, parsed};
use crate::digest::Digest;
use crate::media_type::{CONFIG, INDEX, MANIFEST, PLAIN_LAYER};

/// Files with configurations `c0` to `c3` and layers `l0` to `l3`.
struct Parts {
    files: Files,
    configs: Vec<Json>,
    layers: Vec<Json>,
}

impl Parts {
    fn new() -> Self {
        let mut files = Files::default();
        let all = |files: &mut Files, media_type, letter| {
            let blob = |i| files.blob(media_type, format!("\"{letter}{i}\"").as_bytes());
            (0..4).map(blob).collect()
        };
        let configs = all(&mut files, CONFIG, 'c');
        let layers = all(&mut files, PLAIN_LAYER, 'l');
        Self {
            files,
            configs,
            layers,
        }
    }

    /// What `c0` or `l1` is.
    fn part(&self, name: &str) -> Option<&Json> {
        let list = if name.starts_with('c') {
            &self.configs
        } else {
            &self.layers
        };
        list.get(name[1..].parse::<usize>().unwrap())
    }

    /// A manifest, such as `c0 l0 l1`, told from those like it by a mark.
    fn manifest(&mut self, text: &str, mark: usize) -> Json {
        let mut parts = text.split(' ').map(|name| self.part(name).unwrap().clone());
        let config = parts.next().unwrap();
        let layers: Vec<Json> = parts.collect();
        self.files.manifest(&json!({
            "mediaType": MANIFEST, "config": config, "layers": layers, "annotations": {"mark": mark.to_string()},
        }))
    }

    /// An item, such as `c0 l0 app:1`; a part that is not there has another number.
    fn item(&self, text: &str) -> Item {
        let name = |name: &str| match self.part(name) {
            Some(part) => format!("blobs/sha256/{}", digest_of(part).hex()),
            None => format!("blobs/sha256/{}", Digest::of(name.as_bytes()).hex()),
        };
        let words: Vec<&str> = text.split(' ').collect();
        let of = |begin: char| {
            let words = words.iter().filter(move |word| word.starts_with(begin));
            words.map(|word| (*word).to_owned())
        };
        Item {
            config: name(words[0]),
            tags: of('a').collect(),
            layers: of('l').map(|layer| name(&layer)).collect(),
            stated: Vec::new(),
        }
    }
}

fn named(descriptor: &Json, name: &str) -> Json {
    match name {
        "" => descriptor.clone(),
        name => annotated(descriptor, &json!({"io.containerd.image.name": name})),
    }
}

/// For each item the numbers of the manifests that it describes; nothing if the halves describe different images.
fn matched(
    parts: &Parts,
    index: &[Json],
    manifests: &[Json],
    items: &[Item],
    trusted: Half,
) -> String {
    let source = parts.files.source();
    let index = parsed(&json!({"schemaVersion": 2, "manifests": index}));
    let graph = graph::stated(&source, &index).unwrap();
    let roots = graph.roots().unwrap();
    match halves::matched(&source, items, (&graph, &roots), trusted) {
        Err(_) => "error".to_owned(),
        Ok(None) => "different".to_owned(),
        Ok(Some(matched)) => {
            let places = manifests.iter().enumerate();
            let places: HashMap<Digest, usize> = places
                .map(|(i, manifest)| (digest_of(manifest), i))
                .collect();
            let told = matched.of_items.iter().map(|found| {
                let mut places: Vec<usize> = found.iter().map(|digest| places[digest]).collect();
                places.sort_unstable();
                let places: Vec<String> = places.iter().map(usize::to_string).collect();
                places.join("+")
            });
            told.collect::<Vec<_>>().join(" ")
        }
    }
}

#[test]
fn an_item_describes_the_images_of_its_configuration_or_its_name() {
    let app = "docker.io/library/app:1";
    let other = "docker.io/library/app:2";
    for (manifests, items, by_manifest, by_index) in [
        // The same parts.
        (&[("c0 l0", app)][..], &["c0 l0 app:1"][..], "0", "0"),
        (
            &[("c0 l0", app), ("c1 l1", other)],
            &["c1 l1", "c0 l0"],
            "1 0",
            "1 0",
        ),
        (
            &[("c0 l0", app), ("c0 l0", other)],
            &["c0 l0 app:1"],
            "0+1",
            "0+1",
        ),
        // Other layers, or some that are not there.
        (&[("c0 l0", app)], &["c0 l1 app:2"], "0", "different"),
        (&[("c0 l0", app)], &["c0 l0 l1"], "0", "different"),
        (
            &[("c0 l0", app), ("c0 l1", other)],
            &["c0 l1", "c0 l0"],
            "1 0",
            "1 0",
        ),
        (
            &[("c0 l0", app), ("c0 l1", other)],
            &["c0 l2 app:2"],
            "0+1",
            "different",
        ),
        (&[("c0 l0", app)], &["c0 l9 app:1"], "0", "different"),
        // Another configuration, or one that is not there.
        (
            &[("c0 l0", app), ("c1 l1", other)],
            &["c2 l0 app:1", "c3 l1 app:2"],
            "0 1",
            "different",
        ),
        (
            &[("c0 l0", app), ("c1 l1", other)],
            &["c2 l0 app:2", "c3 l1 app:1"],
            "1 0",
            "different",
        ),
        (&[("c0 l0", app)], &["c9 l0 app:1"], "error", "different"),
        (&[("c0 l0", app)], &["c2 l0 app:3"], "0", "different"),
        (&[("c0 l0", "")], &["c2 l0"], "0", "different"),
        (
            &[("c0 l0", app), ("c1 l1", other)],
            &["c2 l0 app:3"],
            "different",
            "different",
        ),
        (
            &[("c0 l0", app), ("c1 l1", app)],
            &["c2 l0 app:1"],
            "different",
            "different",
        ),
        // Images without tags may be in no index, but not the other way round.
        (&[("c0 l0", app)], &["c0 l0", "c2 l2"], "0 ", "different"),
        (
            &[("c0 l0", app)],
            &["c0 l0", "c2 l2 app:3"],
            "different",
            "different",
        ),
        (
            &[("c0 l0", app), ("c1 l1", other)],
            &["c0 l0"],
            "different",
            "different",
        ),
        (
            &[("c0 l0", ""), ("c1 l1", "")],
            &["c0 l0"],
            "different",
            "different",
        ),
        // Two items of one image are alike.
        (
            &[("c0 l0", app)],
            &["c0 l0 app:1", "c0 l0 app:2"],
            "0 0",
            "0 0",
        ),
        (
            &[("c0 l0", app)],
            &["c0 l0 app:1", "c0 l1 app:2"],
            "different",
            "different",
        ),
        (
            &[("c0 l0", app)],
            &["c0 l0 app:2", "c2 l0 app:1"],
            "different",
            "different",
        ),
    ] {
        let mut parts = Parts::new();
        let there = manifests.iter().enumerate();
        let there: Vec<Json> = there
            .map(|(i, (text, _))| parts.manifest(text, i))
            .collect();
        let index = there
            .iter()
            .zip(manifests)
            .map(|(it, (_, name))| named(it, name));
        let index: Vec<Json> = index.collect();
        let list: Vec<Item> = items.iter().map(|item| parts.item(item)).collect();
        for (trusted, wanted) in [(Half::Manifest, by_manifest), (Half::Index, by_index)] {
            let found = matched(&parts, &index, &there, &list, trusted);
            assert_eq!(found, wanted, "{manifests:?} {items:?} {trusted:?}");
        }
    }
}

#[test]
fn of_several_platforms_one_is_described() {
    let app = "docker.io/library/app:1";
    for (n_there, n_absent, name, wanted) in [
        (1, 0, "", "different"),
        (2, 0, "", "2"),
        (1, 1, "", "2"),
        (1, 1, app, "different"),
        (2, 0, app, "different"),
    ] {
        let mut parts = Parts::new();
        let one = parts.manifest("c0 l0", 0);
        let two = parts.manifest("c1 l1", 1);
        let described = parts.manifest("c2 l2", 2);
        let absent =
            json!({"mediaType": MANIFEST, "digest": Digest::of(b"x").to_string(), "size": 1});
        let mut listed = [one.clone(), two.clone()][..n_there].to_vec();
        listed.extend(vec![absent; n_absent]);
        let several = named(&parts.files.index(&listed), name);
        let index = [several, named(&described, "docker.io/library/app:2")];
        let items = [parts.item("c2 l2 app:2")];
        let found = matched(
            &parts,
            &index,
            &[one, two, described],
            &items,
            Half::Manifest,
        );
        assert_eq!(found, wanted, "{n_there} {n_absent} {name}");
    }
    let mut parts = Parts::new();
    let there = [parts.manifest("c0 l0", 0), parts.manifest("c1 l1", 1)];
    let several = named(&parts.files.index(&there), app);
    assert_eq!(several["mediaType"], INDEX);
    let items = [parts.item("c1 l1 app:1")];
    let found = matched(&parts, &[several.clone()], &there, &items, Half::Manifest);
    assert_eq!(found, "1");
    // A name of two platforms does not say which.
    let items = [parts.item("c2 l1 app:1")];
    let found = matched(&parts, &[several], &there, &items, Half::Manifest);
    assert_eq!(found, "different");
}

#[test]
fn items_and_images_that_are_all_alike_are_not_compared_without_end() {
    let mut parts = Parts::new();
    let there: Vec<Json> = (0..400).map(|i| parts.manifest("c0 l0", i)).collect();
    for (n_items, is_matched) in [(250, true), (251, false)] {
        let items = vec![parts.item("c0 l0"); n_items];
        let found = matched(&parts, &there, &there, &items, Half::Manifest);
        assert_eq!(found != "different", is_matched, "{n_items}");
    }
}

#[test]
fn what_images_share_is_counted_once_within_bounds() {
    let mut files = Files::default();
    let config = json!({
        "author": "a".repeat(100_000), "architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": []},
    });
    files.put("config.json", config.to_string().as_bytes());
    let source = files.source();
    let entry = source.find("config.json").unwrap();
    let size = config.to_string().len();
    // How many images may have that configuration and a layer whose name is so long.
    let n_images = |n_bytes: usize, is_read: bool| {
        let mut reading = Reading::new(&source);
        assert!(!is_read || reading.has_rootfs("config.json", "x").unwrap());
        let item = Item {
            config: "config.json".to_owned(),
            tags: vec![String::new()],
            layers: vec!["l".repeat(n_bytes)],
            stated: Vec::new(),
        };
        let weighed = (0..500).take_while(|_| reading.weigh(&item, entry, "x").is_ok());
        weighed.count()
    };
    // 8 MiB, and four times what is counted once.
    let own = 2 * 64;
    assert_eq!(n_images(0, true), (8 << 20) / (size - 3 * own));
    let own = 2 * 64 + 20_000;
    assert_eq!(n_images(20_000, true), (8 << 20) / (size - 3 * own));
    assert_eq!(n_images(0, false), 500);
}
