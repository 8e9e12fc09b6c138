//! A directory with everything that the lines of the table read.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::table::{Line, Place, Written};
use crate::binary::{command, write_files};
use crate::edit::fixture;

pub(super) const LABEL: &str =
    "apiVersion: ocipatch/v1\noperations:\n  - set-label: { mylabel: modifiedvalue }\n";
const NOTHING: &str = "apiVersion: ocipatch/v1\noperations:\n  - set-label: { mylabel: myvalue }\n";
const SOURCES: &str = "apiVersion: ocipatch/v1
operations:
  - add-layer: { from: rootfs/files, to: /srv }
  - add-layer: { from: tars/layer.tar }
  - add-layer: { files: [{ path: /etc/single, from: single/file }, { path: /etc/text, content: \"old\\n\" }] }
  - patch-file: { path: /etc/text, from: diffs/fix.diff }
  - append-text: { path: /etc/text, from: texts/more.txt }
";
const REPLACE: &str = "apiVersion: ocipatch/v1
operations:
  - replace-layer: { layer: 2, with: { from: rootfs/files, to: /srv, files: [{ path: /etc/single, from: single/file }] } }
";
const REBASE: &str = "apiVersion: ocipatch/v1
operations:
  - rebase: { from: bases/old.tar, onto: bases/new }
";
const ADD: &str = "apiVersion: ocipatch/v1
operations:
  - add-layer: { files: [{ path: /srv/app, content: new }] }
";

pub(super) struct Home(TempDir);

impl Home {
    pub(super) fn new() -> Self {
        static MODEL: OnceLock<TempDir> = OnceLock::new();
        let home = tempfile::tempdir().unwrap();
        copy(MODEL.get_or_init(model).path(), home.path());
        Self(home)
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Returns the path of a file in a directory, if that is not empty.
    pub(super) fn file_in(&self, directory: &str) -> Option<String> {
        let mut files = Vec::new();
        files_of(&self.path(directory), &mut files);
        let file = files.iter().min()?;
        let path = file.strip_prefix(self.0.path()).unwrap();
        Some(path.to_str().unwrap().to_owned())
    }

    /// The tar that `diff --layers layers/tars` writes.
    pub(super) fn layer_tar(&self) -> String {
        let name = fs::read_to_string(self.path("layer-name")).unwrap();
        format!("layers/tars/{name}")
    }

    /// Returns the path that a role has unless another one is given.
    pub(super) fn path_of(&self, written: &Written) -> String {
        match written.place {
            Place::Fixed => self.layer_tar(),
            _ => written.path.to_owned(),
        }
    }

    /// Makes what is to be replaced: a file, or an empty directory.
    pub(super) fn make(&self, written: &Written) {
        let path = self.path(&self.path_of(written));
        if path.exists() {
            return;
        }
        match written.place {
            Place::Tree | Place::Directory => fs::create_dir(path).unwrap(),
            Place::Fixed => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "old").unwrap();
            }
            Place::File | Place::Stream => fs::write(path, "old").unwrap(),
        }
    }

    /// Opens a path as a shell does for `>>`.
    pub(super) fn append(&self, path: &str) -> File {
        let mut options = fs::OpenOptions::new();
        options.append(true).create(true);
        options.open(self.path(path)).unwrap()
    }

    /// Runs a line; one written path is another one, or leads to an open file.
    pub(super) fn run(&self, line: &Line, other: Option<(&Written, &str, Option<File>)>) -> Output {
        let mut words: Vec<&str> = line.words.split(' ').collect();
        let mut child = command();
        child.current_dir(&self.0).stdin(Stdio::null());
        child.env_remove("VISUAL").env("EDITOR", "sed -i s/e/a/");
        if let Some(read) = line.stdin() {
            child.stdin(File::open(self.path(read.path)).unwrap());
        }
        child.stdout(Stdio::piped()).stderr(Stdio::piped());
        let given = other.as_ref().map(|(written, ..)| written.path);
        if let Some((written, path, file)) = other {
            match (file, written.place) {
                (Some(file), _) if written.path.starts_with("stderr/") => drop(child.stderr(file)),
                (Some(file), _) => drop(child.stdout(file)),
                (None, Place::Fixed) => {}
                (None, _) => {
                    let word = words.iter_mut().rfind(|word| **word == written.path);
                    *word.unwrap() = path;
                }
            }
        }
        // A stream whose file another path names is open too.
        for stream in line.writes {
            let is_given = given == Some(stream.path);
            let path = self.path(stream.path);
            if stream.place == Place::Stream && !is_given && path.exists() {
                let file = fs::OpenOptions::new().append(true).open(path).unwrap();
                if stream.path.starts_with("stderr/") {
                    child.stderr(file);
                } else {
                    child.stdout(file);
                }
            }
        }
        child.args(words).output().unwrap()
    }

    /// What tells whether anything was written: names, inodes, sizes and times of everything.
    pub(super) fn state(&self) -> Vec<(PathBuf, u64, u64, i64, i64)> {
        let mut state = Vec::new();
        state_of(self.0.path(), &mut state);
        state.sort();
        state
    }
}

fn state_of(directory: &Path, state: &mut Vec<(PathBuf, u64, u64, i64, i64)>) {
    for item in fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        let (mtime, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        if metadata.is_dir() {
            state_of(&path, state);
        }
        state.push((path, metadata.ino(), metadata.len(), mtime, nanoseconds));
    }
}

fn files_of(directory: &Path, files: &mut Vec<PathBuf>) {
    for item in fs::read_dir(directory).unwrap() {
        let path = item.unwrap().path();
        let kind = path.symlink_metadata().unwrap();
        if kind.is_dir() {
            files_of(&path, files);
        } else if kind.is_file() {
            files.push(path);
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

fn model() -> TempDir {
    let model = tempfile::tempdir().unwrap();
    let home = model.path();
    let files = [
        ("patch/label.yaml", LABEL),
        ("patch/nothing.yaml", NOTHING),
        ("patch/sources.yaml", SOURCES),
        ("patch/replace.yaml", REPLACE),
        ("patch/rebase.yaml", REBASE),
        ("patch/rootfs/files/deep/hello", "hello\n"),
        ("patch/single/file", "one\n"),
        (
            "patch/diffs/fix.diff",
            "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n",
        ),
        ("patch/texts/more.txt", "more\n"),
        ("args/file", "# no values\n"),
        ("auth/file", "{}\n"),
        ("add.yaml", ADD),
    ];
    write_files(home, &files);
    for directory in [
        "image",
        "directory",
        "output",
        "iid",
        "digest",
        "metadata",
        "provenance",
        "depfile",
        "layers",
        "stdout",
        "stderr",
        "links",
        "patch/tars",
        "patch/bases",
    ] {
        fs::create_dir_all(home.join(directory)).unwrap();
    }
    let run = |line: &str| {
        let output = command()
            .current_dir(home)
            .args(line.split(' '))
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
    };
    fs::copy(fixture("docker26.tar"), home.join("image/in.tar")).unwrap();
    fs::copy(fixture("docker26.tar"), home.join("patch/bases/old.tar")).unwrap();
    fs::copy(
        fixture("docker20-base-layer.tar"),
        home.join("patch/tars/layer.tar"),
    )
    .unwrap();
    run("unpack image/in.tar directory/in");
    fs::remove_dir_all(home.join("directory/in/.ocipatch")).unwrap();
    run("apply add.yaml image/in.tar -o image/app.tar");
    run("unpack image/in.tar patch/bases/new");
    run("diff --as-patch --partial image/in.tar image/app.tar -o turn.yaml --layers found");
    let name = fs::read_dir(home.join("found"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .file_name();
    fs::write(home.join("layer-name"), name.to_str().unwrap()).unwrap();
    fs::remove_dir_all(home.join("found")).unwrap();
    for file in ["turn.yaml", "add.yaml"] {
        fs::remove_file(home.join(file)).unwrap();
    }
    model
}
