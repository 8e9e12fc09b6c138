//! What each engine shows of the images of an archive, by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ocipatch::digest::{ChainId, DiffId};

use super::shown::{Engine, Meant, OF_CONTAINERS, tree};
use crate::binary::ok;
use crate::engine::{
    Docker, Release, TAR_OF_TREE, mounts_overlays, podman_mounts, tree_of_directory,
};
use crate::stacks::item::Item;
use crate::stacks::model::Tree;
use crate::stacks::{run, trees};

/// An image as the program has it.
pub(super) struct Ours {
    pub(super) layers: Vec<Vec<Item>>,
    diff_ids: Vec<String>,
    /// As the program merges the layers.
    pub(super) tree: Tree,
}

/// Images to be looked at, in two forms that say the same.
pub(super) struct Images {
    /// As Docker 20.10 saves them.
    archive: PathBuf,
    layout: PathBuf,
    /// By what follows `app:`.
    pub(super) by_name: BTreeMap<String, Ours>,
}

impl Images {
    /// Takes an archive, and makes a layout of it.
    pub(super) fn new(archive: PathBuf, layout: PathBuf) -> Self {
        let convert = ["apply", "--quiet", "--to", "oci-dir", "-o"].map(AsRef::as_ref);
        ok([&convert[..], &[layout.as_os_str(), archive.as_os_str()]].concat());
        Self::of(archive, layout)
    }

    /// Patches both forms.
    pub(super) fn patched(&self, patch: &Path, archive: PathBuf, layout: PathBuf) -> Self {
        for (from, to) in [(&self.archive, &archive), (&self.layout, &layout)] {
            let options = ["apply", "--quiet", "-o"].map(AsRef::as_ref);
            let paths = [to.as_os_str(), patch.as_os_str(), from.as_os_str()];
            ok([&options[..], &paths].concat());
            ok(["verify".as_ref(), to.as_os_str()]);
        }
        Self::of(archive, layout)
    }

    fn of(archive: PathBuf, layout: PathBuf) -> Self {
        let images = run::all_seen(&archive).into_iter().map(|(tag, seen)| {
            let tree = trees::tree(&trees::rootfs(&seen.layers).unwrap(), &seen.layers);
            let (layers, diff_ids) = (seen.layers, seen.diff_ids);
            let ours = Ours {
                layers,
                diff_ids,
                tree,
            };
            (tag.strip_prefix("app:").unwrap().to_owned(), ours)
        });
        let images = images.collect();
        Self {
            archive,
            layout,
            by_name: images,
        }
    }

    /// What the program itself sees otherwise than it is meant.
    pub(super) fn misread(&self, meant: &BTreeMap<String, Meant>) -> Vec<String> {
        let view = |(name, ours): (&String, &Ours)| (name.clone(), ours.tree.clone());
        compare(meant, &self.by_name.iter().map(view).collect(), OURS)
    }
}

/// A patch of one of the images.
pub(super) fn patch(name: &str, operations: &[String]) -> String {
    let target = format!("target: {{ images: [\"app:{name}\"] }}\noperations:");
    run::patch(operations).replace("operations:", &target)
}

/// What is seen otherwise than it is meant, image by image.
pub(super) fn compare(
    meant: &BTreeMap<String, Meant>,
    views: &Views,
    engine: Engine,
) -> Vec<String> {
    let (wanted, seen): (Vec<&String>, Vec<&String>) =
        (meant.keys().collect(), views.keys().collect());
    assert_eq!(seen, wanted, "{}", engine.name);
    let mut wrong = Vec::new();
    for (name, meant) in meant {
        let differences = meant.differences(&views[name], engine);
        if !differences.is_empty() {
            wrong.push(format!("{}, {name}:", engine.name));
            wrong.extend(differences);
        }
    }
    wrong
}

/// What an engine shows of each image.
pub(super) type Views = BTreeMap<String, Tree>;

