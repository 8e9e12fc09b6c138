//! The cache of layer headers: what was read once is not decompressed again, nothing that is wrong with the cache is an error,
//! and no output depends on it.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

mod faults;
mod places;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ocipatch::cache::{Cache, Recorder};
use ocipatch::digest::Digest;
use tempfile::TempDir;

use crate::binary::{command, listing, names, write_files};
use crate::edit::fixture;

const PATCH: &str = "apiVersion: ocipatch/v1\nexpect:\n- path: { /etc: exists }\noperations:\n- add-layer: { files: [{ path: /etc/new, content: hi }] }\n- set-mode: { /etc/greeting: 0600 }\n";

/// A directory with a patch, an image whose layers are compressed, and a cache.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self::of("skopeo-oci.tar", "gzip")
    }

    fn of(archive: &str, compression: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let recompress = format!(
            "apiVersion: ocipatch/v1\nattestations: drop\noperations:\n- recompress: {compression}\n"
        );
        let files = [
            ("p.yaml", PATCH),
            ("recompress.yaml", &recompress),
            ("rootfs/usr/share/one", "one\n"),
        ];
        write_files(home.path(""), &files);
        fs::copy(fixture(archive), home.path("from.tar")).unwrap();
        home.succeeds("apply -q --to oci-archive recompress.yaml from.tar -o app.tar --no-cache");
        home.succeeds("unpack app.tar app");
        home
    }

    fn path(&self, name: &str) -> &'static Path {
        // Freed with the test.
        Box::leak(self.0.path().join(name).into_boxed_path())
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("caches/ocipatch")
    }

    /// A run with this cache.
    fn command(&self) -> Command {
        let caches = self.0.path().join("caches");
        let mut command = command();
        command.current_dir(self.0.path());
        command.env("XDG_CACHE_HOME", caches).env("EDITOR", "cat");
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command().args(line.split(' ')).output().unwrap()
    }

    #[track_caller]
    fn succeeds(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The stored blobs of the layers.
    fn blobs(&self) -> Vec<Vec<u8>> {
        let blobs = fs::read_dir(self.path("app/blobs/sha256")).unwrap();
        let blobs = blobs.map(|item| fs::read(item.unwrap().path()).unwrap());
        blobs.filter(|blob| !blob.starts_with(b"{")).collect()
    }

    /// The names of the records.
    fn records(&self) -> Vec<String> {
        names(&self.cache())
    }

    /// Puts a record of `tar` where that of `blob` belongs.
    fn forge(&self, blob: &[u8], tar: &[u8]) {
        let cache = Cache::at(&self.cache());
        fs::create_dir_all(self.path("caches")).unwrap();
        let mut recording = cache.start().unwrap();
        io::copy(&mut Recorder::new(tar, &mut recording), &mut io::sink()).unwrap();
        recording.keep(Digest::of(blob), blob.len() as u64);
    }

    /// Has every layer hold a file that none of them has, according to the cache.
    fn forge_all(&self) {
        for blob in self.blobs() {
            self.forge(&blob, &tar_with("forged"));
        }
    }
}

/// A tar with an empty file.
fn tar_with(name: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(0);
    header.set_mode(0o644);
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_data(&mut header, name, io::empty()).unwrap();
    tar.into_inner().unwrap()
}

/// What a run says and writes has the record's content, so nobody has asked the layer.
#[test]
fn a_layer_that_was_read_is_not_decompressed_again() {
    let home = Home::new();
    let files = home.succeeds("inspect --files app.tar");
    assert!(
        files.contains("  /etc/greeting\n") && !files.contains("forged"),
        "{files}"
    );
    assert_eq!(home.records().len(), home.blobs().len());
    home.forge_all();
    fs::copy(fixture("docker20-nasty.tar"), home.path("other.tar")).unwrap();
    for image in ["app.tar", "app"] {
        let forged = home.succeeds(&format!("inspect --files {image}"));
        assert!(
            forged.contains("forged") && !forged.contains("  /etc/greeting\n"),
            "{forged}"
        );
        let list = home.succeeds(&format!("cat {image} /"));
        assert_eq!(list, "forged\n");
        let difference = home.succeeds(&format!("diff --files {image} other.tar"));
        assert!(difference.contains("forged"), "{difference}");
        for command in ["plan p.yaml", "apply --check p.yaml"] {
            let output = home.run(&format!("{command} {image}"));
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{stderr}");
            assert!(stderr.contains("/etc"), "{stderr}");
        }
    }
}

#[test]
fn no_cache_neither_reads_nor_writes() {
    let home = Home::new();
    let lines = [
        "inspect --files app.tar",
        "cat app.tar /",
        "diff --files app.tar from.tar",
        "plan p.yaml app.tar",
        "apply p.yaml app.tar --check",
        "export app.tar -o out.tar",
        "edit app.tar /etc/greeting",
    ];
    for line in lines {
        home.succeeds(&format!("{line} --no-cache"));
        assert!(!home.cache().exists(), "{line}");
    }
    home.forge_all();
    let before = listing(&home.cache());
    for line in lines {
        let told = home.succeeds(&format!("{line} --no-cache"));
        assert!(!told.contains("forged"), "{line}: {told}");
        assert_eq!(listing(&home.cache()), before, "{line}");
    }
}

