//! containerd by its own client: it imports every form, shows the names, configuration and files that were meant, and
//! exports the same blobs again.

use std::path::Path;
use std::process::Output;

use ocipatch::digest::{ChainId, DiffId};
use serde_json::Value;

use super::cell::{Cell, root, short_name};
use super::copies::{blobs, descriptors};
use super::table::{Has, each};
use super::tools::{is_compressed, seen_by};
use super::{check_tree, directory_tree};
use crate::engine::{Docker, Release};

/// `ctr` in a namespace of a cell's own.
struct Ctr<'a> {
    docker: &'a Docker,
    namespace: String,
}

impl Ctr<'_> {
    fn output(&self, line: &str, more: &[&str]) -> Output {
        let mut ctr = self.docker.ctr().unwrap();
        ctr.args(["--namespace", &self.namespace]);
        ctr.args(line.split(' ')).args(more).output().unwrap()
    }

    #[track_caller]
    fn ok(&self, line: &str, more: &[&str]) -> String {
        let output = self.output(line, more);
        assert!(output.status.success(), "{line} {more:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The images by name, each with the digest of what the name stands for.
    fn images(&self) -> Vec<(String, String)> {
        let table = self.ok("images list", &[]);
        let row = |row: &str| {
            let mut words = row.split_whitespace();
            let name = words.next()?.to_owned();
            Some((name, words.nth(1)?.to_owned()))
        };
        table.lines().skip(1).filter_map(row).collect()
    }

    fn document(&self, digest: &str) -> Value {
        serde_json::from_str(&self.ok("content get", &[digest])).unwrap()
    }
}

/// Whether a name stands for an image. What has its digest has its configuration and layers, of which containerd keeps
/// none that has another.
fn is_of(ctr: &Ctr, image: &Value, digest: &str) -> bool {
    if root(image) == digest {
        return true;
    }
    // Of `manifest.json` alone containerd makes a manifest itself.
    root(image).is_null() && ctr.document(digest)["config"]["digest"] == image["imageId"]
}

fn check(cell: &Cell, ctr: &Ctr) {
    let tar = cell.tar.to_str().unwrap();
    let has_tree = matches!(cell.operation, "all" | "less");
    let is_old = ctr.docker.kind().release == Release::Bookworm;
    let unpack = match (has_tree, is_old) {
        (false, _) => "--no-unpack",
        (true, true) => "--snapshotter=native",
        // The containerd of Docker is set up to unpack nothing by itself; the client does, as it did before 2.0.
        (true, false) => "--local --snapshotter=native",
    };
    let import = format!("images import --all-platforms {unpack}");
    // The client reads no archive that is compressed as a whole; containerd 2 does.
    if is_compressed(cell) && (is_old || has_tree) {
        let output = ctr.output(&import, &[tar]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("invalid tar header"), "{said}");
        return;
    }
    ctr.ok(&import, &[tar]);
    let mut listed = ctr.images();
    for image in cell.images() {
        let tags = image["tags"].as_array().unwrap();
        if tags.is_empty() {
            // Without a name there is no image, and containerd may have thrown its blobs away by now.
            continue;
        }
        // A reference that is no containerd name is put behind the day of the import.
        let is_named = |name: &str| {
            let name = short_name(name);
            tags.iter().any(|tag| {
                let tag = tag.as_str().unwrap();
                short_name(tag) == name || cell.has == Has::Names && name.ends_with(tag)
            })
        };
        let n_listed = listed.len();
        listed.retain(|(name, digest)| !(is_named(name) && is_of(ctr, image, digest)));
        assert_eq!(n_listed - listed.len(), tags.len(), "{tags:?}: {listed:?}");
        if has_tree && cell.is_patched(image) {
            check_files(cell, ctr, image);
        }
    }
    assert_eq!(listed, []);
}

/// Checks the files of an image that was unpacked: a snapshot is a directory, seen from outside of the daemon's root.
fn check_files(cell: &Cell, ctr: &Ctr, image: &Value) {
    let diff_ids = image["config"]["rootfs"]["diff_ids"].as_array().unwrap();
    let extend = |chain: Option<ChainId>, diff_id: &Value| {
        let diff_id = DiffId::parse(diff_id.as_str().unwrap()).unwrap();
        Some(ChainId::extend(chain, diff_id))
    };
    let chain = diff_ids.iter().fold(None, extend).unwrap().to_string();
    let view = "snapshots --snapshotter native view --target /x view";
    let mount = ctr.ok(view, &[&chain]);
    let inside = mount.split(' ').nth(3).unwrap();
    let inside = Path::new(inside).strip_prefix("/mnt").unwrap();
    check_tree(cell, &directory_tree(&ctr.docker.state().join(inside)));
}

/// Has containerd export what it imported.
fn check_copy(cell: &Cell, ctr: &Ctr, names: &[String]) {
    let again = cell.directory.path().join("again.tar");
    let mut arguments = vec![again.to_str().unwrap()];
    arguments.extend(names.iter().map(String::as_str));
    // The client of containerd 2 may end before the daemon has sent the last bytes, unless it exports by itself.
    let export = if ctr.docker.kind().release == Release::Bookworm {
        "images export --all-platforms"
    } else {
        "images export --local --all-platforms"
    };
    ctr.ok(export, &arguments);
    assert_eq!(descriptors(&again), descriptors(&cell.tar));
    let (was, is) = (blobs(&cell.tar), blobs(&again));
    if cell.form.starts_with("docker 26, containerd") || cell.form.starts_with("buildx") {
        assert_eq!(is, was);
    } else {
        // Docker's own documents of its legacy ids, to which no manifest leads.
        assert!(is.is_subset(&was));
    }
}

fn check_all(docker: &Docker) {
    if docker.ctr().is_none() {
        return;
    }
    let mut n_cells = 0;
    each(seen_by(docker.kind().release), |cell| {
        n_cells += 1;
        let namespace = format!("cell-{n_cells}");
        let ctr = Ctr { docker, namespace };
        check(cell, &ctr);
        if let Some(names) = containerd_names(cell) {
            check_copy(cell, &ctr, &names);
        }
    });
}

#[test]
fn ctr_1_6_takes_every_form_and_gives_it_back() {
    if let Some(docker) = Docker::v20() {
        check_all(&docker);
    }
}

#[test]
fn ctr_2_1_takes_every_form_and_gives_it_back() {
    if let Some(docker) = Docker::v28() {
        check_all(&docker);
    }
}

/// The names by which containerd knows the images, if it knows all of them.
fn containerd_names(cell: &Cell) -> Option<Vec<String>> {
    if cell.has == Has::Manifest {
        return None;
    }
    let index = std::fs::read(cell.layout().join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let name = |descriptor: &Value| {
        let name = descriptor["annotations"]["io.containerd.image.name"].as_str()?;
        Some(name.to_owned())
    };
    index["manifests"].as_array()?.iter().map(name).collect()
}
