//! Which images documents list, and where two of them disagree. One file because they share their archives.

use serde_json::{Value as Json, json};

use super::rootfs;
use crate::archive::Archive;
use crate::archive::tests::{Files, annotated, digest_of};
use crate::digest::Digest;
use crate::error::Error;
use crate::media_type::{CONFIG, MANIFEST, PLAIN_LAYER};
use crate::reference::Reference;
use crate::tarball::END_OF_ARCHIVE;

/// Images with their group, names and number of layers, then how many each group lacks, then what cannot be read.
fn told(archive: Result<Archive, Error>) -> String {
    let archive = match archive {
        Ok(archive) => archive,
        Err(error) => return error.to_string(),
    };
    let images = archive.images().iter().map(|image| {
        let tags: Vec<String> = image.tags.iter().map(Reference::familiar).collect();
        let manifest = usize::from(image.manifest.is_some());
        format!(
            "{}:{}:{}:{manifest}",
            image.group,
            tags.join("+"),
            image.layers.len()
        )
    });
    let groups = archive
        .contents
        .groups
        .iter()
        .filter(|group| group.n_absent > 0);
    let groups = groups.map(|group| format!("-{}", group.n_absent));
    let unread = archive
        .unread
        .iter()
        .map(|unread| format!("?{}", unread.names.join("+")));
    images
        .chain(groups)
        .chain(unread)
        .collect::<Vec<_>>()
        .join(" ")
}

fn named(descriptor: &Json, name: &str) -> Json {
    annotated(
        descriptor,
        &json!({"io.containerd.image.name": format!("docker.io/library/{name}")}),
    )
}

/// An image whose configuration is nowhere.
fn without_config(files: &mut Files, mark: &str) -> Json {
    let image = files.image(mark);
    let name = format!("blobs/sha256/{}", digest_of(&image).hex());
    let manifest: Json = serde_json::from_slice(&files.0[&name]).unwrap();
    files.remove(&manifest["config"]);
    image
}

#[test]
fn an_image_may_be_left_out_where_there_are_others() {
    let mut files = Files::default();
    let [a, b] = ["a", "b"].map(|mark| files.image(mark));
    let hollow = without_config(&mut files, "c");
    let absent = json!({"mediaType": MANIFEST, "digest": Digest::of(b"x").to_string(), "size": 1});
    for (below, wanted) in [
        (&[&a, &b][..], "0:i:1:1 0:i:1:1 1:t:1:1"),
        (&[&a, &hollow], "0:i:1:1 1:t:1:1 -1"),
        (&[&a, &absent], "0:i:1:1 1:t:1:1 -1"),
        (&[&a, &hollow, &absent], "0:i:1:1 1:t:1:1 -2"),
        (&[&hollow, &absent], "0:t:1:1"),
        (&[&hollow, &hollow], "0:t:1:1 ?i"),
        (&[&hollow], "0:t:1:1 ?i"),
    ] {
        let mut files = files.clone();
        let below: Vec<Json> = below.iter().map(|image| (*image).clone()).collect();
        let index = files.index(&below);
        let files = files.layout(&[named(&index, "i"), named(&a, "t")]);
        let found = told(files.archive()).replace(":latest", "");
        assert_eq!(found.replace("docker.io/library/", ""), wanted, "{below:?}");
    }
}

#[test]
fn images_share_documents_within_bounds() {
    // What one image's names come to: 64 bytes and 100 each.
    let tags = |n: usize| (0..n).map(|i| format!("a:{}{i:04}", "t".repeat(96)));
    let open = |n_images: usize, n_tags: usize| {
        let mut files = Files::default();
        let images: Vec<Json> = (0..n_images).map(|i| files.image(&i.to_string())).collect();
        let top = files.index(&images);
        let listed: Vec<Json> = tags(n_tags).map(|tag| named(&top, &tag)).collect();
        files.layout(&listed).archive()
    };
    let own = 164;
    // All images of an index have its names, which count once: 8 MiB and four times those.
    let n_tags = 2000;
    let n_most = ((8 << 20) + 4 * n_tags * own) / (n_tags * own);
    assert!(open(n_most - 1, n_tags).is_ok());
    assert!(open(n_most + 1, n_tags).is_err());
}

