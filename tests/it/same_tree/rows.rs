//! The rows of the table are what their author meant in every engine, or are refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::MutexGuard;

use ocipatch::tarball::Kind;
use serde_json::{Value, json};

use super::shown::{Engine, Meant};
use super::table::{REFUSED, ROWS};
use super::views::{self, Images, Views};
use super::{metadata, odd};
use crate::binary::{ok, write_files};
use crate::cases::build;
use crate::cases::text::{File, Image};
use crate::engine::{Docker, Release};
use crate::stacks::item::{Hand, Item, items, stream};
use crate::stacks::model::{Tree, clean};
use crate::stacks::run;

/// A row as it is tried: an image, operations, and what becomes of the tree.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) streams: Vec<Vec<u8>>,
    pub(super) operations: Vec<String>,
    pub(super) meant: Tree,
}

fn layer(text: &str) -> Vec<File> {
    text.split("; ").map(File::parse).collect()
}

/// What is there after `changes`, which are written as in the table.
fn changed(mut tree: Tree, changes: &str) -> Tree {
    for change in changes.split("; ").filter(|change| !change.is_empty()) {
        match change.split_once(' ') {
            Some(("-", path)) => {
                let path = clean(path.as_bytes()).0;
                assert!(tree.nodes.contains_key(&path), "{change}");
                tree.remove(&path);
            }
            Some(("+", file)) => {
                let [mut item] = items(&build::layer(&[File::parse(file)]))
                    .try_into()
                    .unwrap();
                if item.entry.kind == Kind::HardLink {
                    // A further name says what the file is like already.
                    let node = &tree.nodes[&clean(&item.entry.link_name).0].entry;
                    (item.entry.mode, item.entry.mtime) = (node.mode, node.mtime);
                    (item.entry.uid, item.entry.gid) = (node.uid, node.gid);
                }
                tree.place(&item).unwrap();
            }
            _ => panic!("{change}"),
        }
    }
    tree
}

fn cases() -> Vec<Case> {
    let of_table = ROWS.iter().map(|row| {
        let streams = row.base.iter().map(|text| build::layer(&layer(text)));
        let streams: Vec<Vec<u8>> = streams.collect();
        let layers: Vec<Vec<Item>> = streams.iter().map(|stream| items(stream)).collect();
        Case {
            name: row.name.to_owned(),
            streams,
            operations: row.operations.iter().map(|&text| text.to_owned()).collect(),
            meant: changed(Tree::of(&layers).unwrap(), row.meant),
        }
    });
    of_table
        .chain(metadata::cases())
        .chain(odd::cases())
        .collect()
}

/// What the operations of the table take from beside the patch.
fn write_sources(directory: &Path) {
    write_files(
        directory,
        &[
            ("merged/bin/tool", "tool"),
            ("merged/lib/new/lib.so", "lib"),
            ("merged/var/run/pid", "1"),
            ("plain/d/new", "new"),
        ],
    );
    let tool = directory.join("merged/bin/tool");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(tool, mode).unwrap();
    let merged = "0755 bin/tool \"tool\" @5; 0644 lib/libc.so \"new\" @5";
    let as_is = "0755 d/ @5; 0644 d/.wh.old \"\"; 0755 e/ @5; 0644 e/.wh..wh..opq \"\"; 0644 e/new \"n\" @5";
    let odd = "0755 ./; 0755 ./d/ @5; 0644 ./d/old \"1\" @5; 0644 d/old \"2\" @5; 0644 top \"t\" @5; other => ./top @5";
    for (name, text) in [
        ("merged.tar", merged),
        ("as-is.tar", as_is),
        ("odd.tar", odd),
    ] {
        std::fs::write(directory.join(name), build::layer(&layer(text))).unwrap();
    }
    // As `git archive` begins, which umoci cannot read.
    let mut global = Item::new(Kind::Global, b"pax_global_header");
    global.content = b"52 comment=0123456789012345678901234567890123456789\n".to_vec();
    global.entry.size = 52;
    let of_git = stream(&[global, Item::file(b"d/new", b"n")], Hand::Plain);
    std::fs::write(directory.join("git.tar"), of_git).unwrap();
}

/// Writes all bases as `base.tar` and all patches as `fix.yaml`, and what these take.
fn write(directory: &Path, cases: &[Case]) {
    write_sources(directory);
    odd::write_sources(directory);
    let image = |case: &Case| Image {
        tags: vec![format!("app:{}", case.name)],
        labels: vec![("row".to_owned(), case.name.clone())],
        streams: case.streams.clone(),
        ..Image::default()
    };
    let bases: Vec<Image> = cases.iter().map(image).collect();
    std::fs::write(directory.join("base.tar"), build::v1_directories(&bases)).unwrap();
    let patch = |case: &Case| views::patch(&case.name, &case.operations);
    let patches: Vec<String> = cases.iter().map(patch).collect();
    std::fs::write(directory.join("fix.yaml"), patches.join("---\n")).unwrap();
}

