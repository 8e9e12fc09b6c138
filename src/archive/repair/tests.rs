//! What an archive that was edited by hand must be. One file because they share its parts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::reading::Reading;
use super::{Repair, graph, halves};
use crate::archive::Half;
use crate::archive::documents::graph::MAX_DEPTH;
use crate::archive::documents::items::Item;
use crate::archive::tests::{Files, annotated, compressed, digest_of, parsed};
use crate::compression::Compression;
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
#[allow(clippy::too_many_lines, reason = "it is one table")]
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
    let found = matched(
        &parts,
        std::slice::from_ref(&several),
        &there,
        &items,
        Half::Manifest,
    );
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

#[test]
fn a_layer_keeps_its_name_unless_that_states_other_bytes() {
    let plain = vec![0; 2048];
    let packed = compressed(&plain, Compression::Gzip);
    let (diff_id, of_packed) = (Digest::of(&plain).hex(), Digest::of(&packed).hex());
    let [other, stated] = [&b"other"[..], b"stated"].map(|text| Digest::of(text).hex());
    let blob = |hex: &str| format!("blobs/sha256/{hex}");
    let tar = |hex: &str| format!("{hex}.tar");
    let below = |hex: &str| format!("{hex}/layer.tar");
    for (path, is_packed, is_kept, known) in [
        (blob(&diff_id), false, true, &diff_id),
        (blob(&other), false, false, &other),
        (blob(&of_packed), true, true, &stated),
        (blob(&diff_id), true, false, &stated),
        (blob(&other), true, false, &stated),
        (tar(&diff_id), false, true, &diff_id),
        (tar(&other), false, false, &other),
        (tar(&of_packed), true, true, &stated),
        (tar(&diff_id), true, true, &stated),
        (tar(&other), true, false, &stated),
        (below(&diff_id), false, true, &stated),
        (below(&diff_id), true, true, &stated),
        (below(&stated), false, false, &stated),
        // An id of another kind.
        (below(&other), false, true, &stated),
        ("layer.tar".to_owned(), false, true, &stated),
    ] {
        let bytes = if is_packed { &packed } else { &plain };
        for has_diff_id in [true, false] {
            let diff_ids = [format!("sha256:{stated}")];
            let diff_ids = if has_diff_id { &diff_ids[..] } else { &[] };
            let config = json!({"rootfs": {"type": "layers", "diff_ids": diff_ids}}).to_string();
            let mut files = Files::default();
            files.put("config.json", config.as_bytes());
            files.put(&path, bytes);
            let source = files.source();
            let item = Item {
                config: "config.json".to_owned(),
                tags: Vec::new(),
                layers: vec![path.clone()],
                stated: Vec::new(),
            };
            let mut reading = Reading::new(&source);
            let found = reading.image(&item, Vec::new(), 0, "x").unwrap();
            let (layer, state) = (&found.image.layers[0], &found.state.layers[0]);
            let case = format!("{path} {is_packed} {has_diff_id}");
            assert_eq!(state.diff_id.hex(), diff_id, "{case}");
            assert_eq!(state.digest, Some(Digest::of(bytes)), "{case}");
            if has_diff_id {
                assert_eq!(layer.diff_id.hex(), *known, "{case}");
                assert_eq!(state.path.is_some(), is_kept, "{case}");
            } else if *known == stated {
                assert_eq!(layer.diff_id.hex(), diff_id, "{case}");
            }
        }
    }
}

/// The kinds of documents that an index leads to, or why it cannot be read.
fn kinds(files: &Files, index: &[Json], of: &[&Json]) -> String {
    let index = parsed(&json!({"schemaVersion": 2, "manifests": index}));
    match graph::stated(&files.source(), &index) {
        Err(error) => error.to_string(),
        Ok(graph) => {
            let kinds = of.iter().map(|it| match graph.kind(digest_of(it)) {
                Some(kind) => format!("{kind:?}"),
                None => "-".to_owned(),
            });
            kinds.collect::<Vec<_>>().join(" ")
        }
    }
}