/// A `manifest.json` and an `index.json` of two images, as containerd writes them.
fn both(edit: impl Fn(&mut Vec<Json>, &mut Vec<Json>)) -> String {
    let mut files = Files::default();
    let layer = files.blob(PLAIN_LAYER, &END_OF_ARCHIVE);
    let other = files.blob(PLAIN_LAYER, &[0; 2048]);
    let mut image = |mark: &str, layers: &[&Json]| {
        let diff_ids: Vec<&Json> = layers.iter().map(|layer| &layer["digest"]).collect();
        let config = json!({"author": mark, "rootfs": {"type": "layers", "diff_ids": diff_ids}});
        let config = files.blob(CONFIG, config.to_string().as_bytes());
        let manifest = files.manifest(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        }));
        let path = |blob: &Json| format!("blobs/sha256/{}", digest_of(blob).hex());
        let layers: Vec<String> = layers.iter().map(|layer| path(layer)).collect();
        let item =
            json!({"Config": path(&config), "RepoTags": [format!("{mark}:1")], "Layers": layers});
        (named(&manifest, &format!("{mark}:1")), item)
    };
    let (a, item_a) = image("a", &[&layer]);
    let (b, item_b) = image("b", &[&layer, &other]);
    let (mut index, mut items) = (vec![a, b], vec![item_a, item_b]);
    edit(&mut index, &mut items);
    let mut files = files.layout(&index);
    files.put("manifest.json", json!(items).to_string().as_bytes());
    match Archive::open(files.source()) {
        Ok(archive) => {
            let items = archive.contents.items.iter();
            let images = items.map(|item| format!("{:?}{}", item.images, item.tags.len()));
            images.collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn items_describe_the_images_of_the_index() {
    assert_eq!(both(|_, _| ()), "[0]1 [1]1");
    assert_eq!(both(|_, items| items.reverse()), "[1]1 [0]1");
    assert_eq!(
        both(|_, items| items[0]["RepoTags"] = json!(null)),
        "[0]0 [1]1"
    );
    let by_digest = |items: &mut Vec<Json>| {
        let digest = Digest::of(b"x");
        items[0]["RepoTags"] = json!(["a:1", format!("a@{digest}")]);
    };
    assert_eq!(both(|_, items| by_digest(items)), "[0]1 [1]1");
    let fails = |edit: &dyn Fn(&mut Vec<Json>, &mut Vec<Json>), wanted: &str| {
        let told = both(edit);
        assert!(told.contains(wanted), "{told}");
    };
    fails(
        &|_, items| items[0]["RepoTags"] = json!(["a:2"]),
        "unlike `manifest.json`, tags",
    );
    fails(
        &|_, items| drop(items.pop()),
        "one of those in manifest.json",
    );
    fails(
        &|index, _| drop(index.pop()),
        "the configuration that `manifest.json` names",
    );
    fails(
        &|_, items| items[1]["Layers"].as_array_mut().unwrap().reverse(),
        "the layers that `manifest.json`, unlike `index.json`, lists for b:1",
    );
}

#[test]
fn items_and_images_that_are_all_alike_are_not_compared_without_end() {
    let mut files = Files::default();
    let config = files.blob(CONFIG, json!({"rootfs": rootfs(0)}).to_string().as_bytes());
    let manifests: Vec<Json> = (0..400)
        .map(|i| {
            files.manifest(&json!({
                "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [],
                "annotations": {"mark": i.to_string()},
            }))
        })
        .collect();
    let mut files = files.layout(&manifests);
    let path = format!("blobs/sha256/{}", digest_of(&config).hex());
    let item = json!({"Config": path, "RepoTags": null, "Layers": []});
    for (n_items, is_read) in [(250, true), (251, false)] {
        let items = vec![item.clone(); n_items];
        files.put("manifest.json", json!(items).to_string().as_bytes());
        let told = told(Archive::open(files.source()));
        assert_eq!(
            !told.contains("at most 100000 are allowed"),
            is_read,
            "{told}"
        );
    }
}

/// The manifests of the images of an archive of Docker 25, which all have one configuration: numbers of those that the index
/// lists under names.
fn hybrid(index: &[(&str, usize)], items: &[&str]) -> String {
    let mut files = Files::default();
    let layer = files.blob(PLAIN_LAYER, &END_OF_ARCHIVE);
    let config = json!({"rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}});
    let config = files.blob(CONFIG, config.to_string().as_bytes());
    let manifests = [0, 1].map(|mark| {
        files.manifest(&json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer],
            "annotations": {"mark": mark.to_string()},
        }))
    });
    let listed = index.iter().map(|(name, mark)| match *name {
        "-" => manifests[*mark].clone(),
        name => named(&manifests[*mark], name),
    });
    let mut files = files.layout(&listed.collect::<Vec<_>>());
    let path = |blob: &Json| format!("blobs/sha256/{}", digest_of(blob).hex());
    let sources = json!({layer["digest"].as_str().unwrap(): layer});
    let items = items.iter().map(|names| {
        let names: Vec<&str> = names.split_whitespace().collect();
        json!({"Config": path(&config), "RepoTags": names, "Layers": [path(&layer)], "LayerSources": sources})
    });
    let items: Vec<Json> = items.collect();
    files.put("manifest.json", json!(items).to_string().as_bytes());
    match Archive::open(files.source()) {
        Ok(archive) => {
            let place = |digest| {
                manifests
                    .iter()
                    .position(|it| Some(digest_of(it)) == digest)
            };
            let images = archive.images().iter();
            let marks = images.map(|image| place(image.manifest_digest()));
            let marks = marks.map(|mark| mark.map_or("-".to_owned(), |mark| mark.to_string()));
            marks.collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn images_that_are_alike_are_told_by_their_names() {
    for (index, items, wanted) in [
        (
            &[("app:1", 0), ("app:2", 1)][..],
            &["app:1", "app:2"][..],
            "0 1",
        ),
        (&[("app:2", 1), ("app:1", 0)], &["app:1", "app:2"], "0 1"),
        (&[("app:1", 0), ("app:2", 0)], &["app:1 app:2"], "0"),
        (&[("-", 1)], &[""], "1"),
        (&[("-", 1), ("-", 1)], &[""], "1"),
        (&[("-", 1)], &["", ""], "1 1"),
        (&[("-", 0), ("-", 1)], &[""], "has two manifests there"),
        (
            &[("app:1", 0), ("app:1", 1)],
            &["app:1"],
            "has two manifests there",
        ),
        (&[("app:1", 0)], &["app:2"], "tags as image"),
        (&[("app:1", 0)], &["app:1 app:2"], "tags as image"),
    ] {
        let found = hybrid(index, items);
        assert!(
            found == wanted || wanted.contains(' ') && found.contains(wanted),
            "{index:?} {items:?} {found}"
        );
    }
}

/// The step of a history before Docker 1.10, with `pad` bytes that nobody reads.
fn step(files: &mut Files, id: char, parent: Option<char>, pad: usize) -> usize {
    let full = |id: char| id.to_string().repeat(64);
    let mut document =
        json!({"id": full(id), "created": "2015-01-01T00:00:00Z", "pad": "p".repeat(pad)});
    if let Some(parent) = parent {
        document["parent"] = json!(full(parent));
    }
    let bytes = document.to_string();
    files.put(&format!("{}/json", full(id)), bytes.as_bytes());
    files.put(&format!("{}/VERSION", full(id)), b"1.0");
    files.put(&format!("{}/layer.tar", full(id)), &END_OF_ARCHIVE);
    bytes.len()
}

#[test]
fn steps_that_are_named_or_that_nothing_is_built_on_are_images() {
    let mut files = Files::default();
    for (id, parent) in [
        ('a', None),
        ('b', Some('a')),
        ('c', Some('b')),
        ('d', Some('a')),
    ] {
        step(&mut files, id, parent, 0);
    }
    // Neither is a step.
    files.put("x/json", b"{}");
    files.put("x/layer.tar", &END_OF_ARCHIVE);
    files.put(&format!("{}/json", "e".repeat(64)), b"{}");
    let full = |id: &str| id.repeat(64);
    let [a, b, c] = ["a", "b", "c"].map(full);
    for (repositories, wanted) in [
        (json!(null), "0::3:0 1::2:0"),
        (json!({}), "0::3:0 1::2:0"),
        (json!({"app": {"1": c}}), "0:app:1:3:0 1::2:0"),
        (
            json!({"app": {"1": b, "2": b}}),
            "0:app:1+app:2:2:0 1::3:0 2::2:0",
        ),
        (
            json!({"app": {"1": a}, "b": {"2": c}}),
            "0:app:1:1:0 1:b:2:3:0 2::2:0",
        ),
        (
            json!([]),
            "`repositories`: the document is not an object of repositories",
        ),
        (
            json!({"app": []}),
            "`repositories`: `app` is not an object of tags",
        ),
        (
            json!({"app": {"1": 2}}),
            "`repositories`: `app:1` does not name an id",
        ),
        (
            json!({"app": {"1": "f"}}),
            "the archive has no entry `f/json`, which `repositories` names",
        ),
    ] {
        files.put("repositories", repositories.to_string().as_bytes());
        assert_eq!(told(files.archive()), wanted, "{repositories}");
    }
    files.0.remove("repositories");
    assert_eq!(told(files.archive()), "0::3:0 1::2:0");
    let mut lost = files.clone();
    step(&mut lost, 'd', Some('f'), 0);
    let told_lost = told(lost.archive());
    assert!(
        told_lost.contains(&full("f")) && told_lost.contains("the parent in"),
        "{told_lost}"
    );
    let mut round = files.clone();
    step(&mut round, 'a', Some('b'), 0);
    let told_round = told(round.archive());
    let wanted = format!("`{b}/json`: the parent is `{a}`, which is built on this layer itself");
    assert_eq!(told_round, wanted);
    step(&mut round, 'a', Some('a'), 0);
    assert!(told(round.archive()).contains("which is built on this layer itself"));
    // Beside a list of images they are legacy files.
    let list = json!([{"Config": format!("{a}/json"), "RepoTags": null, "Layers": []}]);
    files.put("manifest.json", list.to_string().as_bytes());
    assert!(!told(files.archive()).contains("0::3:0"));
}

#[test]
fn a_layer_that_is_a_link_keeps_its_path() {
    let home = tempfile::tempdir().unwrap();
    let mut files = Files::default();
    step(&mut files, 'a', None, 0);
    step(&mut files, 'b', Some('a'), 0);
    files.write_to(home.path());
    let [a, b] = ["a", "b"].map(|id| format!("{}/layer.tar", id.repeat(64)));
    std::fs::remove_file(home.path().join(&b)).unwrap();
    std::os::unix::fs::symlink(format!("../{a}"), home.path().join(&b)).unwrap();
    let source = crate::archive::Source::open(home.path(), home.path()).unwrap();
    let archive = Archive::open(source).unwrap();
    let layers = archive.images()[0].layers.iter();
    let paths: Vec<&String> = layers.map(|layer| &layer.path).collect();
    assert_eq!(paths, [&a, &b]);
}

#[test]
fn steps_that_images_share_have_bounds() {
    let mut files = Files::default();
    let heads: Vec<usize> = ('1'..='9')
        .chain(['a'])
        .map(|id| step(&mut files, id, Some('0'), 0))
        .collect();
    let head = heads[0];
    let empty = step(&mut files, '0', None, 0);
    // Ten images have the lowest step, which counts once: at most 8 MiB and four times all steps.
    let most = ((8 << 20) + 4 * 256 * 11 + 4 * 10 * head - 10 * (head + 512)) / 6;
    for (pad, is_read) in [(most - empty, true), (most - empty + 1, false)] {
        step(&mut files, '0', None, pad);
        assert_eq!(files.archive().is_ok(), is_read, "{pad}");
    }
}