const OURS: Engine = Engine {
    name: "ocipatch",
    has_xattrs: true,
    has_times_of_directories: true,
    adds: &[],
};
pub(super) const DOCKER: Engine = Engine {
    name: "docker",
    has_xattrs: false,
    adds: &OF_CONTAINERS,
    ..OURS
};
/// The native snapshotter, which gives a directory the time at which it copies it.
pub(super) const DOCKER_CONTAINERD: Engine = Engine {
    name: "docker with containerd",
    has_times_of_directories: false,
    ..DOCKER
};
pub(super) const UMOCI: Engine = Engine {
    name: "umoci",
    ..OURS
};
/// vfs copies layers with their capabilities and nothing else.
pub(super) const PODMAN_VFS: Engine = Engine {
    name: "podman with vfs",
    has_xattrs: false,
    ..OURS
};
pub(super) const PODMAN_OVERLAY: Engine = Engine {
    name: "podman with overlay",
    ..OURS
};
pub(super) const CTR_NATIVE: Engine = Engine {
    name: "ctr with native",
    has_times_of_directories: false,
    ..OURS
};
pub(super) const CTR_OVERLAY: Engine = Engine {
    name: "ctr with overlayfs",
    ..OURS
};

pub(super) fn docker(docker: &Docker, images: &Images) -> Views {
    docker.remove_all();
    docker.load(&images.archive);
    let names = images.by_name.keys();
    let references: Vec<String> = names.clone().map(|name| format!("app:{name}")).collect();
    let tars = docker.exports(&references);
    let view = |(name, tar): (&String, Vec<u8>)| (name.clone(), tree(&tar));
    names.zip(tars).map(view).collect()
}

/// By `umoci raw unpack`, which wants no user that the image knows.
pub(super) fn umoci(images: &Images, release: Release) -> Option<Views> {
    release.tool("umoci")?;
    let directory = tempfile::tempdir().unwrap();
    let view = |name: &String| {
        let rootfs = directory.path().join(name);
        let image = format!("{}:{name}", images.layout.display());
        let mut umoci = release.tool("umoci").unwrap();
        umoci
            .args(["raw", "unpack", "--image", &image])
            .arg(&rootfs);
        let output = umoci.output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
        (name.clone(), tree(&tree_of_directory(&rootfs)))
    };
    Some(images.by_name.keys().map(view).collect())
}

/// By `podman image mount`.
pub(super) fn podman(images: &Images, release: Release, driver: &'static str) -> Option<Views> {
    if driver == "overlay" && !mounts_overlays() {
        return None;
    }
    let mounts = podman_mounts(release, &images.archive, driver)?;
    let view = |(name, tar): (String, Vec<u8>)| {
        let name = name.rsplit_once(':').unwrap().1.to_owned();
        (name, tree(&tar))
    };
    Some(mounts.into_iter().map(view).collect())
}

/// By a snapshot of containerd, which is a directory seen from outside of the daemon's root, or a mount of several.
pub(super) fn ctr(docker: &Docker, images: &Images, snapshotter: &str) -> Option<Views> {
    docker.ctr()?;
    let namespace = format!("{snapshotter}-{}", images.archive.metadata().unwrap().len());
    let ctr = |line: &str, more: &[&str]| {
        let mut ctr = docker.ctr().unwrap();
        ctr.args(["--namespace", &namespace]).args(line.split(' '));
        let output = ctr.args(more).output().unwrap();
        assert!(output.status.success(), "{line} {more:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let import = format!("images import --all-platforms --snapshotter={snapshotter}");
    ctr(&import, &[images.archive.to_str().unwrap()]);
    let state = docker.state();
    let view = |(name, ours): (&String, &Ours)| {
        let extend = |chain: Option<ChainId>, diff_id: &String| {
            Some(ChainId::extend(chain, DiffId::parse(diff_id).unwrap()))
        };
        let chain = ours.diff_ids.iter().fold(None, extend).unwrap().to_string();
        let view = format!("snapshots --snapshotter {snapshotter} view --target /x");
        let mount = ctr(&view, &[&format!("view-{name}"), &chain]);
        let words: Vec<&str> = mount.split_whitespace().collect();
        let from = words[3].replace("/mnt/", &format!("{}/", state.display()));
        let tar = if from == "overlay" {
            let options = words[6].replace("/mnt/", &format!("{}/", state.display()));
            tree_of_overlay(&options)
        } else {
            tree_of_directory(Path::new(&from))
        };
        (name.clone(), tree(&tar))
    };
    Some(images.by_name.iter().map(view).collect())
}

/// A tar of what a mount of overlayfs shows, which is seen by nobody else.
fn tree_of_overlay(options: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"mount -t overlay overlay "$2" -o "$1" && cd "$2" && shift 2 && "$@""#;
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "sh", "-c", script, "sh", options]);
    shell.arg(directory.path()).args(TAR_OF_TREE);
    let output = shell.arg(".").output().unwrap();
    assert!(output.status.success(), "{options}: {output:?}");
    output.stdout
}
