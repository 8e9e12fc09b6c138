//! Legacy files whose ids nothing derives as they are.

use serde_json::{Value as Json, json};

use super::{Derived, config, diff_id, rootfs};
use crate::archive::Archive;
use crate::archive::dialect::closest::{closest_by_blobs, legacy_candidates};
use crate::archive::dialect::generation::Generation;
use crate::archive::dialect::state::{Part, StateLayer};
use crate::archive::dialect::v1_directories::{positions, shared_configs};
use crate::archive::dialect::v1_kept::Kept;
use crate::archive::draft::Content;
use crate::archive::tests::{Files, digest_of};
use crate::archive::{Contents, Source};
use crate::compression::Compression;
use crate::digest::Digest;
use crate::media_type::CONFIG;
use crate::tarball::END_OF_ARCHIVE;

#[test]
fn small_blobs_that_no_image_has_may_be_legacy_files() {
    let mut files = Files::default();
    let image = files.image("a");
    let small = files.blob("", &vec![b' '; 64 * 1024]);
    files.blob("", &vec![b' '; 64 * 1024 + 1]);
    files.put("other", b"{}");
    files.put("json", b"{}");
    let contents = files
        .layout(std::slice::from_ref(&image))
        .archive()
        .unwrap()
        .contents;
    let found = legacy_candidates(&contents);
    let names: Vec<&str> = found
        .iter()
        .map(|&i| contents.source.entries()[i].name.as_str())
        .collect();
    let wanted = [&image, &small].map(|it| format!("blobs/sha256/{}", digest_of(it).hex()));
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(wanted.iter().all(|name| names.contains(&name.as_str())));
}

#[test]
fn a_configuration_that_several_images_have_is_shared() {
    let mut files = Files::default();
    for name in ["a.json", "b.json", "c.json"] {
        files.put(
            name,
            json!({"author": name, "rootfs": rootfs(0)})
                .to_string()
                .as_bytes(),
        );
    }
    let names = ["b.json", "a.json", "b.json", "c.json", "b.json"];
    let items = names.map(|name| json!({"Config": name, "RepoTags": null, "Layers": []}));
    files.put("manifest.json", json!(items).to_string().as_bytes());
    let contents = files.archive().unwrap().contents;
    let shared: Vec<usize> = shared_configs(&contents).into_iter().collect();
    assert_eq!(shared, [contents.source.find("b.json").unwrap()]);
}

#[test]
fn a_layer_is_where_its_path_comes_first() {
    let mut files = Files::default();
    let layers = ["a/layer.tar", "b/layer.tar", "a/layer.tar", "c/layer.tar"];
    let diff_ids = vec![diff_id(&END_OF_ARCHIVE).to_string(); layers.len()];
    let config = json!({"rootfs": {"type": "layers", "diff_ids": diff_ids}});
    files.put("config.json", config.to_string().as_bytes());
    for layer in layers {
        files.put(layer, &END_OF_ARCHIVE);
    }
    let list = json!([{"Config": "config.json", "RepoTags": null, "Layers": layers}]);
    files.put("manifest.json", list.to_string().as_bytes());
    let contents = files.archive().unwrap().contents;
    let places = positions(&contents.images[0]);
    let wanted = [(layers[0], 0), (layers[1], 1), (layers[3], 3)];
    assert_eq!(places, wanted.into_iter().collect());
}

#[test]
fn the_generation_is_that_of_most_blobs() {
    let image = json!({
        "architecture": "amd64", "os": "linux", "created": "2020-01-02T03:04:05Z",
        "config": {"MacAddress": "m"}, "rootfs": rootfs(3),
    });
    let parsed = config(&image);
    let generations: Vec<Generation> = Generation::times(vec!["2001-02-03T04:05:06Z".to_owned()])
        .iter()
        .flat_map(|time| Generation::candidates(true, time))
        .collect();
    for wanted in &generations {
        let mut files = Files::default();
        let layers: Vec<String> = (0..3)
            .map(|i| {
                let layer = files.blob("", &[vec![i; 512], END_OF_ARCHIVE.to_vec()].concat());
                format!("blobs/sha256/{}", digest_of(&layer).hex())
            })
            .collect();
        let config = files.blob(CONFIG, image.to_string().as_bytes());
        let path = format!("blobs/sha256/{}", digest_of(&config).hex());
        let item = json!([{"Config": path, "RepoTags": null, "Layers": layers}]);
        files.put("manifest.json", item.to_string().as_bytes());
        let mut names = Vec::new();
        wanted.each_layer(&parsed, &[], |layer| {
            let blob = files.blob("", &layer.json);
            names.push(format!("blobs/sha256/{}", digest_of(&blob).hex()));
            true
        });
        names.sort();
        // Neither of these is the document of a layer.
        files.blob(
            "",
            json!({"id": "x", "container_config": {}})
                .to_string()
                .as_bytes(),
        );
        files.blob("", json!({"id": "0".repeat(64)}).to_string().as_bytes());
        files.blob("", b"no JSON");
        let contents = files.archive().unwrap().contents;
        let closest = closest_by_blobs(&contents, &legacy_candidates(&contents), &[None]).unwrap();
        let (found, mut stale) = closest.unwrap();
        stale.sort();
        assert_eq!(stale, names);
        // Those that derive the same are told by the order in which they are asked.
        let of = |generation: &Generation| {
            let layers = generation.layers_above(&parsed, &[]).unwrap();
            layers
                .into_iter()
                .map(|layer| layer.json)
                .collect::<Vec<_>>()
        };
        assert!(of(&found) == of(wanted), "{wanted:?}");
        assert!(closest_by_blobs(&contents, &[], &[None]).unwrap().is_none());
    }
}