#[test]
fn documents_that_are_listed_twice_are_what_they_are() {
    let mut files = Files::default();
    let (image, artifact) = (files.image("a"), files.artifact("sbom"));
    let of_image = files.index(std::slice::from_ref(&image));
    let of_artifact = files.index(std::slice::from_ref(&artifact));
    let all = [&image, &artifact, &of_image, &of_artifact];
    let wanted = "Image Other Index Other";
    let listed = all.map(Clone::clone);
    assert_eq!(kinds(&files, &listed, &all), wanted);
    let mut reversed = listed.to_vec();
    reversed.reverse();
    assert_eq!(kinds(&files, &reversed, &all), wanted);
    let absent = json!({"mediaType": MANIFEST, "digest": Digest::of(b"x").to_string(), "size": 1});
    let of_absent = files.index(std::slice::from_ref(&absent));
    assert_eq!(
        kinds(
            &files,
            std::slice::from_ref(&of_absent),
            &[&of_absent, &absent]
        ),
        "Other -"
    );
    assert!(kinds(&files, &[absent], &[]).contains("has no entry"));
    let without = json!({"mediaType": MANIFEST, "size": 1});
    assert!(kinds(&files, &[without], &[]).contains("manifests[0] has no `sha256:` digest"));
    assert_eq!(
        kinds(&files, &[json!({"mediaType": "text/plain"})], &[]),
        ""
    );
    let both = files.blob(INDEX, br#"{"manifests": [], "layers": []}"#);
    assert!(kinds(&files, &[both], &[]).contains("is an index and a manifest at once"));
}

#[test]
fn indexes_end_at_a_depth_and_do_not_lead_to_themselves() {
    let mut files = Files::default();
    let mut inner = files.image("a");
    let mut depths = Vec::new();
    for _ in 0..=MAX_DEPTH {
        inner = files.index(&[inner]);
        depths.push(inner.clone());
    }
    let [fits, deep] = [&depths[MAX_DEPTH - 1], &depths[MAX_DEPTH]];
    assert_eq!(kinds(&files, std::slice::from_ref(fits), &[fits]), "Index");
    assert!(kinds(&files, std::slice::from_ref(deep), &[]).contains("which leads to itself"));
    // By the digest that is stated, whatever the bytes are.
    let stated = Digest::of(b"stated");
    let itself = json!({"mediaType": INDEX, "digest": stated.to_string(), "size": 1});
    let index = json!({"mediaType": INDEX, "manifests": [itself]});
    files.put(
        &format!("blobs/sha256/{}", stated.hex()),
        index.to_string().as_bytes(),
    );
    assert!(kinds(&files, &[itself], &[]).contains("which leads to itself"));
}

#[test]
fn a_chain_of_referrers_is_followed_to_a_depth() {
    // Each is about the one before; the last is met first.
    for (n, is_read) in [(4 * MAX_DEPTH + 1, true), (4 * MAX_DEPTH + 2, false)] {
        let mut files = Files::default();
        let config = files.blob("application/vnd.example", b"{}");
        let mut chain = vec![files.image("a")];
        for _ in 1..n {
            let referrer = json!({
                "mediaType": MANIFEST, "config": config, "layers": [], "subject": chain.last(),
            });
            chain.push(files.manifest(&referrer));
        }
        chain.reverse();
        let repair = Repair::read(files.layout(&chain).source(), Half::Index);
        assert_eq!(repair.is_ok(), is_read, "{n}");
    }
}

#[test]
fn groups_have_the_images_that_are_there() {
    let mut files = Files::default();
    let image = files.image("a");
    let hollow = files.image("b");
    let name = format!("blobs/sha256/{}", digest_of(&hollow).hex());
    let manifest: Json = serde_json::from_slice(&files.0[&name]).unwrap();
    files.remove(&manifest["config"]);
    let config = files.blob(CONFIG, b"{}");
    let artifact = files.manifest(&json!({"mediaType": MANIFEST, "config": config, "layers": []}));
    let absent = json!({"mediaType": MANIFEST, "digest": Digest::of(b"x").to_string(), "size": 1});
    let app = named(&image, "docker.io/library/app:1");
    // For each group of images how many there are, and how many are not there.
    for (below, wanted) in [
        (&[&image][..], "1-0 1-0"),
        (&[&image, &hollow], "1-1 1-0"),
        (&[&image, &absent], "1-1 1-0"),
        (&[&image, &hollow, &absent], "1-2 1-0"),
        (&[&hollow, &absent], "1-0"),
        (&[&artifact], "1-0"),
        (&[&artifact, &image], "1-0 1-0"),
    ] {
        let mut files = files.clone();
        let below: Vec<Json> = below.iter().map(|it| (*it).clone()).collect();
        let index = files.index(&below);
        let layout = files.layout(&[index, app.clone()]);
        let contents = Repair::read(layout.source(), Half::Index).unwrap().contents;
        let groups = contents.groups.iter().enumerate().map(|(i, group)| {
            let images = contents.images.iter().filter(|image| image.group == i);
            format!("{}-{}", images.count(), group.n_absent)
        });
        assert_eq!(groups.collect::<Vec<_>>().join(" "), wanted, "{below:?}");
    }
    let layout = files.layout(std::slice::from_ref(&hollow));
    assert!(Repair::read(layout.source(), Half::Index).is_err());
    let other = named(&files.image("c"), "docker.io/library/app:1");
    let layout = files.layout(&[app, other]);
    let told = corrections(&layout, Half::Index);
    assert!(told[0].contains("appears twice"), "{told:?}");
}

/// What a repair says of an archive whose halves are these.
fn corrections(files: &Files, trusted: Half) -> Vec<String> {
    let repair = Repair::read(files.source(), trusted);
    match repair.and_then(|repair| repair.draft()?.corrections()) {
        Ok(corrections) => corrections.iter().map(ToString::to_string).collect(),
        Err(error) => vec![error.to_string()],
    }
}

#[test]
fn an_archive_that_is_right_stays_as_it_is() {
    let mut files = Files::default();
    let image = files.image("a");
    let layout = files.layout(&[named(&image, "docker.io/library/app:1")]);
    assert_eq!(corrections(&layout, Half::Index), Vec::<String>::new());
    let mut gone = Files::default();
    gone.put("x", b"x");
    assert!(
        corrections(&gone, Half::Index)[0].contains("neither `manifest.json` nor `index.json`")
    );
    let mut old = Files::default();
    old.put("repositories", b"{}");
    assert!(corrections(&old, Half::Manifest)[0].contains("as before Docker 1.10"));
}

#[test]
fn a_manifest_lists_the_layers_that_the_items_list() {
    // Items of `manifest.json` with the numbers of their layers, and those that the manifest had.
    for (had, has) in [
        (&[0][..], &[0, 1][..]),
        (&[0, 1], &[0]),
        (&[0, 1], &[1, 0]),
        (&[0, 1], &[2, 3]),
        (&[0], &[0, 0]),
        (&[0, 1, 2], &[0, 2]),
    ] {
        let mut files = Files::default();
        let layer = |i: usize| vec![0; 1024 + 512 * i];
        let layers: Vec<Json> = (0..4).map(|i| files.blob(PLAIN_LAYER, &layer(i))).collect();
        let digests = |list: &[usize]| {
            list.iter()
                .map(|&i| layers[i]["digest"].clone())
                .collect::<Vec<_>>()
        };
        let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {
            "type": "layers", "diff_ids": digests(has),
        }});
        let config = files.blob(CONFIG, config.to_string().as_bytes());
        let mut listed: Vec<Json> = had.iter().map(|&i| layers[i].clone()).collect();
        listed[0]["annotations"] = json!({"kept": "yes"});
        let manifest = files.manifest(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": listed,
        }));
        let mut files = files.layout(&[named(&manifest, "docker.io/library/app:1")]);
        let path = |blob: &Json| format!("blobs/sha256/{}", digest_of(blob).hex());
        let paths: Vec<String> = has.iter().map(|&i| path(&layers[i])).collect();
        let item = json!([{"Config": path(&config), "RepoTags": ["app:1"], "Layers": paths}]);
        files.put("manifest.json", item.to_string().as_bytes());
        let repair = Repair::read(files.source(), Half::Manifest).unwrap();
        let found = &repair.new[0].manifest.as_ref().unwrap().document;
        let found: Json = serde_json::from_slice(&found.to_bytes()).unwrap();
        let found = found["layers"].as_array().unwrap();
        let found_digests: Vec<Json> = found.iter().map(|layer| layer["digest"].clone()).collect();
        assert_eq!(found_digests, digests(has), "{had:?} {has:?}");
        for (layer, &i) in found.iter().zip(has) {
            assert_eq!(layer["size"], layers[i]["size"]);
        }
        // A descriptor that stays keeps what it says besides.
        let n_kept = found
            .iter()
            .filter(|layer| layer["annotations"]["kept"] == "yes")
            .count();
        assert_eq!(n_kept, usize::from(has.contains(&0)), "{had:?} {has:?}");
        assert_eq!(corrections(&files, Half::Manifest).is_empty(), had == has);
    }
}