/// What the tools of a release show.
fn tools(images: &Images, release: Release) -> Vec<(Engine, Option<Views>)> {
    let [umoci, vfs, overlay] = match release {
        Release::Forky => ["umoci 0.6", "podman 5 with vfs", "podman 5 with overlay"],
        _ => ["umoci 0.4", "podman 4 with vfs", "podman 4 with overlay"],
    };
    let named = |name, engine: Engine| Engine { name, ..engine };
    let podman = |driver| views::podman(images, release, driver);
    vec![
        (named(umoci, views::UMOCI), views::umoci(images, release)),
        (named(vfs, views::PODMAN_VFS), podman("vfs")),
        (named(overlay, views::PODMAN_OVERLAY), podman("overlay")),
    ]
}

/// Every engine's view of the images; those that are not there are left out. They mostly wait, so all do at once.
fn all_views(images: &Images) -> Vec<(Engine, Views)> {
    type Look<'a> = &'a (dyn Fn() -> Vec<(Engine, Option<Views>)> + Sync);
    let docker = |name: &'static str, docker: fn() -> Option<MutexGuard<'static, Docker>>| {
        let engine = match name {
            "docker 28 with containerd" => views::DOCKER_CONTAINERD,
            _ => views::DOCKER,
        };
        let views = docker().map(|docker| views::docker(&docker, images));
        (Engine { name, ..engine }, views)
    };
    let looks: [Look; 6] = [
        &|| vec![docker("docker 20 with vfs", Docker::v20)],
        &|| {
            let overlay = Docker::v20_overlay();
            let overlay = overlay.and_then(|docker| views::ctr(&docker, images, "overlayfs"));
            let native = Docker::v20_overlay().or_else(Docker::v20);
            let native = native.and_then(|docker| views::ctr(&docker, images, "native"));
            vec![
                docker("docker 20 with overlay2", Docker::v20_overlay),
                (views::CTR_NATIVE, native),
                (views::CTR_OVERLAY, overlay),
            ]
        },
        &|| vec![docker("docker 28 with vfs", Docker::v28)],
        &|| vec![docker("docker 28 with containerd", Docker::v28_containerd)],
        &|| tools(images, Release::Bookworm),
        &|| tools(images, Release::Forky),
    ];
    let seen = std::thread::scope(|scope| {
        let threads = looks.map(|look| scope.spawn(look));
        threads.map(|thread| thread.join().unwrap())
    });
    let seen = seen.into_iter().flatten();
    seen.filter_map(|(engine, views)| Some((engine, views?)))
        .collect()
}

#[test]
fn every_engine_shows_what_the_author_of_a_row_meant() {
    let cases = cases();
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    write(directory.path(), &cases);
    let base = Images::new(place("base.tar"), place("base"));
    let patched = base.patched(&place("fix.yaml"), place("out.tar"), place("out"));
    let meant: BTreeMap<String, Meant> = cases
        .into_iter()
        .map(|case| {
            let layers = &patched.by_name[&case.name].layers;
            (case.name, Meant::new(case.meant, layers))
        })
        .collect();
    let mut wrong = patched.misread(&meant);
    for (engine, views) in all_views(&patched) {
        wrong.extend(views::compare(&meant, &views, engine));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who follows or replaces a link, or replaces a directory, reads it in the plan.
#[test]
fn plans_tell_where_files_go_and_what_they_replace() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    write(directory.path(), &cases());
    let arguments = ["plan", "--quiet", "--format=json"].map(AsRef::as_ref);
    let paths = ["fix.yaml", "base.tar"].map(place);
    let plan = ok(arguments
        .into_iter()
        .chain(paths.iter().map(|path| path.as_os_str())));
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let mut wrong = Vec::new();
    for row in ROWS {
        let name = json!(format!("app:{}", row.name));
        let images = plan["images"].as_array().unwrap();
        let image = images.iter().find(|image| image["name"] == name).unwrap();
        if image["notes"] != json!(row.notes) {
            wrong.push(format!("{}: {}", row.name, image["notes"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_engines_would_take_in_different_ways_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for row in REFUSED {
        let image = Image {
            tags: vec!["app:1".to_owned()],
            layers: row.base.iter().map(|text| layer(text)).collect(),
            ..Image::default()
        };
        let operations: Vec<String> = row.operations.iter().map(|&text| text.to_owned()).collect();
        let patch = run::patch(&operations);
        let archive = build::v1_directories(&[image]);
        let Err(told) = run::apply(&archive, &patch, directory.path()) else {
            panic!("{operations:?}")
        };
        let expected = format!("{}: {}\n", row.code, row.message);
        if told != expected {
            wrong.push(format!("{operations:?}\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rows are no use if two of them are called the same, or nothing is hard about them.
#[test]
fn rows_have_names_of_their_own_and_something_to_get_wrong() {
    let cases = cases();
    let names: std::collections::BTreeSet<&String> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len());
    let is_plain = |case: &&Case| {
        let is_file = |item: &Item| item.entry.kind == Kind::File && item.entry.mode == 0o644;
        case.streams.len() == 1 && items(&case.streams[0]).iter().all(is_file)
    };
    let plain: Vec<String> = cases
        .iter()
        .filter(is_plain)
        .map(|case| case.name.clone())
        .collect();
    assert_eq!(plain, ["directory-of-a-layer-that-names-no-parent"]);
}