/// A record is found by what the blob is, whatever the archive calls it.
#[test]
fn a_blob_with_other_bytes_of_the_same_length_is_read_itself() {
    let home = Home::new();
    home.forge_all();
    for item in fs::read_dir(home.path("app/blobs/sha256")).unwrap() {
        let path = item.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            // The operating system, of which nobody takes notice.
            bytes[9] ^= 1;
            fs::write(path, bytes).unwrap();
        }
    }
    let files = home.succeeds("inspect --files app");
    assert!(
        files.contains("  /etc/greeting\n") && !files.contains("forged"),
        "{files}"
    );
    assert_eq!(home.records().len(), 2 * home.blobs().len());
}

#[test]
fn a_record_that_lacks_something_costs_a_reading_of_the_layer() {
    let home = Home::new();
    let expected = home.succeeds("inspect --files app.tar --no-cache");
    for blob in home.blobs() {
        // Nothing was read before whoever recorded it gave up.
        let cache = Cache::at(&home.cache());
        fs::create_dir_all(home.path("caches")).unwrap();
        let recording = cache.start().unwrap();
        recording.keep(Digest::of(&blob), blob.len() as u64);
    }
    assert_eq!(home.succeeds("inspect --files app.tar"), expected);
    assert_eq!(home.records(), Vec::<String>::new());
    assert_eq!(home.succeeds("inspect --files app.tar"), expected);
    assert_eq!(home.records().len(), home.blobs().len());
}

#[test]
fn outputs_are_the_same_with_a_cold_cache_a_warm_one_and_none() {
    for compression in ["gzip", "zstd"] {
        for archive in [
            "skopeo-oci.tar",
            "docker20-nasty.tar",
            "buildx-oci-multi.tar",
        ] {
            let home = Home::of(archive, compression);
            let lines = [
                "inspect --files --sha256 app.tar",
                "inspect --files --format json app",
                "cat app.tar /etc",
                "cat app.tar /etc/greeting",
                "cat app.tar /none",
                "diff --files app.tar from.tar",
                "diff --as-patch --layers layers from.tar app.tar",
                "plan p.yaml app.tar",
                "apply p.yaml app.tar -o -",
                "apply p.yaml app.tar -o out/",
                "export app.tar",
                "edit app.tar /etc/greeting",
            ];
            for line in lines {
                let mut told = Vec::new();
                for (option, is_warm) in [(" --no-cache", false), ("", false), ("", true)] {
                    if !is_warm {
                        let _ = fs::remove_dir_all(home.cache());
                    }
                    for made in ["out", "layers"] {
                        let _ = fs::remove_dir_all(home.path(made));
                    }
                    let output = home.run(&format!("{line}{option}"));
                    let mut made = listing(home.path(""));
                    made.retain(|line| !line.starts_with("caches"));
                    told.push((output, made));
                }
                assert!(told[0] == told[1], "{archive} {line}: cold");
                assert!(told[0] == told[2], "{archive} {line}: warm");
            }
        }
    }
}

/// Plain layers are passed over as quickly as a record is read.
#[test]
fn plain_layers_are_not_recorded() {
    let home = Home::of("skopeo-oci.tar", "none");
    home.succeeds("plan p.yaml app.tar");
    assert!(!home.cache().exists());
    let label = "apiVersion: ocipatch/v1\noperations:\n- set-label: { a: b }\n";
    write_files(home.path(""), &[("label.yaml", label)]);
    // Nor is the cache looked for where no layer is read.
    Home::new().succeeds("inspect app.tar");
    home.succeeds("apply label.yaml app.tar -o out.tar");
    assert!(!home.cache().exists());
}

/// The archives that a patch names are read through the cache too.
#[test]
fn the_bases_of_a_rebase_are_cached() {
    let home = Home::new();
    fs::copy(home.path("app.tar"), home.path("base.tar")).unwrap();
    let rebase =
        "apiVersion: ocipatch/v1\noperations:\n- rebase: { from: base.tar, onto: other.tar }\n";
    let other = "apiVersion: ocipatch/v1\noperations:\n- add-layer: { from: rootfs, at: 1 }\n";
    write_files(
        home.path(""),
        &[("rebase.yaml", rebase), ("other.yaml", other)],
    );
    home.succeeds("apply -q other.yaml base.tar -o other.tar --no-cache");
    let cold = home.succeeds("plan rebase.yaml app.tar");
    let n_layers = home.blobs().len();
    assert_eq!(home.records().len(), n_layers + 1);
    assert_eq!(home.succeeds("plan rebase.yaml app.tar"), cold);
    assert_eq!(home.succeeds("plan rebase.yaml app.tar --no-cache"), cold);
}

/// The library has no cache unless it is given one.
#[test]
fn a_job_has_a_cache_if_it_is_given_one() {
    let home = Home::new();
    let patches = ocipatch::Patches::read([home.path("p.yaml")]).unwrap();
    let patches = patches.parse().unwrap();
    let plan = |mut job: ocipatch::Job| {
        let archive = job.open(home.path("app.tar")).unwrap();
        job.plan(&archive, &patches).unwrap().to_string()
    };
    let without = plan(ocipatch::Job::new());
    let none = plan(ocipatch::Job::new().cache(None));
    let with = plan(ocipatch::Job::new().cache(Some(home.path("own/cache").to_owned())));
    assert!(without == none && without == with);
    let own = fs::read_dir(home.path("own/cache")).unwrap();
    assert_eq!(own.count(), home.blobs().len());
}