/// A directory with two layers whose ids nothing derives; the upper one is what `top` makes of its path.
fn saved(
    home: &std::path::Path,
    below: &Json,
    top: &Json,
    make: impl Fn(&std::path::Path),
) -> Contents {
    let mut files = Files::default();
    let config = json!({"rootfs": {"type": "layers", "diff_ids": [
        diff_id(&END_OF_ARCHIVE).to_string(), diff_id(&END_OF_ARCHIVE).to_string(),
    ]}});
    files.put("config.json", config.to_string().as_bytes());
    files.put("a/json", below.to_string().as_bytes());
    files.put("a/VERSION", b"1.0");
    files.put("a/layer.tar", &END_OF_ARCHIVE);
    files.put("b/json", top.to_string().as_bytes());
    let list = json!([{"Config": "config.json", "RepoTags": null, "Layers": ["a/layer.tar", "b/layer.tar"]}]);
    files.put("manifest.json", list.to_string().as_bytes());
    files.write_to(home);
    make(&home.join("b/layer.tar"));
    Archive::open(Source::open(home, home).unwrap())
        .unwrap()
        .contents
}

#[test]
fn a_directory_that_is_kept_names_what_is_below() {
    for (named, below, is_chained, position, wanted) in [
        // What is below stays.
        (Some("a"), Some("a"), false, Some(1), Some("a")),
        (Some("x"), Some("a"), false, Some(1), Some("x")),
        (None, Some("a"), false, Some(1), None),
        // Another is below.
        (Some("a"), Some("n"), false, Some(1), Some("n")),
        (Some("x"), Some("n"), false, Some(1), Some("x")),
        (Some("n"), Some("n"), false, Some(1), Some("n")),
        (Some("a"), None, false, Some(1), None),
        (Some("x"), None, false, Some(1), Some("x")),
        (None, Some("n"), false, Some(1), None),
        // It was the lowest.
        (None, Some("n"), false, Some(0), Some("n")),
        (Some("x"), Some("n"), false, Some(0), Some("x")),
        // Each names what is below.
        (Some("x"), Some("a"), true, Some(1), Some("a")),
        (Some("a"), Some("a"), true, Some(1), Some("a")),
        (Some("x"), None, true, Some(1), None),
        (None, None, true, Some(1), None),
    ] {
        let home = tempfile::tempdir().unwrap();
        let mut top = json!({"id": "b"});
        if let Some(named) = named {
            top["parent"] = json!(named);
        }
        let tar = |path: &std::path::Path| std::fs::write(path, END_OF_ARCHIVE).unwrap();
        let contents = saved(home.path(), &json!({"id": "a"}), &top, tar);
        let mut files = Derived::default();
        let path = "b/layer.tar".to_owned();
        kept(&contents, below, is_chained, position, None, &path).push(&mut files, 0, 1);
        let case = format!("{named:?} {below:?} {is_chained} {position:?}");
        let json = files.get("b/json").unwrap();
        let parent = match &json.content {
            Content::Bytes(bytes) => serde_json::from_slice::<Json>(bytes).unwrap(),
            Content::Entry(_) => top.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            parent.get("parent").and_then(Json::as_str),
            wanted,
            "{case}"
        );
        let is_edited = matches!(json.content, Content::Bytes(_));
        assert_eq!(is_edited, named != wanted, "{case}");
        assert_eq!(json.role.part, Part::LegacyJson(1));
        assert!(files.get("b").is_some() && files.get("b/VERSION").is_none());
    }
}

fn stored() -> &'static StateLayer {
    static LAYER: std::sync::OnceLock<StateLayer> = std::sync::OnceLock::new();
    LAYER.get_or_init(|| StateLayer {
        diff_id: diff_id(&END_OF_ARCHIVE),
        digest: Some(Digest::of(&END_OF_ARCHIVE)),
        size: 1024,
        compression: Compression::None,
        path: None,
        content: Some(Content::Stored(7)),
    })
}

fn kept<'a>(
    contents: &'a Contents,
    below: Option<&'a str>,
    is_chained: bool,
    position: Option<usize>,
    first: Option<&'a String>,
    path: &'a str,
) -> Kept<'a> {
    Kept {
        contents,
        is_chained,
        layer: stored(),
        path,
        below,
        position,
        first,
    }
}

#[test]
fn a_link_to_a_layer_stays_while_it_leads_there() {
    let own = Content::Stored(7);
    let link = |target: &str| Content::Symlink(target.to_owned());
    let (a, n) = ("a/layer.tar".to_owned(), "n/layer.tar".to_owned());
    for (target, first, wanted) in [
        ("", None, own.clone()),
        ("", Some(&a), own.clone()),
        ("../a/layer.tar", Some(&a), link("../a/layer.tar")),
        (".././a/layer.tar", Some(&a), link(".././a/layer.tar")),
        ("../a/layer.tar", Some(&n), link("../n/layer.tar")),
        ("../a/layer.tar", None, own),
    ] {
        let home = tempfile::tempdir().unwrap();
        let contents = saved(home.path(), &json!({}), &json!({}), |path| {
            if target.is_empty() {
                std::fs::write(path, END_OF_ARCHIVE).unwrap();
            } else {
                std::os::unix::fs::symlink(target, path).unwrap();
            }
        });
        let mut files = Derived::default();
        kept(&contents, Some("a"), false, Some(1), first, "b/layer.tar").push(&mut files, 0, 1);
        let found = &files.get("b/layer.tar").unwrap().content;
        assert_eq!(*found, wanted, "{target} {first:?}");
    }
}
